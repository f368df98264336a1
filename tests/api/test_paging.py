"""Lists: all pages together are all rows, once, in order, whatever ties."""

import base64
import json
from typing import Any

import pytest
from httpx import URL, AsyncClient

from app.auth import Scope, create_key
from app.database import Sessions
from app.models import Campaign, Job
from tests.api import given
from tests.api.conftest import pages, problem
from tests.api.given import Location, Sku

LISTS = (
    "/sku",
    "/inventory",
    "/sales?group_by=sku,month",
    "/dispositions",
    "/ltv/skus",
    "/order-lists",
    "/campaigns",
    "/jobs",
    "/locations",
    "/suppliers",
    "/inventory/movements",
)


def key(item: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(item[name] for name in names)


async def in_pages(client: AsyncClient, path: str, limit: int) -> list[dict[str, Any]]:
    found = await pages(client, path, limit=limit)
    assert all(len(page) == limit for page in found[:-1])
    assert 0 < len(found[-1]) <= limit, "the last page must not be empty"
    return [item for page in found for item in page]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/sku", ("sku_id",)),
        ("/inventory", ("sku_id", "location_id")),
        ("/dispositions", ("sku_id", "location_id")),
        ("/ltv/skus", ("sku_id",)),
    ],
)
async def test_pages_of_any_size_make_the_same_list(
    shop: AsyncClient, path: str, names: tuple[str, ...]
):
    whole = [key(item, *names) for item in await in_pages(shop, path, 1000)]
    assert len(set(whole)) == len(whole) >= 25
    for limit in (1, 7, len(whole)):
        assert [key(item, *names) for item in await in_pages(shop, path, limit)] == whole


async def test_verdicts_with_the_same_money_at_stake_are_all_shown_once(
    client: AsyncClient, sessions: Sessions
):
    tied = [given.disposition(f"T{n}", 0.1 + 0.2) for n in range(5)]
    negative = [given.disposition(f"N{n}", -(0.1 + 0.2), "hold") for n in range(4)]
    branches = [given.disposition("T1", 0.1 + 0.2, location_id=f"L{n}") for n in range(3)]
    others = [given.disposition("MOST", 1e9), given.disposition("LEAST", 0.0)]
    await given.add(sessions, given.evaluation(), *tied, *negative, *branches, *others)

    found = await in_pages(client, "/dispositions", 2)

    assert [key(item, "sku_id", "location_id") for item in found] == [
        ("MOST", "EC"),
        *[(f"N{n}", "EC") for n in range(4)],
        ("T0", "EC"),
        ("T1", "EC"),
        *[("T1", f"L{n}") for n in range(3)],
        *[(f"T{n}", "EC") for n in (2, 3, 4)],
        ("LEAST", "EC"),
    ]


async def test_skus_whose_buyers_are_worth_the_same_are_all_shown_once(
    client: AsyncClient, sessions: Sessions
):
    values = {"A": 1 / 3, "B": 1 / 3, "C": 1 / 3, "D": 7.5, "E": -2.0}
    await given.add(sessions, *(given.sku_ltv(sku, ltv) for sku, ltv in values.items()))
    found = await in_pages(client, "/ltv/skus", 1)
    assert [item["sku_id"] for item in found] == ["D", "A", "B", "C", "E"]


async def test_stock_at_several_locations_pages_by_sku_and_location(
    client: AsyncClient, sessions: Sessions
):
    places = [Location(location_id=f"店{n}") for n in range(3)]
    skus = [Sku(sku_id=f"品{n}") for n in range(3)]
    levels = [
        given.stock(sku.sku_id, 5, location_id=place.location_id)
        for sku in skus
        for place in places
    ]
    await given.add(sessions, *places, *skus, *levels)

    found = await in_pages(client, "/inventory", 2)

    assert [key(item, "sku_id", "location_id") for item in found] == [
        (f"品{sku}", f"店{place}") for sku in range(3) for place in range(3)
    ]


async def test_what_was_made_last_comes_first(client: AsyncClient, sessions: Sessions):
    day = given.DAY
    await given.add(
        sessions,
        *(Job(kind="import", payload={}) for _ in range(5)),
        *(given.order_list() for _ in range(5)),
        *(Campaign(name="x", starts_on=day, ends_on=day, discount_depth=0.1) for _ in range(5)),
    )
    lists = {"/jobs": "job_id", "/order-lists": "order_list_id", "/campaigns": "campaign_id"}
    for path, name in lists.items():
        found = [item[name] for item in await in_pages(client, path, 2)]
        assert found == sorted(found, reverse=True)
        assert len(found) == 5


async def test_groups_of_sales_page_in_the_order_of_their_keys(shop: AsyncClient):
    whole = await in_pages(shop, "/sales?group_by=month,sku", 1000)
    assert await in_pages(shop, "/sales?group_by=month,sku", 97) == whole
    keys = [(item["key"]["month"], item["key"]["sku"]) for item in whole]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys) > 400


def encoded(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def numbered(*row: Any) -> str:
    return encoded(["dispositions", *row])


FORGED = {
    "/jobs": [
        "!",
        "あ",
        "a",
        "%00",
        encoded("no json"),
        encoded("[" * 5000),
        encoded({"jobs": 1}),
        encoded([]),
        encoded(["jobs"]),
        encoded(["jobs", True]),
        encoded(["jobs", "1"]),
        encoded(["jobs", 1.5]),
        encoded(["jobs", 2**63]),
        encoded(["jobs", 1, 1]),
        encoded(["campaigns", 1]),
    ],
    "/ltv/skus": [encoded(["sku ltvs", 1e301, "A"]), encoded(["sku ltvs", "1", "A"])],
    "/dispositions": [
        numbered(1.0, "a\x00", "EC"),
        numbered(1.0, "\ud800", "EC"),
        numbered("1", "a", "EC"),
        numbered(1e301, "a", "EC"),
        numbered(10**400, "a", "EC"),
        encoded('["dispositions", NaN, "a", "EC"]'),
        encoded('["dispositions", Infinity, "a", "EC"]'),
    ],
}


async def test_a_cursor_that_no_page_gave_is_refused(client: AsyncClient):
    for path, cursors in FORGED.items():
        for after in cursors:
            answer = await client.get(path, params={"after": after})
            assert "pass `next` as it came" in problem(answer, 422, "bad-cursor")["detail"]


async def test_a_whole_number_larger_than_any_column_is_a_place_in_a_list_all_the_same(
    shop: AsyncClient,
):
    for after in (numbered(2**63, "A", "EC"), numbered(-(2**70), "A", "EC")):
        assert (await shop.get("/dispositions", params={"after": after})).status_code == 200
    after = encoded(["sku ltvs", 2**63, "A"])
    assert (await shop.get("/ltv/skus", params={"after": after})).status_code == 200


async def test_a_cursor_of_one_list_does_not_fit_another(shop: AsyncClient):
    cursors = {}
    for path in LISTS:
        body = (await shop.get(URL(path).copy_merge_params({"limit": 1}))).json()
        if body["next"]:
            cursors[path] = body["next"]
    assert len(cursors) >= 5
    for path in LISTS:
        for other, after in cursors.items():
            answer = await shop.get(URL(path).copy_merge_params({"after": after}))
            assert answer.status_code == (200 if path == other else 422), (path, other)


async def test_grouping_otherwise_needs_a_cursor_of_its_own(shop: AsyncClient):
    first = (await shop.get("/sales?group_by=sku,month&limit=1")).json()["next"]
    answer = await shop.get("/sales", params={"group_by": "month,sku", "after": first})
    problem(answer, 422, "bad-cursor")


async def test_an_empty_cursor_is_the_first_page(shop: AsyncClient):
    first = await shop.get("/sku?limit=2")
    assert (await shop.get("/sku?limit=2&after=")).json() == first.json()


async def test_a_page_holds_one_to_a_thousand_rows(client: AsyncClient):
    for limit in ("0", "-1", "1001", "x", "1.5", "9" * 30):
        answer = await client.get("/jobs", params={"limit": limit})
        body = problem(answer, 422, "invalid-request")
        assert body["errors"][0]["loc"] == ["query", "limit"]


async def test_a_list_without_rows_is_one_empty_page(client: AsyncClient):
    for path in LISTS:
        assert (await client.get(path)).json() == {"items": [], "next": None}, path


async def test_keys_of_any_script_and_length_page(client: AsyncClient, sessions: Sessions):
    ids = ["A/B", "a b", "品" * 200, "😀", '"', "\\", "%", "ｶﾅ"]
    await given.add(sessions, *(Sku(sku_id=sku_id) for sku_id in ids))
    found = await in_pages(client, "/sku", 1)
    assert sorted(item["sku_id"] for item in found) == sorted(ids)


async def test_a_key_of_one_scope_sees_its_list_only(client: AsyncClient, sessions: Sessions):
    async with sessions.begin() as session:
        reader = await create_key(session, "reader", [Scope.ORDERS_READ])
    headers = {"X-API-Key": reader}
    assert (await client.get("/order-lists", headers=headers)).status_code == 200
    problem(await client.get("/sku", headers=headers), 403, "missing-scope")
