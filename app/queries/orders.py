"""Order lists, and what they are computed from."""

from datetime import date

import pandas as pd
import polars as pl
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Location, OrderLine, OrderList
from app.queries.history import copied

ORDER_POSITIONS = """
    WITH stock AS (
        SELECT DISTINCT ON (sku_id, location_id) * FROM stock_level
        WHERE counted_on <= $1 ORDER BY sku_id, location_id, counted_on DESC
    )
    SELECT stock.sku_id, stock.location_id, on_hand, on_order, allocated, stock.is_derived,
           list_price, unit_cost, is_cost_derived,
           (sales_end_on IS NOT NULL AND sales_end_on <= $1)::int AS is_discontinued,
           (SELECT sum(y) FROM unnest(yhat[1:$3::int]) AS y) AS lead_time_demand_mean,
           sum_variance[$3::int] AS lead_time_demand_variance,
           (SELECT sum(y) FROM unnest(yhat[1:$4::int]) AS y) AS cover_demand_mean,
           sum_variance[$4::int] AS cover_demand_variance
    FROM stock JOIN sku USING (sku_id) JOIN forecast USING (sku_id, location_id)
    WHERE item_class = $2
    ORDER BY stock.sku_id, stock.location_id
"""


async def order_positions(
    session: AsyncSession, as_of: date, *, item_class: str, lead_weeks: int, cover_weeks: int
) -> pd.DataFrame:
    """Stock and forecast demand of every item of a class, at every location.

    Demand over the lead time and over lead time plus review comes as mean and as variance of
    the series' own errors over sums of as many weeks. SKUs without stock record or forecast
    are left out. Columns: those of ``replenishment.order_lines`` that the database knows,
    ``sku_id, location_id, list_price, unit_cost`` (NaN: not known) and the flags
    ``is_derived``, ``is_cost_derived``.
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
    frame = frame.with_columns(
        pl.col("is_derived", "is_cost_derived") == "t", pl.col("is_discontinued") == 1
    )
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


async def order_lines(session: AsyncSession, order_list_id: int) -> list[OrderLine]:
    """The lines of a list, the largest amount first."""
    statement = (
        select(OrderLine)
        .where(OrderLine.order_list_id == order_list_id)
        .order_by(OrderLine.amount.desc().nulls_last(), OrderLine.order_line_id)
    )
    return list(await session.scalars(statement))
