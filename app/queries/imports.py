"""Imports and their rejects."""

from typing import Any

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ImportBatch, ImportReject


async def take_turn(session: AsyncSession, import_id: int) -> None:
    """Wait until nobody else runs this import, and keep others out until the transaction ends."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended('import ' || :import_id, 0))")
    await session.execute(lock, {"import_id": str(import_id)})


async def import_batch(session: AsyncSession, import_id: int) -> ImportBatch | None:
    return await session.get(ImportBatch, import_id)


async def record_summary(session: AsyncSession, import_id: int, summary: dict[str, Any]) -> None:
    statement = update(ImportBatch).where(ImportBatch.import_id == import_id)
    await session.execute(statement.values(summary=summary))


async def rejects_page(
    session: AsyncSession, import_id: int, *, limit: int, after: tuple[int, str, str] | None
) -> list[ImportReject]:
    """Rejects in the order of the file, after a key ``(row_no, column_name, code)``."""
    key = (ImportReject.row_no, ImportReject.column_name, ImportReject.code)
    statement = (
        select(ImportReject).where(ImportReject.import_id == import_id).order_by(*key).limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(*key) > after)
    return list(await session.scalars(statement))


async def reject_counts(session: AsyncSession, import_id: int) -> dict[str, int]:
    """Rejected rows per reason code."""
    statement = (
        select(ImportReject.code, func.count(ImportReject.row_no.distinct()))
        .where(ImportReject.import_id == import_id)
        .group_by(ImportReject.code)
        .order_by(ImportReject.code)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def rejected_rows(session: AsyncSession, import_id: int) -> int:
    statement = select(func.count(ImportReject.row_no.distinct())).where(
        ImportReject.import_id == import_id
    )
    return await session.scalar(statement) or 0


async def forget_rejects(session: AsyncSession, import_id: int) -> None:
    """Clear what an interrupted run of this import wrote down."""
    await session.execute(delete(ImportReject).where(ImportReject.import_id == import_id))


async def sample_batch(session: AsyncSession, kind: str) -> ImportBatch | None:
    """The import that brought this part of the bundled sample, finished or not."""
    statement = select(ImportBatch).where(
        ImportBatch.kind == kind, ImportBatch.options["sample"].as_boolean()
    )
    return await session.scalar(statement)


async def still_ours(turn: AsyncSession) -> None:
    """Fail if the server has restarted since the turn was taken.

    A stage is unlogged, so a crash empties it; the turn's connection cannot have outlived one.
    """
    await turn.execute(text("SELECT 1"))
