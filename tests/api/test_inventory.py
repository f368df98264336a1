"""Stock: position, sell-through and days of supply, counted again by hand."""

from datetime import date, timedelta

import pytest
from httpx import AsyncClient

from app.database import Sessions
from tests.api import given
from tests.api.conftest import rows
from tests.api.given import Location, Sku
from tests.conftest import Work
from tests.make import COST, LAST_DAY, RATES

WINDOW_DAYS = 13 * 7  # the policy's default, sell_through_weeks


def units_sold(since: date) -> dict[str, int]:
    units = dict.fromkeys(RATES, 0)
    for line in given.csv_rows("sales"):
        if date.fromisoformat(line["sold_at"]) > since:
            units[line["sku_id"]] += int(line["quantity"])
    return units


async def test_sell_through_and_days_of_supply_are_as_counted_by_hand(shop: AsyncClient):
    sold = units_sold(LAST_DAY - timedelta(days=WINDOW_DAYS))
    found = {item["sku_id"]: item for item in await rows(shop, "/inventory")}
    assert found.keys() == RATES.keys()
    for sku_id, (_, on_hand) in RATES.items():
        item, units = found[sku_id], sold[sku_id]
        assert (item["on_hand"], item["units_sold"]) == (on_hand, units)
        assert item["inventory_position"] == on_hand
        assert item["value_at_cost"] == on_hand * COST
        assert item["sell_through_rate"] == pytest.approx(units / (units + on_hand), abs=5e-5)
        days = on_hand / (units / WINDOW_DAYS) if units else None
        assert item["days_of_supply"] == (days and pytest.approx(days, abs=0.005))
    assert found["DEAD"]["days_of_supply"] is None
    assert found["DEAD"]["sell_through_rate"] == 0


async def test_the_last_sale_is_the_last_day_it_was_bought(shop: AsyncClient):
    last: dict[str, str] = {}
    for line in given.csv_rows("sales"):
        if int(line["quantity"]) > 0:
            last[line["sku_id"]] = max(last.get(line["sku_id"], ""), line["sold_at"])
    for item in await rows(shop, "/inventory"):
        assert item["last_sold_on"] == last[item["sku_id"]]


async def test_an_earlier_day_is_seen_as_it_was(shop: AsyncClient):
    assert await rows(shop, "/inventory", as_of="2026-06-29") == []
    later = await rows(shop, "/inventory", as_of="2026-12-31")
    assert {item["units_sold"] for item in later} == {0}
    assert {item["days_of_supply"] for item in later} == {None}


async def test_filters_cut_the_list(shop: AsyncClient):
    whole = await rows(shop, "/inventory")
    channel = whole[0]["channel"]
    assert await rows(shop, "/inventory", channel=channel, location_id="EC") == whole
    assert await rows(shop, "/inventory", channel="nowhere") == []
    assert await rows(shop, "/inventory", location_id="nowhere") == []
    [one] = await rows(shop, "/inventory", sku_id="SLOW")
    assert one in whole


async def test_what_is_on_its_way_counts_and_what_is_promised_does_not(
    client: AsyncClient, sessions: Sessions
):
    sku = Sku(sku_id="A", unit_cost=10.0, is_cost_derived=True)
    await given.add(sessions, Location(location_id="EC"), sku, Sku(sku_id="B"))
    received = date(2026, 6, 1)
    await given.add(
        sessions,
        given.stock("A", 7, on_order=5, allocated=3, last_received_on=received, is_derived=True),
        given.stock("A", 99, counted_on=date(2026, 6, 1)),
        given.stock("B", -4),
    )
    first, second = await rows(client, "/inventory")
    assert (first["on_hand"], first["inventory_position"], first["age_days"]) == (7, 9, 29)
    assert first["value_at_cost"] == 70
    assert first["data_flags"] == ["derived_stock", "derived_cost", "no_list_price"]
    assert (second["on_hand"], second["value_at_cost"]) == (-4, None)
    assert second["data_flags"] == ["negative_stock", "no_cost", "no_list_price"]
    assert second["sell_through_rate"] is None


async def test_stock_counted_after_the_last_sale_is_seen(client: AsyncClient, work: Work):
    sales = "order_id,sku_id,location_id,sold_at,quantity,unit_price\n1,A,EC,2026-06-28,2,100\n"
    stock = "sku_id,location_id,counted_on,on_hand\nA,EC,2026-06-30,8\n"
    await client.post("/imports/sales", content=sales.encode())
    await client.post("/imports/stock", content=stock.encode())
    await work()
    [item] = await rows(client, "/inventory")
    assert (item["on_hand"], item["units_sold"], item["sell_through_rate"]) == (8, 2, 0.2)
    assert item["days_of_supply"] == 8 / (2 / WINDOW_DAYS)


async def test_the_largest_amounts_that_an_import_takes_can_be_looked_at_and_ordered(
    client: AsyncClient, work: Work
):
    most = 2**31 - 1
    files = {
        "stock": "sku_id,location_id,counted_on,on_hand,on_order\n"
        f"HUGE,EC,2026-06-30,{most},{most}\nSHORT,EC,2026-07-01,0,0\n",
        "sales": "order_id,sku_id,sold_at,quantity,unit_price\n"
        + "".join(f"H{n},SHORT,2026-06-{20 + n},{most},1\n" for n in range(8)),
    }
    for kind, text in files.items():
        await client.post(f"/imports/{kind}", content=text.encode())
    await client.post("/evaluations", json={})
    await work()
    huge, short = (await client.get("/inventory")).json()["items"]
    assert huge["inventory_position"] == 2 * most
    assert short["units_sold"] == 8 * most
    assert (await client.get("/sku/HUGE")).status_code == 200
    [line] = (await client.post("/order-lists", json={})).json()["lines"]
    assert line["quantity"] > most


async def test_what_has_no_receipt_has_no_age_and_comes_last(
    client: AsyncClient, sessions: Sessions
):
    await given.add(sessions, Location(location_id="EC"), Sku(sku_id="A"), Sku(sku_id="B"))
    known = given.stock("B", 1, last_received_on=date(2026, 6, 30))
    await given.add(sessions, given.stock("A", 1), known)
    for sort in ("age_days", "-age_days"):
        found = await rows(client, "/inventory", sort=sort)
        assert [(row["sku_id"], row["age_days"]) for row in found] == [("B", 0), ("A", None)]
    [later, _] = await rows(client, "/inventory", sort="age_days", as_of="2026-07-10")
    assert (later["counted_on"], later["age_days"]) == ("2026-06-30", 10), "older every day"
