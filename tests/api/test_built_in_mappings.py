"""Built-in profiles on small files in the shape that their systems write."""

import pytest
from httpx import AsyncClient

from app.services.imports.built_in import PROFILES
from app.services.imports.definitions import definition_of, profile_of
from tests.api.sending import Send, sender, table
from tests.conftest import Work

NEXT_ENGINE = (
    "syohin_code,sire_code,jan_code,syohin_name,syohin_kbn,toriatukai_kbn,genka_tnk,hyoji_tnk,"
    "baika_tnk,iro,size,hatubai_bi,zaiko_teisu,hachu_ten,lot,daihyo_syohin_code,zaiko_su\r\n"
    "ABC-RED-S,0001,4901234567894,シャツ①,0,0,1200,3900,2900,赤,S,2026/03/01,10,5,1,ABC,7\r\n"
    "ABC-RED-M,0001,,シャツ①,0,0,1200,3900,2900,赤,M,,10,5,1,ABC,-2\r\n"
)
YAHOO = (
    "code,sub-code,quantity,mode,allow-overdraft,stock-close\r\n"
    "abc,abc-red,5,,0,\r\nabc,abc-blue,3,+,0,\r\nxyz,,12,,0,\r\nuvw,,-3,,0,\r\n"
)
RAKUTEN = (
    "コントロールカラム,商品管理番号（商品URL）,商品番号,商品名,SKU管理番号,システム連携用SKU番号\r\n"
    "u,abc,ABC,ワンピース～春～,,\r\nu,abc,,,red-s,ABC-RS\r\nu,abc,,,red-m,ABC-RM\r\n"
)
SHOPIFY_ORDERS = (
    "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,"
    "Cancelled at,Lineitem discount\n"
    "#1001,a@example.com,2026-06-01 10:00:00 +0900,1,Tee - M,30.00,TEE-M,,10.00\n"
    "#1001,a@example.com,2026-06-01 10:00:00 +0900,1,Cap,25.00,,,0.00\n"
    "#1002,b@example.com,2026-06-02 10:00:00 +0900,1,Tee - M,30.00,TEE-M,"
    "2026-06-02 11:00:00 +0900,0.00\n"
    "#1002,b@example.com,2026-06-02 10:00:00 +0900,3,Tee - L,30.00,TEE-L,,0.00\n"
    "#1003,c@example.com,2026-06-03 10:00:00 +0900,4,Tee - M,30.00,TEE-M,,10.00\n"
)
SHOPIFY_INVENTORY = (
    "Handle,Title,Option1 Name,Option1 Value,SKU,HS Code,COO,Location,Bin name,"
    "Incoming (not editable),Unavailable (not editable),Committed (not editable),"
    "Available (not editable),On hand (current),On hand (new)\n"
    "tee,Tee,Size,M,TEE-M,,,Ginza,,4,0,1,2,3,\n"
    "tee,Tee,Size,L,TEE-L,,,Ginza,,0,0,0,-2,-2,\n"
    "tee,Tee,Size,S,TEE-S,,,Ginza,,not stocked,,not stocked,not stocked,not stocked,\n"
)
MAKESHOP = (
    "システム商品コード,独自商品コード,バリエーション独自コード,商品名,販売価格,定価,仕入価格\r\n"
    "000000000001,OC-3,OC-3-RS,コート㈱,9800,12000,4000\r\n"
    "000000000001,OC-3,OC-3-RM,コート㈱,9800,12000,4000\r\n"
    "000000000002,BAG,,バッグ,9800,,2000\r\n"
)


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


def test_each_names_its_source_and_is_the_same_as_json():
    for profile in PROFILES.values():
        assert profile.source
        again = profile_of(profile.name, profile.kind, definition_of(profile), note=profile.source)
        assert again == profile


async def test_next_engine_products(send, sessions):
    sent = await send("products", NEXT_ENGINE.encode("cp932"), mapping="next_engine_products")
    assert (sent.counts, sent.summary["encoding"]) == ({"new": 2}, "cp932")
    assert sent.summary["warnings"] == []
    columns = "style_id, name, color, size, jan, list_price, unit_cost, sales_start_on::text"
    [row, _] = await table(sessions, f"SELECT {columns} FROM sku ORDER BY sku_id DESC")
    assert row == ("ABC", "シャツ①", "赤", "S", "4901234567894", 2900, 1200, "2026-03-01")


async def test_next_engine_stock(send, sessions):
    sent = await send("stock", NEXT_ENGINE.encode("cp932"), mapping="next_engine_stock")
    assert sent.counts == {"new": 1, "rejected": 1}
    assert await sent.rejects() == [(2, "on_hand", "relative_quantity", "-2")]
    [row] = await table(sessions, "SELECT sku_id, location_id, on_hand FROM stock_level")
    assert row == ("ABC-RED-S", "EC", 7)


async def test_yahoo_quantity(send, sessions):
    sent = await send("stock", YAHOO.encode("cp932"), mapping="yahoo_quantity")
    assert sent.counts == {"new": 2, "rejected": 2}
    assert await sent.rejects() == [
        (2, "on_hand", "relative_quantity", "+3"),
        (4, "on_hand", "relative_quantity", "-3"),
    ]
    assert await table(
        sessions,
        "SELECT sku_id, on_hand, counted_on = (created_at AT TIME ZONE 'Asia/Tokyo')::date"
        " FROM stock_level, import_batch ORDER BY sku_id",
    ) == [("abc-red", 5, True), ("xyz", 12, True)]


async def test_rakuten_normal_item(send, sessions):
    await send("products", "sku_id,name\nabc-red-s,ワンピース 赤 S\n")
    sent = await send("products", RAKUTEN.encode("cp932"), mapping="rakuten_normal_item")
    assert sent.counts == {"new": 1, "changed": 1}
    assert sent.summary["warnings"] == [
        "1 rows in which 'SKU管理番号' is empty were left out, as the mapping says"
    ]
    assert await table(sessions, "SELECT sku_id, style_id, name FROM sku ORDER BY 1") == [
        ("abc-red-m", "abc", None),
        ("abc-red-s", "abc", "ワンピース 赤 S"),
    ]


async def test_shopify_orders(send, sessions):
    sent = await send("sales", SHOPIFY_ORDERS, mapping="shopify_orders")
    assert sent.counts == {"new": 2, "rejected": 1}
    assert await sent.rejects() == [(2, "sku_id", "missing", None)]
    columns = "order_id, customer_id, sold_on::text, unit_price::float, list_price::float"
    assert await table(sessions, f"SELECT {columns} FROM sale ORDER BY 1") == [
        ("#1001", "a@example.com", "2026-06-01", 20, 30),
        ("#1003", "c@example.com", "2026-06-03", 27.5, 30),
    ]


async def test_shopify_orders_that_were_cancelled_are_left_out_with_all_their_lines(send, sessions):
    sent = await send("sales", SHOPIFY_ORDERS, mapping="shopify_orders")
    assert sent.summary["warnings"] == [
        "1 rows in which 'Cancelled at' is filled were left out, as the mapping says",
        (
            "1 rows that share their 'Name' with rows left out for their 'Cancelled at' were left"
            " out, as the mapping says"
        ),
    ]
    assert await table(sessions, "SELECT count(*) FROM sale WHERE order_id = '#1002'") == [(0,)]


async def test_shopify_orders_without_prices_are_told_of_the_column_of_shopify(send):
    file = SHOPIFY_ORDERS.replace("Lineitem price", "Lineitem compare at price")
    error = await (await send("sales", file, mapping="shopify_orders")).only_error()
    assert error.startswith("missing column 'Lineitem price'")


async def test_shopify_inventory(send, sessions):
    sent = await send("stock", SHOPIFY_INVENTORY, mapping="shopify_inventory")
    assert sent.counts == {"new": 3}
    assert sent.summary["warnings"] == ["1 rows with on_hand below zero were kept"]
    assert await table(
        sessions, "SELECT sku_id, on_hand, on_order, allocated FROM stock_level ORDER BY sku_id"
    ) == [("TEE-L", -2, 0, 0), ("TEE-M", 3, 4, 1), ("TEE-S", 0, 0, 0)]


async def test_makeshop_products(send, sessions):
    sent = await send("products", MAKESHOP.encode("cp932"), mapping="makeshop_products")
    assert sent.counts == {"new": 3}
    assert await table(sessions, "SELECT sku_id, style_id, list_price FROM sku ORDER BY 1") == [
        ("BAG", "BAG", 9800),
        ("OC-3-RM", "OC-3", 12000),
        ("OC-3-RS", "OC-3", 12000),
    ]


async def test_makeshop_without_variation_codes_is_refused_and_told_why(send, sessions):
    without = MAKESHOP.replace(",バリエーション独自コード", "").replace(",OC-3-RS,", ",")
    without = without.replace(",OC-3-RM,", ",").replace("BAG,,", "BAG,")
    error = await (
        await send("products", without.encode("cp932"), mapping="makeshop_products")
    ).only_error()
    assert error.startswith(
        "バリエーション独自コードがないと、色・サイズの違う商品がすべて一つのSKU"
    )
    assert "would be one SKU" in error
    emptied = MAKESHOP.replace("OC-3-RM", "")
    error = await (
        await send("products", emptied.encode("cp932"), mapping="makeshop_products")
    ).only_error()
    assert "would be one SKU" in error
    assert "is empty in 1 rows that share their '独自商品コード' with others: OC-3" in error
    assert await table(sessions, "SELECT count(*) FROM sku") == [(0,)]
