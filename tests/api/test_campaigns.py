"""Campaigns over HTTP: recorded, measured, and the doubled sales of the shop's own one found."""

import asyncio

from httpx import AsyncClient

from app.database import Sessions
from app.schemas.campaigns import CampaignEffectBody
from tests.api import given
from tests.api.conftest import problem
from tests.api.given import Sku
from tests.conftest import Work
from tests.make import CAMPAIGN, COST, PRICE


def units_kept() -> int:
    """What the campaign sold and was not brought back, a return being of the latest purchase."""
    bought: dict[tuple[str, str], list[str]] = {}
    returned = []
    for line in given.csv_rows("sales"):
        whose = (line["customer_id"], line["sku_id"])
        if int(line["quantity"]) > 0:
            bought.setdefault(whose, []).append(line["sold_at"])
        elif line["customer_id"]:
            returned.append(whose)
    for whose in returned:
        bought[whose].pop()
    return sum(
        CAMPAIGN["starts_on"] <= day <= CAMPAIGN["ends_on"]
        for (_, sku_id), days in bought.items()
        if sku_id in CAMPAIGN["sku_ids"]
        for day in days
    )


async def test_the_doubling_of_sales_is_found(shop: AsyncClient):
    [campaign] = (await shop.get("/campaigns")).json()["items"]
    answer = await shop.get(f"/campaigns/{campaign['campaign_id']}/effect")
    CampaignEffectBody.model_validate(answer.json())
    effect = answer.json()["effect"]
    change = effect["campaign"]
    sold = units_kept()
    assert change["observed"] == sold
    assert change["units"] == round(sold - change["counterfactual"], 2)
    low, high = change["lift_interval"]
    assert low < 1 < high, "sales were made with twice the usual rate"
    assert low < change["lift"] < high
    assert effect["p_value"] <= 0.05
    assert (effect["treated_skus"], effect["why"]) == (3, None)
    accounts = effect["accounts"]
    price = PRICE * (1 - CAMPAIGN["discount_depth"])
    assert accounts["incremental_units"] > 0
    assert accounts["incremental_margin"] < accounts["incremental_units"] * (price - COST)


async def test_a_campaign_is_recorded_as_sent(client: AsyncClient, sessions: Sessions):
    await given.add(sessions, Sku(sku_id="A"), Sku(sku_id="B/1"))
    sent = {
        "name": "夏のセール",
        "starts_on": "2026-07-01",
        "ends_on": "2026-07-01",
        "discount_depth": 0,
        "fixed_cost": 12.34,
        "sku_ids": ["B/1", "A", "A"],
    }
    created = await client.post("/campaigns", json=sent)
    assert created.status_code == 201
    body = created.json()
    assert created.headers["Location"] == f"/campaigns/{body['campaign_id']}"
    assert body["sku_ids"] == ["A", "B/1"]
    assert {name: body[name] for name in sent if name != "sku_ids"} == {
        name: value for name, value in sent.items() if name != "sku_ids"
    }
    assert body["is_derived"] is False
    assert (await client.get(created.headers["Location"])).json() == body
    assert (await client.get("/campaigns")).json()["items"] == [body]


async def test_skus_that_are_not_in_the_catalogue_are_named(
    client: AsyncClient, sessions: Sessions
):
    await given.add(sessions, Sku(sku_id="A"))
    sent = {**CAMPAIGN, "sku_ids": ["A", *(f"GONE-{n}" for n in range(8))]}
    body = problem(await client.post("/campaigns", json=sent), 422, "unknown-skus")
    assert "GONE-0, GONE-1, GONE-2, GONE-3, GONE-4 and 3 more" in body["detail"]
    assert (await client.get("/campaigns")).json()["items"] == []


async def test_an_effect_is_there_once_it_is_measured(own_shop: AsyncClient, own_work: Work):
    path = (await own_shop.post("/campaigns", json=CAMPAIGN)).headers["Location"]
    body = problem(await own_shop.get(f"{path}/effect"), 404, "campaign-unmeasured")
    assert f"POST {path}/measure" in body["detail"]

    accepted = await own_shop.post(f"{path}/measure")
    assert accepted.status_code == 202
    assert accepted.json()["import_id"] is None
    await own_work()

    job = (await own_shop.get(accepted.headers["Location"])).json()
    assert (job["kind"], job["status"]) == ("measure", "succeeded")
    effect = (await own_shop.get(f"{path}/effect")).json()["effect"]
    known = (await own_shop.get("/campaigns/1/effect")).json()["effect"]
    assert effect == known, "the same campaign measured twice says the same"


async def test_what_cannot_be_told_is_said_to_be_so(own_shop: AsyncClient, own_work: Work):
    unsold = {**CAMPAIGN, "starts_on": "2030-01-01", "ends_on": "2030-01-07"}
    path = (await own_shop.post("/campaigns", json=unsold)).headers["Location"]
    await own_shop.post(f"{path}/measure")
    await own_work()
    answer = (await own_shop.get(f"{path}/effect")).json()
    CampaignEffectBody.model_validate(answer)
    effect = answer["effect"]
    assert (effect["verdict"], effect["verdict_ja"]) == ("undecided", "判定不能")
    assert effect["why"] or effect["doubts"]
    assert effect.keys() == CampaignEffectBody.model_fields["effect"].annotation.model_fields.keys()


async def test_a_campaign_still_running_is_measured_so_far_and_one_to_come_is_not(
    own_shop: AsyncClient, own_work: Work
):
    effects = []
    for starts_on, ends_on in (("2026-06-24", "2026-07-07"), ("2026-12-20", "2026-12-26")):
        sent = {**CAMPAIGN, "starts_on": starts_on, "ends_on": ends_on}
        created = await own_shop.post("/campaigns", json=sent)
        path = created.headers["Location"]
        await own_shop.post(f"{path}/measure")
        await own_work()
        effects.append((await own_shop.get(f"{path}/effect")).json()["effect"])
    running, to_come = effects
    assert "unfinished" in [doubt["code"] for doubt in running["doubts"]]
    assert all(doubt["ja"] and doubt["en"] for doubt in running["doubts"])
    assert running["campaign"]["observed"] > 0
    assert (to_come["verdict"], to_come["campaign"]) == ("undecided", None)
    assert to_come["why"] == "the last sales known are of 2026-06-30, before it began"


async def test_measured_twice_at_once_it_is_measured(own_shop: AsyncClient, own_work: Work):
    for _ in range(4):
        await own_shop.post("/campaigns/1/measure")
    await asyncio.gather(own_work(), own_work())
    await own_work()
    jobs = (await own_shop.get("/jobs?limit=4")).json()["items"]
    assert {job["status"] for job in jobs} <= {"succeeded", "queued"}
