"""Verdicts, as they were given."""

from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.models import Disposition
from app.queries.staging import copy_rows

# The answer is stored as the JSON it was given as, so it is read as text and sent as it is.
LATEST = text("""
    SELECT CAST(answer AS text) AS answer FROM disposition
    WHERE sku_id = :sku_id
    ORDER BY evaluated_on DESC, stake DESC LIMIT 1
""")
LATEST_AT = text("""
    SELECT CAST(answer AS text) AS answer FROM disposition
    WHERE sku_id = :sku_id AND location_id = :location_id
    ORDER BY evaluated_on DESC LIMIT 1
""")


async def latest_disposition(
    connection: AsyncConnection | AsyncSession, sku_id: str, location_id: str | None
) -> str | None:
    """The latest verdict as JSON text; without a location the one with most money at stake."""
    if location_id is None:
        result = await connection.execute(LATEST, {"sku_id": sku_id})
    else:
        parameters = {"sku_id": sku_id, "location_id": location_id}
        result = await connection.execute(LATEST_AT, parameters)
    return result.scalar_one_or_none()


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
    statement = text(f"""
        SELECT CAST(answer AS text), stake, sku_id, location_id FROM disposition
        WHERE evaluated_on = :evaluated_on
          {"AND decision = :decision" if decision else ""}
          {"AND location_id = :location_id" if location_id else ""}
          {
        "AND (-stake, sku_id, location_id) > (-CAST(:stake AS float8), :sku, :location)"
        if after
        else ""
    }
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
        .order_by(Disposition.evaluated_on.desc(), Disposition.stake.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def replace_dispositions(
    session: AsyncSession, evaluated_on: date, rows: pl.DataFrame
) -> None:
    """Store the verdicts of one day instead of any given before for that day."""
    await session.execute(delete(Disposition).where(Disposition.evaluated_on == evaluated_on))
    await copy_rows(session, "disposition", rows)
