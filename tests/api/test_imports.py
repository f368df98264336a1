"""Imports as an ERP sends them: repeated, corrected, partial, with what no master names."""

import pytest
from httpx import AsyncClient

from tests.api.sending import Send, sender, table
from tests.conftest import Work

SALES = "order_id,sku_id,sold_at,quantity,unit_price\n"
FIVE = SALES + "".join(f"A-{n},S-{n},2026-06-0{n},{n},100\n" for n in range(1, 6))


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


async def test_the_same_file_twice_changes_nothing(send, sessions):
    first = await send("sales", FIVE)
    assert first.counts == {"new": 5}
    rows = await table(sessions, "SELECT * FROM sale ORDER BY order_id")
    assert (await send("sales", FIVE)).counts == {"same": 5}
    assert await table(sessions, "SELECT * FROM sale ORDER BY order_id") == rows
    assert first.summary["totals"] == {
        "guest_sales": {"lines": 5, "orders": 5, "skus": 5, "customers": 0, "revenue": 1500}
    }


async def test_a_correction_changes_exactly_its_rows(send, sessions):
    first = await send("sales", FIVE)
    corrected = await send("sales", FIVE.replace("A-3,S-3,2026-06-03,3", "A-3,S-3,2026-06-04,7"))
    assert corrected.counts == {"changed": 1, "same": 4}
    ids = first.batch["import_id"], corrected.batch["import_id"]
    assert await table(
        sessions, "SELECT quantity, sold_on::text, import_id FROM sale ORDER BY order_id"
    ) == [
        (1, "2026-06-01", ids[0]),
        (2, "2026-06-02", ids[0]),
        (7, "2026-06-04", ids[1]),
        (4, "2026-06-04", ids[0]),
        (5, "2026-06-05", ids[0]),
    ]


async def test_a_sale_belongs_to_the_day_on_the_shops_clock(send, sessions):
    await send(
        "sales",
        SALES + "A-1,S-1,2026-06-01 00:30,1,100\nA-2,S-1,2026-06-01T15:30:00Z,1,100\n",
    )
    days = await table(sessions, "SELECT sold_on::text FROM sale ORDER BY order_id")
    assert days == [("2026-06-01",), ("2026-06-02",)]


async def test_columns_that_a_file_lacks_stay_as_they_are(send, sessions):
    await send(
        "products",
        "sku_id,name,color,category,item_class,list_price,unit_cost\n"
        "S-1,シャツ,紺,トップス,seasonal,3000,1200\n"
        "S-2,パンツ,黒,ボトムス,staple,5000,2000\n",
    )
    sent = await send("products", "sku_id,list_price\nS-1,2500\nS-2,5000\nS-3,100\n")
    assert sent.counts == {"new": 1, "changed": 1, "same": 1}
    assert await table(
        sessions,
        "SELECT name, color, category, item_class, list_price, unit_cost FROM sku ORDER BY sku_id",
    ) == [
        ("シャツ", "紺", "トップス", "seasonal", 2500, 1200),
        ("パンツ", "黒", "ボトムス", "staple", 5000, 2000),
        (None, None, None, "staple", 100, None),
    ]


async def test_who_states_a_price_or_a_count_states_that_it_is_no_assumption(send, sessions):
    await send(
        "products",
        "sku_id,list_price,unit_cost,is_price_derived,is_cost_derived\nS-1,3000,1500,true,true\n",
    )
    await send("products", "sku_id,unit_cost\nS-1,1500\n")
    assert await table(sessions, "SELECT is_price_derived, is_cost_derived FROM sku") == [
        (True, False)
    ]
    stock = "sku_id,location_id,counted_on,on_hand{}\nS-1,EC,2026-06-01,5{}\n"
    await send("stock", stock.format(",on_order,is_derived", ",7,1"))
    assert (await send("stock", stock.format("", ""))).counts == {"changed": 1}
    assert await table(sessions, "SELECT on_hand, on_order, is_derived FROM stock_level") == [
        (5, 7, False)
    ]


async def test_skus_and_places_that_no_master_names_are_added_as_unlisted(send, sessions):
    sent = await send(
        "sales",
        "order_id,sku_id,sku_name,location_id,sold_at,quantity,unit_price\n"
        "A-1,S-1,shirt,EC,2026-06-01,1,100\n"
        "A-2,S-1,SHIRT,GINZA,2026-06-01,1,100\n"
        "A-3,S-1,SHIRT,EC,2026-06-01,1,100\n"
        "A-4,S-1,,EC,2026-06-01,1,100\n",
    )
    assert sent.summary["unlisted"] == {"skus": 1, "locations": 2}
    assert await table(sessions, "SELECT name, is_listed FROM sku") == [("SHIRT", False)]
    places = await table(
        sessions, "SELECT location_id, channel, is_listed FROM location ORDER BY 1"
    )
    assert places == [("EC", "ec", False), ("GINZA", "store", False)]
    assert (await send("products", "sku_id\nS-1\n")).counts == {"changed": 1}
    assert await table(sessions, "SELECT name, is_listed FROM sku") == [("SHIRT", True)]


async def test_a_return_in_a_later_file_leaves_its_sale_as_it_was(send, sessions):
    await send("sales", SALES + "A-1,S-1,2026-06-01,5,100\n")
    later = await send("sales", SALES + "A-1,S-1,2026-06-03,-1,100\n")
    assert later.counts == {"new": 1}
    corrected = await send("sales", SALES + "A-1,S-1,2026-06-03,-2,100\n")
    assert corrected.counts == {"changed": 1}
    rows = await table(sessions, "SELECT line_key, quantity FROM sale ORDER BY quantity")
    assert rows == [("S-1#r1", -2), ("S-1#1", 5)]


async def test_a_table_that_was_empty_has_all_its_indexes_afterwards(send, sessions):
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    before = await table(sessions, indexes)
    assert len(before) > 10
    await send("sales", FIVE)
    await send("stock", "sku_id,location_id,counted_on,on_hand\nS-1,EC,2026-06-01,5\n")
    await send("products", "sku_id\nS-1\n")
    assert await table(sessions, indexes) == before
