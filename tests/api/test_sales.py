"""Sales summed up: whatever they are grouped by, the sums tie to the lines that were sent."""

import pytest
from httpx import AsyncClient

from tests.api import given
from tests.api.conftest import problem, rows
from tests.conftest import Work
from tests.make import COST, PRICE

GROUPS = ("channel", "location", "sku", "style", "category", "day", "week", "month")


async def test_every_grouping_sums_up_to_the_lines_that_were_sent(shop: AsyncClient):
    units = [int(line["quantity"]) for line in given.csv_rows("sales")]
    for group in (*GROUPS, "sku,month", "channel,style,week"):
        found = await rows(shop, "/sales", group_by=group)
        assert sum(item["units"] for item in found) == sum(units), group
        assert sum(item["units_returned"] for item in found) == -sum(u for u in units if u < 0)
        assert sum(item["revenue"] for item in found) == pytest.approx(sum(units) * PRICE)
        margin = sum(item["gross_margin"] for item in found)
        assert margin == pytest.approx(sum(units) * (PRICE - COST))
        assert {item["discount"] for item in found} == {0}
        assert all(list(item["key"]) == group.split(",") for item in found)


async def test_each_sku_sums_up_by_itself(shop: AsyncClient):
    sent: dict[str, int] = {}
    for line in given.csv_rows("sales"):
        sent[line["sku_id"]] = sent.get(line["sku_id"], 0) + int(line["quantity"])
    found = await rows(shop, "/sales", group_by="sku")
    assert {item["key"]["sku"]: item["units"] for item in found} == sent
    [one] = await rows(shop, "/sales", group_by="channel", sku_id="SLOW")
    assert one["units"] == sent["SLOW"]


async def test_days_at_both_ends_count(shop: AsyncClient):
    def units(start: str, end: str) -> int:
        lines = given.csv_rows("sales")
        return sum(int(x["quantity"]) for x in lines if start <= x["sold_at"] <= end)

    for start, end in (("2026-05-01", "2026-05-31"), ("2026-06-30", "2026-06-30")):
        found = await rows(shop, "/sales", start=start, end=end, group_by="month")
        assert [item["units"] for item in found] == [units(start, end)]
    assert await rows(shop, "/sales", end="2020-01-01") == []
    assert await rows(shop, "/sales", channel="nowhere") == []
    everything = await rows(shop, "/sales", start="0001-01-01", end="9999-12-31")
    assert everything == await rows(shop, "/sales")


async def test_weeks_begin_on_monday(shop: AsyncClient):
    found = await rows(shop, "/sales", group_by="week", start="2026-06-15", end="2026-06-28")
    assert [item["key"]["week"] for item in found] == ["2026-06-15", "2026-06-22"]


async def test_margin_and_discount_by_hand(client: AsyncClient, work: Work):
    products = "sku_id,list_price,unit_cost,category\nA,100,40,coats\nB,50,,\n"
    sales = (
        "order_id,sku_id,location_id,sold_at,quantity,unit_price\n"
        "1,A,EC,2026-06-01,3,80\n"  # 60 off in all
        "2,A,EC,2026-06-02,1,100\n"
        "3,A,EC,2026-06-03,-1,80\n"  # a return takes its discount back
        "4,B,EC,2026-06-03,2,60\n"  # above list price: less than no discount; no cost: no margin
    )
    await client.post("/imports/products", content=products.encode())
    await client.post("/imports/sales", content=sales.encode())
    await work()
    coats, others = reversed(await rows(client, "/sales", group_by="category"))
    assert coats["key"] == {"category": "coats"}
    assert (coats["units"], coats["units_returned"], coats["revenue"]) == (3, 1, 260)
    assert (coats["gross_margin"], coats["discount"]) == (3 * 40 + 60 - 40, 40)
    assert others["key"] == {"category": ""}
    assert (others["units"], others["revenue"]) == (2, 120)
    assert (others["gross_margin"], others["discount"]) == (None, -20)


async def test_groups_add_up_to_the_whole_to_the_last_digit(client: AsyncClient, work: Work):
    """Nine of 0.3333 are 2.9997, however they are grouped, and nowhere 3.00 or 2.97."""
    skus = [f"S{n}" for n in range(9)]
    files = {
        "products": "sku_id,style_id,list_price,unit_cost\n"
        + "".join(f"{sku},T,0.4444,0.1111\n" for sku in skus),
        "sales": "order_id,sku_id,location_id,sold_at,quantity,unit_price\n"
        + "".join(f"{sku},{sku},EC,2026-06-01,1,0.3333\n" for sku in skus),
        "stock": "sku_id,location_id,counted_on,on_hand\n"
        + "".join(f"{sku},EC,2026-06-30,1\n" for sku in skus),
    }
    for kind, text in files.items():
        await client.post(f"/imports/{kind}", content=text.encode())
    await work()
    whole = {"revenue": 2.9997, "list_value": 3.9996, "discount": 0.9999, "gross_margin": 1.9998}
    for group in ("all", *GROUPS):
        found = await rows(client, "/sales", group_by=group)
        sums = {name: round(sum(row[name] for row in found), 4) for name in whole}
        assert sums == whole, group
    whole = {
        "revenue": 2.9997,
        "gross_margin": 1.9998,
        "value_at_cost": 0.9999,
        "value_at_list": 3.9996,
    }
    for level in ("sku", "style"):
        found = await rows(client, "/inventory", level=level, by="all")
        assert {n: round(sum(row[n] for row in found), 4) for n in whole} == whole, level


async def test_a_level_is_a_group_or_what_the_group_sku_means(shop: AsyncClient):
    for level in ("sku", "style"):
        by_level = await rows(shop, "/sales", group_by=level)
        assert await rows(shop, "/sales", level=level) == by_level
        assert await rows(shop, "/sales", level=level, group_by="sku") == by_level
        months = await rows(shop, "/sales", group_by=f"{level},month")
        assert await rows(shop, "/sales", level=level, group_by="sku,month") == months
        assert await rows(shop, "/sales", level=level, group_by="style") == await rows(
            shop, "/sales", group_by="style"
        )
    answer = await shop.get("/sales?level=style&group_by=sku,style")
    assert "twice" in problem(answer, 422, "invalid-request")["detail"]
    problem(await shop.get("/sales?level=color"), 422, "invalid-request")


async def test_sales_are_seen_as_of_a_day(shop: AsyncClient):
    until = await rows(shop, "/sales", group_by="sku", end="2026-05-15")
    assert await rows(shop, "/sales", group_by="sku", as_of="2026-05-15") == until
    both = await rows(shop, "/sales", group_by="sku", as_of="2026-06-01", end="2026-05-15")
    assert both == until
    for query, where, why in (
        ("as_of=2026-05-15&end=2026-05-16", "end", "after as_of"),
        ("as_of=2026-05-15&start=2026-05-16", "as_of", "before start"),
    ):
        body = problem(await shop.get(f"/sales?{query}"), 422, "invalid-request")
        assert body["errors"][0]["loc"] == ["query", where]
        assert why in body["detail"]
