"""What came and went besides sales (入出庫), slip by slip."""

from sqlalchemy import Text, cast, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import StockMovement


async def movements_page(
    session: AsyncSession,
    *,
    sku_id: str | None,
    location_id: str | None,
    after: tuple[str, str, str] | None,
    limit: int,
) -> list[StockMovement]:
    """Movements, the newest first; ``after``: day, slip and line of the last one seen."""
    statement = select(StockMovement)
    if sku_id is not None:
        statement = statement.where(StockMovement.sku_id == sku_id)
    if location_id is not None:
        statement = statement.where(StockMovement.location_id == location_id)
    if after is not None:
        day = cast(StockMovement.moved_on, Text)
        key = tuple_(day, StockMovement.receipt_id, StockMovement.line_key)
        statement = statement.where(key < tuple_(*(literal(value) for value in after)))
    order = (StockMovement.moved_on, StockMovement.receipt_id, StockMovement.line_key)
    statement = statement.order_by(*(column.desc() for column in order)).limit(limit)
    return list(await session.scalars(statement))
