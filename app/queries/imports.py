"""Imports and their rejects."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ImportBatch, ImportReject, ImportRejectRow


async def take_turn(session: AsyncSession, import_id: int) -> None:
    """Wait until nobody else runs this import, and keep others out until the transaction ends."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended('import ' || :import_id, 0))")
    await session.execute(lock, {"import_id": str(import_id)})


async def import_batch(session: AsyncSession, import_id: int) -> ImportBatch | None:
    return await session.get(ImportBatch, import_id)


async def record_source(session: AsyncSession, import_id: int, source: dict[str, Any]) -> None:
    statement = update(ImportBatch).where(ImportBatch.import_id == import_id)
    await session.execute(statement.values(source=source))


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


async def rejected_rows(
    session: AsyncSession, import_id: int, *, leaving_out: Sequence[str] = ()
) -> int:
    """How many rows were rejected, for other reasons than those left out."""
    statement = select(func.count(ImportReject.row_no.distinct())).where(
        ImportReject.import_id == import_id, ImportReject.code.not_in(leaving_out)
    )
    return await session.scalar(statement) or 0


async def frequent_reasons(
    session: AsyncSession, import_id: int, *, leaving_out: Sequence[str], limit: int
) -> list[tuple[ImportReject, int]]:
    """The reasons that most rows have: the first reject of each, and how many rows."""
    rows = func.count(ImportReject.row_no.distinct())
    statement = (
        select(ImportReject.code, rows, func.min(ImportReject.row_no))
        .where(ImportReject.import_id == import_id, ImportReject.code.not_in(leaving_out))
        .group_by(ImportReject.code)
        .order_by(rows.desc(), ImportReject.code)
        .limit(limit)
    )
    found = []
    for code, count, first in list(await session.execute(statement)):
        key = (ImportReject.import_id == import_id, ImportReject.row_no == first)
        an_example = select(ImportReject).where(*key, ImportReject.code == code)
        reject = await session.scalar(an_example.order_by(ImportReject.column_name).limit(1))
        assert reject is not None
        found.append((reject, count))
    return found


async def kept_rows_page(
    session: AsyncSession, import_id: int, *, limit: int, after: int
) -> list[tuple[ImportRejectRow, list[ImportReject]]]:
    """Rejected rows as they stood in the file, after a row's number, with what is wrong in each.

    Rows that another row of the file stands for (exact repeats, keys that come again further
    down) are not among them: nothing in them is to be corrected.
    """
    page = (
        select(ImportRejectRow)
        .where(ImportRejectRow.import_id == import_id, ImportRejectRow.row_no > after)
        .order_by(ImportRejectRow.row_no)
        .limit(limit)
    )
    rows = {row.row_no: row for row in await session.scalars(page)}
    statement = (
        select(ImportReject)
        .where(ImportReject.import_id == import_id, ImportReject.row_no.in_(list(rows)))
        .order_by(ImportReject.row_no, ImportReject.column_name, ImportReject.code)
    )
    rejects = groupby(await session.scalars(statement), key=lambda reject: reject.row_no)
    return [(rows[row_no], list(reasons)) for row_no, reasons in rejects]


async def has_kept_lines(session: AsyncSession, import_id: int) -> bool:
    """Whether any rejected row could not be split into cells."""
    lines = select(ImportRejectRow.row_no).where(
        ImportRejectRow.import_id == import_id, ImportRejectRow.line.is_not(None)
    )
    return await session.scalar(lines.limit(1)) is not None


async def forget_rejects(session: AsyncSession, import_id: int) -> None:
    """Clear what an interrupted run of this import wrote down."""
    for table in (ImportReject, ImportRejectRow):
        await session.execute(delete(table).where(table.import_id == import_id))
    batch = update(ImportBatch).where(ImportBatch.import_id == import_id)
    await session.execute(batch.values(source=None))


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
