"""Master data that came in is seen again: locations, suppliers, prices, sourcing, movements."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.api.conftest import pages, rows
from tests.conftest import Work

FILES = {
    "locations": "location_id,name,location_type,channel\n"
    "EC,Online shop,ec,ec\nGINZA,銀座店,store,store\nTOKYO-DC,東京倉庫,warehouse,warehouse\n",
    "products": "sku_id,style_id,name,brand,jan,season_code,list_price,unit_cost,sales_start_on,"
    "max_discount_depth\n"
    "COAT-M,COAT,Wool coat,House,4901234567894,2026AW,19800,7000,2026-09-01,0.3\n"
    "TEE-M,TEE,T-shirt,,,,1980,600,,\n",
    "suppliers": "supplier_id,name,order_condition,order_threshold,cutoff_time,currency\n"
    "MILL,織物工業,amount,50000,15:00,JPY\n",
    "sourcing": "sku_id,supplier_id,location_id,lane_type,effective_from,price_from_quantity,"
    "unit_price,lead_time_days,moq,lot_size\n"
    "COAT-M,MILL,*,purchase,2026-01-01,1,7000,21,12,12\n"
    "COAT-M,MILL,*,purchase,2026-01-01,120,6800,21,12,12\n"
    "COAT-M,MILL,*,purchase,2026-07-01,1,7100.1234,18.5,12,12\n"
    "TEE-M,CUTTER,TOKYO-DC,purchase,2026-01-01,1,600,14,,\n",
    "receipts": "receipt_id,line_no,sku_id,location_id,moved_on,quantity,movement_type,supplier_id,"
    "unit_cost\n"
    "D1,1,COAT-M,TOKYO-DC,2026-06-01,24,receipt,MILL,7000\n"
    "D1,2,TEE-M,TOKYO-DC,2026-06-01,10,receipt,CUTTER,600\n"
    "D2,1,COAT-M,TOKYO-DC,2026-06-08,-4,transfer,,\n"
    "D2,2,COAT-M,GINZA,2026-06-08,4,transfer,,\n"
    "D3,1,COAT-M,GINZA,2026-06-09,-1,loss,,\n",
    "prices": "sku_id,valid_from,list_price,selling_price\n"
    + "".join(f"COAT-M,2026-{m:02}-{d:02},{m}{d:02},\n" for m in range(1, 6) for d in range(1, 26))
    + "COAT-M,2026-06-01,19800,14800.5\n",
}


@pytest.fixture
async def stocked(client: AsyncClient, work: Work) -> AsyncClient:
    for kind, text in FILES.items():
        answer = await client.post(f"/imports/{kind}", content=text.encode())
        assert answer.status_code == 202, answer.text
    await work()
    for job in await rows(client, "/jobs"):
        assert job["result"]["rejected"] == 0, job["result"]
    return client


def of(items: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(item[name] for name in names) for item in items]


async def test_every_location_is_told_with_its_kind_and_channel(stocked: AsyncClient):
    found = await rows(stocked, "/locations")
    names = ("location_id", "name", "location_type", "channel", "is_listed")
    assert of(found, *names) == [
        ("EC", "Online shop", "ec", "ec", True),
        ("GINZA", "銀座店", "store", "store", True),
        ("TOKYO-DC", "東京倉庫", "warehouse", "warehouse", True),
    ]


async def test_suppliers_are_told_those_too_that_no_master_has_named(stocked: AsyncClient):
    found = await rows(stocked, "/suppliers")
    assert of(found, "supplier_id", "name", "order_threshold", "cutoff_time", "is_listed") == [
        ("CUTTER", None, None, None, False),
        ("MILL", "織物工業", 50000, "15:00", True),
    ]


async def test_a_sku_shows_what_its_master_says(stocked: AsyncClient):
    named = {
        "brand": "House",
        "jan": "4901234567894",
        "season_code": "2026AW",
        "sales_start_on": "2026-09-01",
        "max_discount_depth": 0.3,
    }
    state = (await stocked.get("/sku/COAT-M")).json()
    listed, other = await rows(stocked, "/sku")
    for name, value in named.items():
        assert (state[name], listed[name], other[name]) == (value, value, None)


async def test_a_sku_shows_its_newest_hundred_prices(stocked: AsyncClient):
    prices = (await stocked.get("/sku/COAT-M")).json()["prices"]
    newest = {"valid_from": "2026-06-01", "list_price": 19800, "selling_price": 14800.5}
    assert prices[0] == newest
    days = [price["valid_from"] for price in prices]
    assert days == sorted(days, reverse=True)
    assert (len(days), days[-1]) == (100, "2026-02-02")
    assert (await stocked.get("/sku/TEE-M")).json()["prices"] == []


async def test_a_sku_shows_where_it_comes_from_price_break_by_price_break(stocked: AsyncClient):
    lanes = (await stocked.get("/sku/COAT-M")).json()["sourcing"]
    assert of(lanes, "effective_from", "price_from_quantity", "unit_price", "lead_time_days") == [
        ("2026-07-01", 1, 7100.1234, 18.5),
        ("2026-01-01", 1, 7000, 21),
        ("2026-01-01", 120, 6800, 21),
    ]
    assert {(lane["supplier_id"], lane["location_id"], lane["moq"]) for lane in lanes} == {
        ("MILL", "*", 12)
    }


MOVED = [("D3", "1"), ("D2", "2"), ("D2", "1"), ("D1", "2"), ("D1", "1")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, MOVED),
        ({"sku_id": "COAT-M"}, [slip for slip in MOVED if slip != ("D1", "2")]),
        ({"sku_id": "COAT-M", "location_id": "GINZA"}, MOVED[:2]),
        ({"location_id": "TOKYO-DC"}, MOVED[2:]),
        ({"sku_id": "NOBODY"}, []),
    ],
)
async def test_movements_are_told_the_newest_first(
    stocked: AsyncClient, asked: dict[str, str], expected: list[tuple[str, str]]
):
    for limit in (1, 2, 100):
        found = await pages(stocked, "/inventory/movements", limit=limit, **asked)
        items = [item for page in found for item in page]
        assert of(items, "receipt_id", "line_key") == expected
    if not asked:
        names = ("moved_on", "movement_type", "quantity", "supplier_id", "unit_cost")
        assert of([items[0], items[-1]], *names) == [
            ("2026-06-09", "loss", -1, None, None),
            ("2026-06-01", "receipt", 24, "MILL", 7000),
        ]


async def test_master_data_pages_by_key(stocked: AsyncClient):
    for path, name in (("/locations", "location_id"), ("/suppliers", "supplier_id")):
        found = await pages(stocked, path, limit=1)
        assert [len(page) for page in found] == [1] * len(found)
        whole = await rows(stocked, path)
        assert [item for page in found for item in page] == whole
        assert of(whole, name) == sorted(of(whole, name))
