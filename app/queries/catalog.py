"""The master data as they stand: locations, suppliers, and a SKU's prices and sourcing lanes."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models import Base, Location, PriceHistory, Sourcing, Supplier

Row = TypeVar("Row", bound=Base)


async def _page(
    session: AsyncSession,
    table: type[Row],
    key: InstrumentedAttribute[str],
    *,
    limit: int,
    after: str | None,
) -> list[Row]:
    statement = select(table).order_by(key).limit(limit)
    if after is not None:
        statement = statement.where(key > after)
    return list(await session.scalars(statement))


async def locations_page(session: AsyncSession, *, limit: int, after: str | None) -> list[Location]:
    """Locations in key order."""
    return await _page(session, Location, Location.location_id, limit=limit, after=after)


async def suppliers_page(session: AsyncSession, *, limit: int, after: str | None) -> list[Supplier]:
    """Suppliers in key order."""
    return await _page(session, Supplier, Supplier.supplier_id, limit=limit, after=after)


async def price_history(session: AsyncSession, sku_id: str, *, limit: int) -> list[PriceHistory]:
    """What a SKU's list and selling price are from which day on, the newest first."""
    statement = select(PriceHistory).where(PriceHistory.sku_id == sku_id)
    statement = statement.order_by(PriceHistory.valid_from.desc()).limit(limit)
    return list(await session.scalars(statement))


async def sourcing_lanes(session: AsyncSession, sku_id: str, *, limit: int) -> list[Sourcing]:
    """A SKU's lanes, by place and supplier, the newest terms first, by quantity."""
    statement = select(Sourcing).where(Sourcing.sku_id == sku_id)
    order = (
        Sourcing.location_id,
        Sourcing.supplier_id,
        Sourcing.lane_type,
        Sourcing.effective_from.desc(),
        Sourcing.price_from_quantity,
    )
    return list(await session.scalars(statement.order_by(*order).limit(limit)))
