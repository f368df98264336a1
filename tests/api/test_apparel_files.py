"""Two files of an apparel brand that nobody cleaned, as its merchandiser would import them."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from httpx import AsyncClient

from app.settings import Settings
from tests.api.sending import Send, sender, table
from tests.conftest import Work

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
STOCK, SALES = DATA / "apparel_in_stock_snapshot.parquet", DATA / "apparel_in_b2b_sales.parquet"
pytestmark = [
    pytest.mark.one_server,
    pytest.mark.skipif(not SALES.exists(), reason="the apparel files are not on this machine"),
]
STOCK_PROFILE = {
    "columns": {
        "SKU Code": "sku_id",
        "Stock": "on_hand",
        **dict.fromkeys(("Design No.", "Category", "Size", "Color")),
    },
    "defaults": {"location_id": "WAREHOUSE", "counted_on": "today"},
}
PRODUCTS_PROFILE = {
    "columns": {
        "SKU Code": "sku_id",
        "Design No.": "style_id",
        "Category": "category",
        "Size": "size",
        "Color": "color",
        "Stock": None,
    }
}
SALES_PROFILE = {
    "columns": {
        "DATE": "sold_at",
        "CUSTOMER": "customer_id",
        "SKU": "sku_id",
        "PCS": "quantity",
        "RATE": "unit_price",
        **dict.fromkeys(("Style", "Size", "GROSS", "STOCK")),
    },
    "made": {"order_id": {"columns": ["DATE", "CUSTOMER"], "separator": " "}},
    "defaults": {"location_id": "B2B"},
    "leave_out": {"SKU": ["SHIPPING", "TAGS", "TAG PRINTING", "TAGS(LABOUR)"]},
    "drop_exact_repeats": True,
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, upload_limit_mb=16, worker_processes=1, log_level="ERROR")


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


async def keep(client: AsyncClient, name: str, kind: str, definition: dict) -> None:
    body = {"kind": kind, "definition": definition}
    answer = await client.put(f"/mappings/{name}", json=body)
    assert answer.status_code == 200, answer.text


async def test_the_stock_of_an_apparel_brand(client, send, sessions):
    await keep(client, "brand-products", "products", PRODUCTS_PROFILE)
    await keep(client, "brand-stock", "stock", STOCK_PROFILE)
    products = await send("products", STOCK.read_bytes(), mapping="brand-products")
    sent = await send("stock", STOCK.read_bytes(), mapping="brand-stock")
    assert products.counts == sent.counts
    frame = pl.read_parquet(STOCK)
    codes = frame["SKU Code"].drop_nulls()
    codes = codes.filter(codes != "#REF!")
    assert sent.summary["read"] == 9271 - 36
    assert sent.summary["rejected_by_reason"] == {
        "duplicate_key": len(codes) - codes.n_unique(),
        "missing": 83 - 36,
        "spreadsheet_error": 15,
    }
    assert sent.counts["new"] == codes.n_unique()
    assert "36 blank rows were left out" in sent.summary["warnings"]
    assert sent.summary["unlisted"]["skus"] == 0
    [(units,)] = await table(sessions, "SELECT sum(on_hand) FROM stock_level")
    kept = frame.filter(pl.col("SKU Code").is_in(codes.implode())).unique("SKU Code", keep="last")
    assert units == kept["Stock"].sum()


async def test_the_wholesale_of_an_apparel_brand(client, send, sessions):
    await keep(client, "brand-b2b", "sales", SALES_PROFILE)
    sent = await send("sales", SALES.read_bytes(), mapping="brand-b2b")
    frame = pl.read_parquet(SALES)
    outs = pl.col("SKU").is_in(SALES_PROFILE["leave_out"]["SKU"]).fill_null(value=False)
    lines = frame.filter(~outs)
    lines_of_skus = lines.filter(pl.col("SKU").is_not_null())
    line = ["DATE", pl.col("CUSTOMER").str.strip_chars(), "SKU", "PCS", "RATE"]
    once = lines_of_skus.select(line).unique()
    assert sent.summary["read"] == len(lines)
    assert sent.summary["rejected_by_reason"] == {
        "exact_repeat": len(lines_of_skus) - len(once),
        "missing": 1434,
    }
    assert sent.counts["new"] == len(once)
    told = "\n".join(sent.summary["warnings"])
    assert "508 rows in which 'SKU' is 'SHIPPING' were left out" in told
    assert "column 'SKU' is empty in all rows 17236 to 18635" in told
    assert "column 'STOCK' is empty in all rows 1 to 18635" in told
    [(first, last)] = await table(sessions, "SELECT min(sold_on), max(sold_on) FROM sale")
    assert (first, last) == (dt.date(2021, 6, 5), dt.date(2022, 3, 31))


async def test_a_dry_run_of_the_wholesale_shows_its_lines(client: AsyncClient):
    await keep(client, "brand-b2b", "sales", SALES_PROFILE)
    answer = await client.post(
        "/imports/sales/preview", content=SALES.read_bytes(), params={"mapping": "brand-b2b"}
    )
    found = answer.json()
    assert found["mapping"] == "brand-b2b@1"
    assert found["rows"][0]["values"]["sku_id"] == "MEN5004-KR-L"
    assert [row["rejects"] for row in found["rows"]] == [[]] * 20
