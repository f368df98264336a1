"""Stock and catalogue as of a day."""

from datetime import date

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.models import Sale, Sku, StockLevel

INVENTORY = text("""
    WITH page AS (
        SELECT DISTINCT ON (s.sku_id, s.location_id)
               s.sku_id, s.location_id, s.counted_on, s.on_hand, s.on_order, s.allocated,
               s.last_received_on, s.is_derived
        FROM stock_level s JOIN location USING (location_id)
        WHERE s.counted_on <= :as_of
          AND (CAST(:sku_id AS text) IS NULL OR s.sku_id = :sku_id)
          AND (CAST(:location_id AS text) IS NULL OR s.location_id = :location_id)
          AND (CAST(:channel AS text) IS NULL OR location.channel = :channel)
          AND (CAST(:after_sku AS text) IS NULL
               OR (s.sku_id, s.location_id) > (:after_sku, :after_location))
        ORDER BY s.sku_id, s.location_id, s.counted_on DESC
        LIMIT :limit
    )
    SELECT page.*, sku.name, sku.style_id, location.channel, sku.unit_cost, sku.is_cost_derived,
           coalesce(recent.units, 0)::bigint AS units_sold, last.sold_on AS last_sold_on,
           page.on_hand::bigint + page.on_order - page.allocated AS inventory_position,
           greatest(page.on_hand, 0) * sku.unit_cost AS value_at_cost,
           CASE WHEN greatest(recent.units, 0) + greatest(page.on_hand, 0) > 0
                THEN greatest(recent.units, 0)::float
                     / (greatest(recent.units, 0) + greatest(page.on_hand, 0)) END
               AS sell_through_rate,
           CASE WHEN recent.units > 0
                THEN greatest(page.on_hand, 0) * (:days)::float / recent.units END
               AS days_of_supply,
           page.counted_on - page.last_received_on AS age_days
    FROM page
    JOIN sku USING (sku_id) JOIN location USING (location_id)
    LEFT JOIN LATERAL (
        SELECT sum(quantity)::float AS units FROM sale
        WHERE sale.sku_id = page.sku_id AND sale.location_id = page.location_id
          AND sold_on > :as_of - CAST(:days AS int) AND sold_on <= :as_of
    ) recent ON true
    LEFT JOIN LATERAL (
        SELECT sold_on FROM sale
        WHERE sale.sku_id = page.sku_id AND sale.location_id = page.location_id
          AND quantity > 0 AND sold_on <= :as_of
        ORDER BY sold_on DESC LIMIT 1
    ) last ON true
    ORDER BY page.sku_id, page.location_id
""")


async def inventory_page(
    session: AsyncSession,
    *,
    as_of: date,
    weeks: float,
    limit: int,
    after: tuple[str, str] | None = None,
    sku_id: str | None = None,
    location_id: str | None = None,
    channel: str | None = None,
) -> list[RowMapping]:
    """Stock per SKU and location as of a day, in key order.

    Sell-through 消化率 is units sold in the last ``weeks`` over those plus what is on hand;
    by the stock ledger that equals sold ÷ (opening + received). Days of supply 在庫日数 is
    stock on hand over the mean daily sales of the same weeks; null when nothing sold.
    """
    result = await session.execute(
        INVENTORY,
        {
            "as_of": as_of,
            "days": round(weeks * 7),
            "limit": limit,
            "after_sku": after[0] if after else None,
            "after_location": after[1] if after else None,
            "sku_id": sku_id,
            "location_id": location_id,
            "channel": channel,
        },
    )
    return list(result.mappings())


async def last_sale_day(session: AsyncSession) -> date | None:
    """The business day the data reach: a historical sample is seen from its own end."""
    return await session.scalar(select(func.max(Sale.sold_on)))


async def last_data_day(session: AsyncSession) -> date | None:
    """The later of the last day with sales and the last stock count.

    Stock counted this morning belongs to yesterday's sales, and must not be passed over.
    """
    days = [
        await last_sale_day(session),
        await session.scalar(select(func.max(StockLevel.counted_on))),
    ]
    return max((day for day in days if day is not None), default=None)


async def skus_page(
    session: AsyncSession, *, limit: int, after: str | None, search: str | None
) -> list[Sku]:
    """SKUs in key order, those whose id, style or name contains the search text."""
    statement = select(Sku).order_by(Sku.sku_id).limit(limit)
    if after is not None:
        statement = statement.where(Sku.sku_id > after)
    if search:
        statement = statement.where(
            func.concat_ws(" ", Sku.sku_id, Sku.style_id, Sku.name).icontains(
                search, autoescape=True
            )
        )
    return list(await session.scalars(statement))


async def known_skus(connection: AsyncSession | AsyncConnection, sku_ids: list[str]) -> set[str]:
    """Those of the ids that are in the catalogue."""
    found = await connection.execute(select(Sku.sku_id).where(Sku.sku_id.in_(sku_ids)))
    return set(found.scalars())
