"""Rows for the import's checks, each a good one but for the columns that a test names."""

from datetime import date

import polars as pl

from app.services.imports.checking import check
from app.services.imports.csv_text import FAULT, LINE, ROW
from app.services.imports.kinds import KINDS
from app.services.imports.matching import match_columns

TODAY = date(2026, 7, 1)
SALE = {
    "order_id": "A-1",
    "sku_id": "S-1",
    "sold_at": "2026-06-30",
    "quantity": "2",
    "unit_price": "1980",
}
STOCK = {"sku_id": "S-1", "location_id": "EC", "counted_on": "2026-06-30", "on_hand": "3"}
PRODUCT = {"sku_id": "S-1"}
ROWS = {
    "sales": SALE,
    "stock": STOCK,
    "products": PRODUCT,
    "locations": {"location_id": "GINZA"},
    "customers": {"customer_id": "C-1"},
    "receipts": {
        "receipt_id": "R-1",
        "sku_id": "S-1",
        "location_id": "EC",
        "moved_on": "2026-06-30",
        "quantity": "5",
    },
    "prices": {"sku_id": "S-1", "valid_from": "2026-07-01", "list_price": "1980"},
    "suppliers": {"supplier_id": "V-1"},
    "sourcing": {"sku_id": "S-1", "supplier_id": "V-1"},
    "campaigns": {
        "campaign_code": "SUMMER",
        "sku_id": "S-1",
        "starts_on": "2026-07-01",
        "ends_on": "2026-07-31",
    },
}


def checked(kind: str, *rows: dict, profile=None, timezone: str = "Asia/Tokyo"):
    """(good, rejects) of rows that differ from a good one in the given columns."""
    base = {} if profile else ROWS[kind]
    columns = list(dict.fromkeys(name for row in rows for name in {**base, **row}))
    frame = pl.DataFrame(
        [[{**base, **row}.get(name) for name in columns] for row in rows],
        schema=dict.fromkeys(columns, pl.String),
        orient="row",
    )
    nothing = pl.lit(None, pl.String)
    batch = frame.with_columns(
        pl.int_range(1, len(rows) + 1, dtype=pl.Int64).alias(ROW),
        nothing.alias(FAULT),
        nothing.alias(LINE),
    )
    reading = match_columns(columns, KINDS[kind], profile)
    return check(batch, reading, today=TODAY, timezone=timezone)


def loaded(kind: str, column: str, text: str | None, **more) -> object:
    """What a good value becomes."""
    good, rejects = checked(kind, {column: text}, **more)
    assert rejects.is_empty(), rejects
    return good[column].item()


def rejected(kind: str, column: str, text: str | None, **more) -> str:
    """The reason code; the reject names its column and value."""
    good, rejects = checked(kind, {column: text}, **more)
    assert good.is_empty()
    [reject] = rejects.rows(named=True)
    assert (reject["row_no"], reject["column_name"]) == (1, column)
    assert reject["value"] == (text.strip() if text and text.strip() else None)
    return reject["code"]
