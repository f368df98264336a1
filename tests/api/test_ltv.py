"""Customer lifetime value over HTTP: segments, customers, the model, SKUs."""

import asyncio

import pytest
from httpx import AsyncClient

from app.domain.cpm import CpmCell
from tests.api import given
from tests.api.conftest import problem, rows
from tests.make import LAST_DAY


def customers() -> dict[str, float]:
    """Money each identified customer has spent, net of returns."""
    spent: dict[str, float] = {}
    for line in given.csv_rows("sales"):
        if line["customer_id"]:
            money = int(line["quantity"]) * float(line["unit_price"])
            spent[line["customer_id"]] = spent.get(line["customer_id"], 0) + money
    return {name: money for name, money in spent.items() if money > 0}


async def test_segments_part_the_customers(shop: AsyncClient):
    spent = customers()
    answers = await asyncio.gather(*(shop.get(f"/ltv/customers/{name}") for name in spent))
    found = [answer.json() for answer in answers]
    assert {item["customer_id"] for item in found} == set(spent)
    body = (await shop.get("/ltv/segments")).json()
    assert body["as_of"] == LAST_DAY.isoformat()
    assert sum(item["customers"] for item in body["items"]) == len(spent)
    for item in body["items"]:
        members = [one for one in found if one["cpm_segment"] == item["segment"]]
        assert item["customers"] == len(members) > 0
        assert item["high_ltv_customers"] == sum(one["is_high_ltv"] for one in members)
        money = sum(spent[one["customer_id"]] for one in members)
        assert item["revenue"] == pytest.approx(money)
        ltv = sum(one["ltv"] for one in members)
        assert item["total_ltv"] == pytest.approx(ltv, abs=0.01 * len(members))
        assert item["mean_ltv"] == pytest.approx(ltv / len(members), abs=0.02)


async def test_segments_come_in_their_order_with_the_name_the_trade_knows(shop: AsyncClient):
    items = (await shop.get("/ltv/segments")).json()["items"]
    names = [item["segment"] for item in items]
    assert names == [cell.value for cell in CpmCell if cell.value in names]
    assert [item["segment_ja"] for item in items] == [CpmCell(name).label for name in names]
    assert "優良現役" in {item["segment_ja"] for item in items}


async def test_a_customer_is_told_with_bounds_and_label(shop: AsyncClient):
    name, money = next(iter(customers().items()))
    body = (await shop.get(f"/ltv/customers/{name}")).json()
    assert body["revenue"] == money
    assert body["cpm_segment_ja"] == CpmCell(body["cpm_segment"]).label
    assert 0 <= body["ltv_low"] <= body["ltv"] <= body["ltv_high"]
    assert body["p_alive"] is None, "so few customers are valued by run rates, which say nothing"


async def test_a_customer_nobody_knows_is_not_repeated(shop: AsyncClient):
    answer = await shop.get("/ltv/customers/C-UNKNOWN")
    body = problem(answer, 404, "unknown-customer")
    assert "C-UNKNOWN" not in body["detail"]


async def test_the_model_says_what_it_was_fitted_to(shop: AsyncClient):
    body = (await shop.get("/ltv/model")).json()
    segments = (await shop.get("/ltv/segments")).json()["items"]
    fit = body["fit"]
    assert body["name"] == fit["name"]
    assert fit["customers"] == len(customers())
    total = sum(item["total_ltv"] for item in segments)
    assert fit["total_ltv"] == pytest.approx(total, rel=1e-6)
    assert fit["total_low"] <= fit["total_ltv"] <= fit["total_high"]
    assert fit["is_cost_derived"] is False


async def test_skus_come_by_the_worth_of_their_buyers(shop: AsyncClient):
    found = await rows(shop, "/ltv/skus")
    worth = [item["buyer_ltv"] for item in found]
    assert worth == sorted(worth, reverse=True)
    for item in found[:3]:
        assert (await shop.get(f"/sku/{item['sku_id']}/ltv")).json() == item


async def test_before_any_evaluation_there_are_no_segments(client: AsyncClient):
    body = (await client.get("/ltv/segments")).json()
    assert (body["items"], body["as_of"], body["data_flags"]) == ([], None, [])
