"""Each kind of file but sales: new, the same again, corrected, partial, and what nobody listed."""

from datetime import date

import pytest
from httpx import AsyncClient

from tests.api.sending import Send, sender, table
from tests.conftest import Work


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


async def test_locations(send, sessions):
    sale = "order_id,sku_id,location_id,channel,sold_at,quantity,unit_price\n"
    sold = await send(
        "sales", sale + "A-1,S-1,楽天,mall,2026-06-01,1,100\nA-2,S-1,GINZA,,2026-06-01,1,9\n"
    )
    assert sold.summary["unlisted"] == {"skus": 1, "locations": 2}
    places = "SELECT location_id, name, location_type, channel, is_listed FROM location ORDER BY 1"
    assert await table(sessions, places) == [
        ("GINZA", None, "store", "store", False),
        ("楽天", None, "mall", "mall", False),
    ]
    file = (
        "location_id,name,location_type\nGINZA,銀座店,店舗\n倉,本倉庫,倉庫\n楽天,楽天市場,モール\n"
    )
    sent = await send("locations", file)
    assert sent.counts == {"new": 1, "changed": 2}
    assert (await send("locations", file)).counts == {"same": 3}
    assert (
        await send("locations", "location_id,name\nGINZA,銀座本店\n楽天,楽天市場\n")
    ).counts == {
        "changed": 1,
        "same": 1,
    }
    assert await table(sessions, places) == [
        ("GINZA", "銀座本店", "store", "store", True),
        ("倉", "本倉庫", "warehouse", "warehouse", True),
        ("楽天", "楽天市場", "mall", "mall", True),
    ]
    assert await table(sessions, "SELECT count(*) FROM sale") == [(2,)]
    wrong = await send("locations", "location_id,location_type\nX,屋台\nY,ＥＣ\n")
    assert await wrong.rejects() == [(1, "location_type", "not_a_choice", "屋台")]


async def test_customers(send, sessions):
    file = (
        "customer_id,registered_on,rank,prefecture,birth_year,is_mailable\n"
        "C1,2020/04/01,ゴールド,東京都,1980,はい\nC2,,,,,無\n"
    )
    assert (await send("customers", file)).counts == {"new": 2}
    assert (await send("customers", file)).counts == {"same": 2}
    assert (await send("customers", "customer_id,rank\nC1,シルバー\nC2,\n")).counts == {
        "changed": 1,
        "same": 1,
    }
    assert await table(
        sessions,
        "SELECT customer_id, registered_on, rank, prefecture, birth_year, is_mailable, is_listed"
        " FROM customer ORDER BY 1",
    ) == [
        ("C1", date(2020, 4, 1), "シルバー", "東京都", 1980, True, True),
        ("C2", None, None, None, None, False, True),
    ]


async def test_receipts(send, sessions):
    file = (
        "receipt_id,line_no,sku_id,location_id,moved_on,quantity,movement_type,supplier_id,"
        "unit_cost\n"
        "R1,1,S-1,倉,2026-06-01,10,入荷,V1,400\n"
        "R1,2,S-1,倉,2026-06-01,5,仕入,V1,400\n"
        "R2,,S-2,倉,2026-06-02,-1,廃棄,,\n"
        "R2,,S-2,倉,2026-06-02,-2,廃棄,,\n"
    )
    first = await send("receipts", file)
    assert first.counts == {"new": 4}
    assert first.summary["unlisted"] == {"skus": 2, "locations": 1, "suppliers": 1}
    assert (await send("receipts", file)).counts == {"same": 4}
    corrected = (
        "receipt_id,line_no,sku_id,location_id,moved_on,quantity\nR1,1,S-1,倉,2026-06-01,9\n"
    )
    assert (await send("receipts", corrected)).counts == {"changed": 1}
    assert await table(
        sessions,
        "SELECT receipt_id, line_key, quantity, movement_type, supplier_id, unit_cost"
        " FROM stock_movement ORDER BY 1, 2",
    ) == [
        ("R1", "1", 9, "receipt", "V1", 400),
        ("R1", "2", 5, "receipt", "V1", 400),
        ("R2", "S-2#r1", -1, "loss", None, None),
        ("R2", "S-2#r2", -2, "loss", None, None),
    ]
    supplier = "SELECT name, is_listed FROM supplier"
    assert await table(sessions, supplier) == [(None, False)]
    assert (await send("suppliers", "supplier_id,name\nV1,丸山商事\n")).counts == {"changed": 1}
    assert await table(sessions, supplier) == [("丸山商事", True)]


async def test_prices(send, sessions):
    file = (
        "sku_id,valid_from,list_price,selling_price\n"
        "S-1,2026-01-01,3000,2800\nS-1,2027-01-01,3300,\n"
    )
    first = await send("prices", file)
    assert first.counts == {"new": 2}
    assert first.summary["unlisted"] == {"skus": 1, "locations": 0}
    assert (await send("prices", file)).counts == {"same": 2}
    assert (await send("prices", "sku_id,valid_from,list_price\nS-1,2026-01-01,2900\n")).counts == {
        "changed": 1
    }
    assert await table(
        sessions, "SELECT valid_from::text, list_price, selling_price FROM price_history ORDER BY 1"
    ) == [("2026-01-01", 2900, 2800), ("2027-01-01", 3300, None)]
    assert (await send("products", "sku_id,name\nS-1,シャツ\n")).counts == {"changed": 1}
    assert await table(sessions, "SELECT name, list_price, is_listed FROM sku") == [
        ("シャツ", None, True)
    ]


async def test_suppliers(send, sessions):
    file = (
        "supplier_id,name,order_condition,order_threshold,cutoff_time\n"
        "V1,丸山商事,金額,50000,12:00\nV2,北陸繊維,なし,,\n"
    )
    assert (await send("suppliers", file)).counts == {"new": 2}
    assert (await send("suppliers", file)).counts == {"same": 2}
    corrected = "supplier_id,order_condition,order_threshold\nV1,数量,100\nV2,なし,\n"
    assert (await send("suppliers", corrected)).counts == {"changed": 1, "same": 1}
    assert await table(
        sessions,
        "SELECT name, order_condition, order_threshold, cutoff_time FROM supplier ORDER BY 1 DESC",
    ) == [("北陸繊維", "none", None, None), ("丸山商事", "quantity", 100, "12:00")]


async def test_sourcing_with_price_breaks(send, sessions):
    file = (
        "sku_id,supplier_id,location_id,lane_type,effective_from,effective_to,price_from_quantity,"
        "rounding,moq,unit_price\n"
        "S-1,V1,,仕入,2026-04-01,2026-09-30,1,切上,10,500\n"
        "S-1,V1,,仕入,2026-04-01,2026-09-30,100,四捨五入,10,450\n"
        "S-1,倉,GINZA,移動,2026-04-01,,1,,,\n"
        "S-1,V1,,仕入,2026-10-01,2026-04-01,1,切上,10,500\n"
    )
    first = await send("sourcing", file)
    assert first.counts == {"new": 3, "rejected": 1}
    assert await first.rejects() == [(4, "effective_to", "ends_before_it_starts", "2026-04-01")]
    assert first.summary["unlisted"] == {"skus": 1, "locations": 2, "suppliers": 1}
    places = "SELECT location_id, location_type, channel, is_listed FROM location ORDER BY 1"
    assert await table(sessions, places) == [
        ("GINZA", "store", "store", False),
        ("倉", "store", "store", False),
    ]
    assert (await send("sourcing", file)).counts == {"same": 3, "rejected": 1}
    corrected = (
        "sku_id,supplier_id,effective_from,price_from_quantity,unit_price\n"
        "S-1,V1,2026-04-01,100,440\nS-1,V1,2026-04-01,1,500\n"
    )
    assert (await send("sourcing", corrected)).counts == {"changed": 1, "same": 1}
    assert await table(
        sessions,
        "SELECT supplier_id, location_id, lane_type, price_from_quantity, rounding, moq,"
        " unit_price, effective_to::text FROM sourcing ORDER BY lane_type, price_from_quantity",
    ) == [
        ("V1", "*", "purchase", 1, "up", 10, 500, "2026-09-30"),
        ("V1", "*", "purchase", 100, "nearest", 10, 440, "2026-09-30"),
        ("倉", "GINZA", "transfer", 1, "up", None, None, None),
    ]


async def test_campaigns_of_several_skus(send, sessions):
    file = (
        "campaign_code,sku_id,name,starts_on,ends_on,discount_depth,fixed_cost\n"
        "K1,S-1,夏祭り,2026-07-01,2026-07-14,20%,10000\n"
        "K1,S-2,夏祭り,2026-07-01,2026-07-14,20%,10000\n"
        "K2,S-1,,2026-08-02,2026-08-01,0.1,\n"
    )
    first = await send("campaigns", file)
    assert first.counts == {"new": 2, "rejected": 1}
    assert await first.rejects() == [(3, "ends_on", "ends_before_it_starts", "2026-08-01")]
    assert first.summary["unlisted"] == {"skus": 2, "locations": 0}
    assert (await send("campaigns", file)).counts == {"same": 2, "rejected": 1}
    more = (
        "campaign_code,sku_id,starts_on,ends_on\n"
        "K1,S-1,2026-07-01,2026-07-15\nK1,S-3,2026-07-01,2026-07-15\n"
    )
    assert (await send("campaigns", more)).counts == {"new": 1, "changed": 1}
    assert await table(
        sessions,
        "SELECT name, starts_on::text, ends_on::text, discount_depth, fixed_cost,"
        " array_agg(sku_id ORDER BY sku_id) FROM campaign JOIN campaign_sku USING (campaign_id)"
        " GROUP BY campaign_id",
    ) == [("夏祭り", "2026-07-01", "2026-07-15", 0.2, 10000, ["S-1", "S-2", "S-3"])]


async def test_of_rows_that_differ_on_their_campaign_the_last_one_counts(send, sessions):
    file = (
        "campaign_code,sku_id,starts_on,ends_on\n"
        "K1,S-1,2026-07-01,2026-07-14\nK1,S-2,2026-07-01,2026-07-15\nK1,S-3,2026-07-01,2026-07-15\n"
    )
    assert (await send("campaigns", file)).counts == {"new": 3}
    assert (await send("campaigns", file)).counts == {"same": 3}
    later = file.replace("07-15", "07-31")
    assert (await send("campaigns", later)).counts == {"changed": 2, "same": 1}
    assert (await send("campaigns", later)).counts == {"same": 3}
    ends = "SELECT ends_on::text, fixed_cost, name FROM campaign"
    assert await table(sessions, ends) == [("2026-07-31", 0, "K1")]


async def test_a_new_location_is_of_the_channel_that_most_of_its_lines_tell(send, sessions):
    file = "order_id,sku_id,location_id,channel,sold_at,quantity,unit_price\n" + "".join(
        f"A-{n},S-1,楽天,{channel},2026-06-01,1,100\n"
        for n, channel in enumerate(("ec", "mall", "mall", "", "", ""))
    )
    sent = await send("sales", file)
    assert sent.summary["warnings"] == [
        "1 lines name another channel than their location has; the location's counts"
    ]
    assert await table(sessions, "SELECT location_type, channel FROM location") == [
        ("mall", "mall")
    ]


async def test_stock_without_what_is_on_order_is_told_that_it_counts_as_none(send, sessions):
    file = "sku_id,location_id,counted_on,on_hand{}\nS-1,GINZA,2026-06-01,3{}\n"
    told = "the file has no column {}: taken as 0"
    bare = await send("stock", file.format("", ""))
    assert bare.summary["warnings"] == [told.format("on_order"), told.format("allocated")]
    half = await send("stock", file.format(",on_order", ",5"))
    assert half.summary["warnings"] == [told.format("allocated")]
    whole = await send("stock", file.format(",on_order,allocated", ",5,1"))
    assert whole.summary["warnings"] == []
    assert await table(sessions, "SELECT on_order, allocated FROM stock_level") == [(5, 1)]


async def test_products_by_the_words_of_the_shop(send, sessions):
    file = (
        "sku_id,item_class,category,sales_start_on,sales_end_on\n"
        "S-1,定番,衣料＞シャツ,,\nS-2,シーズン,,2026-04-01,2026-09-30\n送料,送料,,,\n"
        "S-4,定番,,2026-09-01,2026-04-01\n"
    )
    sent = await send("products", file)
    assert sent.counts == {"new": 3, "rejected": 1}
    assert await sent.rejects() == [(4, "sales_end_on", "ends_before_it_starts", "2026-04-01")]
    assert await table(sessions, "SELECT item_class, category FROM sku ORDER BY sku_id") == [
        ("staple", "衣料/シャツ"),
        ("seasonal", None),
        ("service", None),
    ]


async def test_a_line_that_tells_its_discount_gets_its_price(send, sessions):
    file = "order_id,sku_id,sold_at,quantity,list_price,discount\nA-1,S-1,2026-06-01,2,1000,{}\n"
    prices = "SELECT unit_price::float, list_price::float FROM sale"
    assert (await send("sales", file.format(300))).counts == {"new": 1}
    assert await table(sessions, prices) == [(850, 1000)]
    assert (await send("sales", file.format(500))).counts == {"changed": 1}
    assert await table(sessions, prices) == [(750, 1000)]
    assert await table(sessions, "SELECT revenue::float, list_value::float FROM sales_daily") == [
        (1500, 2000)
    ]
