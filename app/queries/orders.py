"""Order lists, and what they are computed from."""

from datetime import date

import pandas as pd
import polars as pl
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Location, OrderLine, OrderList, Sku
from app.queries.history import copied

# The periods of a forecast count from its own first day; an order of a later day starts so many
# whole periods on. The variance is that of a total of as many periods from the forecast's start.
# A forecast that does not reach so far is none.
ORDER_POSITIONS = """
    WITH stock AS (
        SELECT DISTINCT ON (sku_id, location_id) * FROM stock_level
        WHERE counted_on <= $1::date ORDER BY sku_id, location_id, counted_on DESC
    ), counted AS (
        SELECT location_id, max(counted_on) AS last_on FROM stock GROUP BY location_id
    ), approved AS (
        SELECT line.sku_id, line.location_id, sum(line.quantity)::bigint AS units
        FROM order_line AS line JOIN order_list AS list USING (order_list_id)
             JOIN stock ON stock.sku_id = line.sku_id AND stock.location_id = line.location_id
        WHERE list.status = 'approved' AND list.as_of BETWEEN stock.counted_on AND $1::date
        GROUP BY line.sku_id, line.location_id
    ), reaching AS (
        SELECT sku_id, location_id, yhat, sum_variance,
               ($1::date + 1 - starts_on) / step_days AS passed,
               7 * $3::int / step_days AS lead, 7 * $4::int / step_days AS cover
        FROM forecast WHERE starts_on <= $1::date + 1
    ), demand AS (
        SELECT sku_id, location_id,
               (SELECT coalesce(sum(y), 0) FROM unnest(yhat[passed + 1:passed + lead]) AS y)
                   AS lead_mean,
               coalesce(sum_variance[lead], 0) AS lead_variance,
               (SELECT sum(y) FROM unnest(yhat[passed + 1:passed + cover]) AS y) AS cover_mean,
               sum_variance[cover] AS cover_variance
        FROM reaching WHERE passed + cover <= cardinality(yhat)
    )
    SELECT sku_id, location_id, on_hand, on_order + coalesce(approved.units, 0) AS on_order,
           allocated, stock.is_derived,
           stock.counted_on < counted.last_on AS is_stale,
           list_price, unit_cost, is_cost_derived,
           coalesce(sales_end_on <= $1::date + 7 * $3::int, false)::int AS is_discontinued,
           coalesce(lead_mean, 0), coalesce(lead_variance, 0), cover_mean, cover_variance
    FROM stock FULL JOIN demand USING (sku_id, location_id)
         JOIN sku USING (sku_id) LEFT JOIN counted USING (location_id)
         LEFT JOIN approved USING (sku_id, location_id)
    WHERE item_class = $2
    ORDER BY sku_id, location_id
"""


async def order_positions(
    session: AsyncSession,
    as_of: date,
    *,
    item_class: str,
    lead_weeks: int,
    cover_weeks: int,
) -> pd.DataFrame:
    """Stock and forecast demand of every item of a class, at every location.

    Demand over the lead time and over lead time plus review comes as mean and as variance of
    the series' own errors over sums as long, from the day after ``as_of``.
    On order is what the stock record says and what has been approved since it was counted.
    Discontinued is what will not be sold any more when an order arrives. Columns: those of
    ``replenishment.order_lines`` that the database knows, NaN in ``on_hand`` without a stock
    record and in ``cover_demand_mean`` without a forecast; ``sku_id, location_id, list_price,
    unit_cost`` (NaN: not known) and the flags ``is_derived``, ``is_cost_derived``, ``is_stale``
    (the location has been counted since, without this SKU).
    """
    text, money, units = pl.String, pl.Float64, pl.Int64
    frame = await copied(
        session,
        ORDER_POSITIONS,
        as_of,
        item_class,
        lead_weeks,
        cover_weeks,
        schema={
            "sku_id": text,
            "location_id": text,
            "on_hand": units,
            "on_order": units,
            "allocated": units,
            "is_derived": text,
            "is_stale": text,
            "list_price": money,
            "unit_cost": money,
            "is_cost_derived": text,
            "is_discontinued": units,
            "lead_time_demand_mean": money,
            "lead_time_demand_variance": money,
            "cover_demand_mean": money,
            "cover_demand_variance": money,
        },
    )
    flags = (pl.col("is_derived", "is_cost_derived", "is_stale") == "t").fill_null(value=False)
    frame = frame.with_columns(flags, pl.col("is_discontinued") == 1)
    return pd.DataFrame(
        {
            name: column.to_list() if column.dtype == text else column.to_numpy()
            for name, column in zip(frame.columns, frame.iter_columns(), strict=True)
        }
    )


async def location_exists(session: AsyncSession, location_id: str) -> bool:
    return await session.get(Location, location_id) is not None


async def order_list(
    session: AsyncSession, order_list_id: int, *, for_update: bool = False
) -> OrderList | None:
    return await session.get(OrderList, order_list_id, with_for_update=for_update)


async def order_list_by_key(session: AsyncSession, idempotency_key: str) -> OrderList | None:
    statement = select(OrderList).where(OrderList.idempotency_key == idempotency_key)
    return await session.scalar(statement)


async def order_lists_page(
    session: AsyncSession, *, limit: int, after: int | None
) -> list[OrderList]:
    """Order lists, the newest first."""
    statement = select(OrderList).order_by(OrderList.order_list_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(OrderList.order_list_id < after)
    return list(await session.scalars(statement))


async def order_lines(session: AsyncSession, order_list_id: int) -> list[RowMapping]:
    """The lines of a list with what their items are called, the largest amount first."""
    statement = (
        select(*OrderLine.__table__.columns, Sku.name, Sku.color, Sku.size)
        .outerjoin(Sku, Sku.sku_id == OrderLine.sku_id)
        .where(OrderLine.order_list_id == order_list_id)
        .order_by(OrderLine.amount.desc().nulls_last(), OrderLine.order_line_id)
    )
    return list((await session.execute(statement)).mappings())
