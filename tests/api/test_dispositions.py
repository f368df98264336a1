"""Verdicts over HTTP: the published shape, ETags, filters, and what is not there."""

from datetime import timedelta

import pytest
from httpx import AsyncClient

from app.database import Sessions
from app.schemas.sku import DispositionBody
from tests.api import given
from tests.api.conftest import problem, rows
from tests.api.given import Sku
from tests.make import LAST_DAY, RATES


async def test_every_verdict_is_as_promised_though_it_is_sent_as_it_was_stored(shop: AsyncClient):
    found = await rows(shop, "/dispositions")
    assert {item["sku_id"] for item in found} == set(RATES)
    for item in found:
        body = DispositionBody.model_validate(item)
        assert item.keys() == DispositionBody.model_fields.keys()
        assert body.sell_score + body.hold_score == pytest.approx(100)
        assert body.evaluated_on == LAST_DAY
        assert (await shop.get(f"/sku/{body.sku_id}/disposition")).json() == item


async def test_the_work_list_begins_with_most_money_at_stake(shop: AsyncClient):
    stakes = [abs(item["advantage"]) for item in await rows(shop, "/dispositions")]
    assert stakes == sorted(stakes, reverse=True)
    assert stakes[0] > 0


async def test_the_work_list_can_be_cut_to_a_verdict_or_a_location(
    client: AsyncClient, sessions: Sessions
):
    verdicts = {"A": "sell", "B": "hold", "C": "watch", "D": "none", "E": "sell"}
    await given.add(
        sessions,
        given.evaluation(),
        *(given.disposition(sku, 1.0, verdict) for sku, verdict in verdicts.items()),
        given.disposition("A", 1.0, "hold", location_id="SHIBUYA"),
    )

    async def found(**filters: str) -> list[tuple[str, str]]:
        items = await rows(client, "/dispositions", **filters)
        return [(item["sku_id"], item["location_id"]) for item in items]

    assert await found(decision="sell") == [("A", "EC"), ("E", "EC")]
    assert await found(decision="hold") == [("A", "SHIBUYA"), ("B", "EC")]
    assert await found(location_id="SHIBUYA") == [("A", "SHIBUYA")]
    assert await found(location_id="EC", decision="none") == [("D", "EC")]
    assert await found(location_id="ec") == []
    assert len(await found()) == 6


@pytest.mark.parametrize("days", [7, -7])
async def test_in_force_is_the_last_evaluation_whatever_its_day(
    client: AsyncClient, sessions: Sessions, days: int
):
    before = given.DAY - timedelta(days=days)
    await given.add(
        sessions,
        Sku(sku_id="A"),
        Sku(sku_id="B"),
        given.disposition("A", 5.0),
        given.disposition("A", 9.0, evaluated_on=before),
        given.disposition("B", 9.0, evaluated_on=before),
    )
    await given.add(sessions, given.evaluation(before))
    await given.add(sessions, given.evaluation())
    assert [item["sku_id"] for item in await rows(client, "/dispositions")] == ["A"]
    assert (await client.get("/sku/A/disposition")).json()["advantage"] == 5.0
    assert (await client.get("/sku/A")).json()["decision"] == "sell"
    problem(await client.get("/sku/B/disposition"), 404, "not-evaluated")
    assert (await client.get("/sku/B")).json()["decision"] is None


async def test_without_a_location_the_one_with_most_at_stake_answers(
    client: AsyncClient, sessions: Sessions
):
    stakes = {"SHIBUYA": -7.0, "EC": 3.0, "UMEDA": 7.0}
    await given.add(
        sessions,
        given.evaluation(),
        *(given.disposition("A", n, location_id=at) for at, n in stakes.items()),
    )
    answer = await client.get("/sku/A/disposition")
    assert answer.json()["location_id"] == "SHIBUYA"
    answer = await client.get("/sku/A/disposition?location_id=EC")
    assert answer.json()["advantage"] == 3.0


async def test_an_answer_seen_before_is_not_sent_again(shop: AsyncClient):
    for path in ("/sku/EXCESS/disposition", "/dispositions?decision=sell&limit=3"):
        first = await shop.get(path)
        etag = first.headers["ETag"]
        seen = (etag, f"W/{etag}", "*", f'"other", {etag}', f'"other",W/{etag}', f' {etag} , "x"')
        for tags in seen:
            again = await shop.get(path, headers={"If-None-Match": tags})
            assert (again.status_code, again.content) == (304, b""), tags
            assert again.headers["ETag"] == etag
            assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        for tags in ('"other"', etag.strip('"'), "", f'"{etag}'):
            again = await shop.get(path, headers={"If-None-Match": tags})
            assert (again.status_code, again.content) == (200, first.content), tags


async def test_another_answer_has_another_etag(shop: AsyncClient):
    tags = [(await shop.get(f"/sku/{s}/disposition")).headers["ETag"] for s in RATES]
    assert len(set(tags)) == len(RATES)


async def test_what_is_not_there_says_what_it_lacks(client: AsyncClient, sessions: Sessions):
    await given.add(
        sessions,
        given.Location(location_id="EC"),
        Sku(sku_id="JUDGED", list_price=1.0),
        Sku(sku_id="POST", item_class="service"),
        Sku(sku_id="UNSTOCKED", list_price=1.0),
        Sku(sku_id="UNPRICED"),
        Sku(sku_id="NEW", list_price=1.0),
        given.stock("UNPRICED", 1),
        given.stock("NEW", 1),
        given.disposition("JUDGED", 1.0),
        given.evaluation(),
    )
    problem(await client.get("/sku/GONE/disposition"), 404, "unknown-sku")
    lacking = {
        "/sku/JUDGED/disposition?location_id=ec": "there is no location 'ec'",
        "/sku/JUDGED/disposition?location_id=EC": None,
        "/sku/POST/disposition": "it is a service",
        "/sku/UNSTOCKED/disposition": "its stock has not been counted there",
        "/sku/UNPRICED/disposition": "it has no list price",
        "/sku/NEW/disposition": "no evaluation has ended since its stock came",
    }
    for path, why in lacking.items():
        answer = await client.get(path)
        if why is None:
            assert answer.status_code == 200
        else:
            assert problem(answer, 404, "not-evaluated")["detail"].endswith(f"verdict: {why}")
