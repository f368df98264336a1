"""Verdicts, as they were given."""

from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import Row, delete, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.models import Disposition, Evaluation
from app.queries.staging import copy_rows

# The answer is stored as the JSON it was given as, so it is read as text and sent as it is.
# In force is what the last evaluation said, whatever its day.
LATEST = """
    SELECT CAST(answer AS text) FROM disposition
    WHERE sku_id = $1
      AND evaluated_on = (SELECT as_of FROM evaluation ORDER BY evaluation_id DESC LIMIT 1)
    ORDER BY stake DESC, location_id LIMIT 1
"""
LATEST_AT = """
    SELECT CAST(answer AS text) FROM disposition
    WHERE sku_id = $1 AND location_id = $2
      AND evaluated_on = (SELECT as_of FROM evaluation ORDER BY evaluation_id DESC LIMIT 1)
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


WHY_NOT = text("""
    SELECT CASE
        WHEN item_class = 'service' THEN 'it is a service'
        WHEN CAST(:at AS text) IS NOT NULL
             AND NOT EXISTS (SELECT FROM location WHERE location_id = :at)
            THEN format('there is no location %L', CAST(:at AS text))
        WHEN NOT EXISTS (
            SELECT FROM stock_level AS stock WHERE stock.sku_id = sku.sku_id
              AND (CAST(:at AS text) IS NULL OR stock.location_id = :at))
            THEN 'its stock has not been counted there'
        WHEN NOT coalesce(list_price > 0, false) THEN 'it has no list price'
        ELSE 'no evaluation has ended since its stock came'
    END FROM sku WHERE sku_id = :sku_id
""")


async def why_not_judged(session: AsyncSession, sku_id: str, location_id: str | None) -> str | None:
    """What a known SKU lacks that a verdict needs."""
    found = await session.scalar(WHY_NOT, {"sku_id": sku_id, "at": location_id})
    return None if found is None else str(found)


async def last_evaluated_on(session: AsyncSession) -> date | None:
    """The day of the evaluation in force."""
    statement = select(Evaluation.as_of).order_by(Evaluation.evaluation_id.desc()).limit(1)
    return await session.scalar(statement)


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
    """The verdict in force of a SKU with most money at stake."""
    statement = (
        select(Disposition.answer)
        .where(
            Disposition.sku_id == sku_id,
            Disposition.evaluated_on == await last_evaluated_on(session),
        )
        .order_by(Disposition.stake.desc(), Disposition.location_id)
        .limit(1)
    )
    return await session.scalar(statement)


async def replace_dispositions(
    session: AsyncSession, evaluated_on: date, rows: pl.DataFrame
) -> None:
    """Store the verdicts of one day instead of any given before for that day."""
    await session.execute(delete(Disposition).where(Disposition.evaluated_on == evaluated_on))
    await copy_rows(session, "disposition", rows)
