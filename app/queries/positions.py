"""What the decisions need to know about each SKU at each location."""

from datetime import date

import pandas as pd
import polars as pl
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.history import copied

POSITIONS = """
    WITH stock AS (
        SELECT DISTINCT ON (sku_id, location_id) * FROM stock_level
        WHERE counted_on <= $1 ORDER BY sku_id, location_id, counted_on DESC
    ), paid AS (
        SELECT sku_id, location_id,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY unit_price::float8) AS price
        FROM sale WHERE sold_on > $1::date - 7 * $2::int AND sold_on <= $1::date AND quantity > 0
        GROUP BY sku_id, location_id
    ), last_paid AS (
        SELECT stock.sku_id, stock.location_id, last.price
        FROM stock LEFT JOIN paid USING (sku_id, location_id) CROSS JOIN LATERAL (
            -- the day by the daily sums: among lines those of all locations would be looked at
            SELECT sold_on FROM sales_daily AS daily
            WHERE daily.sku_id = stock.sku_id AND daily.location_id = stock.location_id
              AND units + units_returned > 0 AND sold_on <= $1::date
            ORDER BY sold_on DESC LIMIT 1
        ) AS day CROSS JOIN LATERAL (
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY unit_price::float8) AS price
            FROM sale WHERE sale.sku_id = stock.sku_id AND sale.location_id = stock.location_id
              AND quantity > 0 AND sold_on = day.sold_on
        ) AS last WHERE paid.price IS NULL
    ), priced AS (
        SELECT DISTINCT ON (sku_id) sku_id, list_price FROM price_history
        WHERE valid_from <= $1 ORDER BY sku_id, valid_from DESC
    ), counted AS (
        SELECT location_id, max(counted_on) AS last_on FROM stock GROUP BY location_id
    )
    SELECT stock.sku_id, stock.location_id, stock.counted_on, stock.on_hand, stock.on_order,
           stock.allocated, stock.is_derived, sku.item_class,
           coalesce(priced.list_price, sku.list_price), sku.unit_cost,
           sku.is_price_derived AND priced.list_price IS NULL, sku.is_cost_derived,
           sku.sales_end_on,
           coalesce(paid.price, last_paid.price) AS price,
           stock.counted_on < counted.last_on AS is_stale
    FROM stock JOIN sku USING (sku_id) JOIN counted USING (location_id)
         LEFT JOIN priced USING (sku_id)
         LEFT JOIN paid USING (sku_id, location_id)
         LEFT JOIN last_paid USING (sku_id, location_id)
    WHERE sku.item_class <> 'service'
    ORDER BY stock.sku_id, stock.location_id
"""

FLAGS = ("is_derived", "is_price_derived", "is_cost_derived", "is_stale")


async def positions(session: AsyncSession, as_of: date, *, price_weeks: int) -> pd.DataFrame:
    """The latest stock of every SKU and location as of a day, with its prices.

    Returns columns ``sku_id, location_id, counted_on, on_hand, on_order, allocated`` (units),
    ``item_class, list_price`` (of that day by the price history, else the master's), ``unit_cost``
    (money, NaN: not known), ``sales_end_on`` (NaT: none),
    ``paid_price`` (median paid in the last ``price_weeks``, else of the last day with
    a sale; NaN: nothing ever sold) and the booleans
    ``is_derived`` (the stock), ``is_price_derived``, ``is_cost_derived``, ``is_stale`` (the
    location has been counted since, without this SKU).
    """
    text, money = pl.String, pl.Float64
    frame = await copied(
        session,
        POSITIONS,
        as_of,
        price_weeks,
        schema={
            "sku_id": text,
            "location_id": text,
            "counted_on": pl.Date,
            "on_hand": pl.Int64,
            "on_order": pl.Int64,
            "allocated": pl.Int64,
            "is_derived": text,
            "item_class": text,
            "list_price": money,
            "unit_cost": money,
            "is_price_derived": text,
            "is_cost_derived": text,
            "sales_end_on": pl.Date,
            "paid_price": money,
            "is_stale": text,
        },
    )
    frame = frame.with_columns(pl.col(FLAGS) == "t")
    return pd.DataFrame(
        {
            name: column.to_list() if column.dtype == text else column.to_numpy()
            for name, column in zip(frame.columns, frame.iter_columns(), strict=True)
        }
    )
