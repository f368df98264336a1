"""Verdicts, as they were given."""

from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.models import Disposition
from app.queries.staging import copy_rows

# The answer is stored as the JSON it was given as, so it is read as text and sent as it is.
LATEST = """
    SELECT CAST(answer AS text) FROM disposition
    WHERE sku_id = $1
    ORDER BY evaluated_on DESC, stake DESC, location_id LIMIT 1
"""
LATEST_AT = """
    SELECT CAST(answer AS text) FROM disposition
    WHERE sku_id = $1 AND location_id = $2
    ORDER BY evaluated_on DESC LIMIT 1
"""


async def latest_disposition(
    reader: AsyncEngine, sku_id: str, location_id: str | None
) -> str | None:
    """The latest verdict as JSON text; without a location the one with most money at stake.

    This is the service's hottest read: one statement, by the driver itself, on a pooled
    connection that commits by itself. ``reader`` must be such an engine.
    """
    async with reader.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        if location_id is None:
            answer = await driver.fetchval(LATEST, sku_id)
        else:
            answer = await driver.fetchval(LATEST_AT, sku_id, location_id)
    return None if answer is None else str(answer)


async def last_evaluated_on(session: AsyncSession) -> date | None:
    return await session.scalar(select(func.max(Disposition.evaluated_on)))


async def dispositions_page(
    session: AsyncSession,
    *,
    evaluated_on: date,
    decision: str | None,
    location_id: str | None,
    limit: int,
    after: tuple[float, str, str] | None,
) -> list[Row[str, float, str, str]]:
    """Verdicts of one evaluation, most money at stake first.

    Returns rows ``(answer as JSON text, stake, sku_id, location_id)``.
    """
    where = ["evaluated_on = :evaluated_on"]
    if decision:
        where.append("decision = :decision")
    if location_id:
        where.append("location_id = :location_id")
    if after:
        where.append("(-stake, sku_id, location_id) > (-CAST(:stake AS float8), :sku, :location)")
    statement = text(f"""
        SELECT CAST(answer AS text), stake, sku_id, location_id FROM disposition
        WHERE {" AND ".join(where)}
        ORDER BY stake DESC, sku_id, location_id LIMIT :limit
    """)
    parameters: dict[str, object] = {"evaluated_on": evaluated_on, "limit": limit}
    if decision:
        parameters["decision"] = decision
    if location_id:
        parameters["location_id"] = location_id
    if after:
        parameters |= dict(zip(("stake", "sku", "location"), after, strict=True))
    return list((await session.execute(statement, parameters)).all())


async def latest_verdict(session: AsyncSession, sku_id: str) -> dict[str, Any] | None:
    """The latest verdict of a SKU with most money at stake."""
    statement = (
        select(Disposition.answer)
        .where(Disposition.sku_id == sku_id)
        .order_by(
            Disposition.evaluated_on.desc(), Disposition.stake.desc(), Disposition.location_id
        )
        .limit(1)
    )
    return await session.scalar(statement)


async def replace_dispositions(
    session: AsyncSession, evaluated_on: date, rows: pl.DataFrame
) -> None:
    """Store the verdicts of one day instead of any given before for that day."""
    await session.execute(delete(Disposition).where(Disposition.evaluated_on == evaluated_on))
    await copy_rows(session, "disposition", rows)
