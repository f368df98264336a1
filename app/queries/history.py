"""Sales histories as frames: read by COPY, because a million rows through a cursor take long."""

from datetime import date
from io import BytesIO
from typing import Any

import pandas as pd
import polars as pl
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SALES_LINES = """
    SELECT sale.sku_id, location_id, customer_id, sold_on,
           coalesce(sold_at AT TIME ZONE 'UTC', sold_on::timestamp) AS sold_at,
           quantity, unit_price::float8 AS unit_price, sku.unit_cost, sku.is_cost_derived
    FROM sale JOIN sku USING (sku_id)
    WHERE sold_on <= $1 AND sold_on >= $2 AND sku.item_class <> 'service'
"""
OF_CUSTOMERS = f"{SALES_LINES} AND customer_id IS NOT NULL"
TOTALS = """
    SELECT coalesce(sum(units + units_returned), 0), coalesce(sum(units_returned), 0)
    FROM sales_daily JOIN sku USING (sku_id)
    WHERE sold_on <= :as_of AND item_class <> 'service'
"""


async def copied(
    session: AsyncSession, query: str, *arguments: Any, schema: dict[str, Any]
) -> pl.DataFrame:
    """The answer to a query as a frame with this schema."""
    await session.execute(text("SELECT 1"))  # joins the transaction, see staging.copy_rows
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    sink = BytesIO()
    await driver.copy_from_query(query, *arguments, output=sink, format="csv")
    if sink.tell() == 0:
        return pl.DataFrame(schema=schema)
    sink.seek(0)
    return pl.read_csv(sink, has_header=False, schema=schema)


async def sales_lines(
    session: AsyncSession, as_of: date, *, since: date = date.min, of_customers: bool = False
) -> pd.DataFrame:
    """Every sales line of stocked items up to a day, from another one on; or those not of guests.

    Returns columns ``sku_id, location_id, customer_id`` (None: guest) as categories,
    ``sold_on`` and ``sold_at`` (datetime64), ``quantity`` (negative: return), ``unit_price``,
    ``unit_cost`` (NaN: not known),
    ``is_cost_derived``.
    """
    frame = await copied(
        session,
        OF_CUSTOMERS if of_customers else SALES_LINES,
        as_of,
        since,
        schema={
            "sku_id": pl.String,
            "location_id": pl.String,
            "customer_id": pl.String,
            "sold_on": pl.Date,
            "sold_at": pl.Datetime("us"),
            "quantity": pl.Int64,
            "unit_price": pl.Float64,
            "unit_cost": pl.Float64,
            "is_cost_derived": pl.String,
        },
    )
    return pd.DataFrame(
        {
            "sku_id": _category(frame["sku_id"]),
            "location_id": _category(frame["location_id"]),
            "customer_id": _category(frame["customer_id"]),
            "sold_on": frame["sold_on"].cast(pl.Datetime("us")).to_numpy(),
            "sold_at": frame["sold_at"].to_numpy(),
            "quantity": frame["quantity"].to_numpy(),
            "unit_price": frame["unit_price"].to_numpy(),
            "unit_cost": frame["unit_cost"].to_numpy(),
            "is_cost_derived": (frame["is_cost_derived"] == "t").to_numpy(),
        }
    )


async def totals(session: AsyncSession, as_of: date) -> tuple[float, float]:
    """Units of stocked items that were bought, and units that were returned, up to a day."""
    row = (await session.execute(text(TOTALS), {"as_of": as_of})).one()
    return float(row[0]), float(row[1])


async def categories(session: AsyncSession) -> "pd.Series[str]":
    """Category of every stocked SKU (None: none given), by ``sku_id``."""
    frame = await copied(
        session,
        "SELECT sku_id, category FROM sku WHERE item_class <> 'service' ORDER BY sku_id",
        schema={"sku_id": pl.String, "category": pl.String},
    )
    return pd.Series(frame["category"].to_list(), index=frame["sku_id"].to_list(), dtype=object)


def _category(texts: pl.Series) -> pd.Categorical:
    """Text as a pandas category: a million strings cost 60 MB, their codes 4."""
    categories = texts.drop_nulls().unique().sort()
    codes = texts.cast(pl.Enum(categories)).to_physical().cast(pl.Int32).fill_null(-1)
    return pd.Categorical.from_codes(
        codes.to_numpy().copy(), categories=pd.Index(categories.to_list(), dtype=object)
    )
