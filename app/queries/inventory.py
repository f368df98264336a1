"""How far the data reach, and the catalogue."""

from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.models import Location, SalesDaily, Sku

# By location, since the counts are indexed so; a look at each of them would take long.
LAST_COUNT = text("""
    SELECT max(counted.last_on) FROM location CROSS JOIN LATERAL (
        SELECT max(counted_on) AS last_on FROM stock_level
        WHERE stock_level.location_id = location.location_id
    ) AS counted
""")


async def last_sale_day(session: AsyncSession) -> date | None:
    """The business day the data reach: a historical sample is seen from its own end."""
    return await session.scalar(select(func.max(SalesDaily.sold_on)))


async def last_data_day(session: AsyncSession) -> date | None:
    """The later of the last day with sales and the last stock count.

    Stock counted this morning belongs to yesterday's sales, and must not be passed over.
    """
    days = [
        await last_sale_day(session),
        await session.scalar(LAST_COUNT),
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


async def known_locations(session: AsyncSession, location_ids: list[str]) -> set[str]:
    """Those of the ids that are locations."""
    known = select(Location.location_id).where(Location.location_id.in_(location_ids))
    return set(await session.scalars(known))


async def known_style(session: AsyncSession, style_id: str) -> bool:
    """Whether some SKU is of the style, or is one by itself."""
    of_style = func.coalesce(Sku.style_id, Sku.sku_id) == style_id
    return bool(await session.scalar(select(select(Sku.sku_id).where(of_style).exists())))
