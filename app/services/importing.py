"""Imports: receive a file, read it, check it row by row, merge what is good."""

from collections.abc import Callable, Coroutine
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.models import ImportBatch
from app.queries import imports, staging
from app.services.import_checks import Reading, check, match_columns
from app.services.import_files import Table, open_table
from app.services.import_kinds import KINDS, PROFILES, explain

Sessions: TypeAlias = async_sessionmaker[AsyncSession]
Progress: TypeAlias = Callable[[str, int, int], Coroutine[Any, Any, None]]

UNPACKED_PER_UPLOADED = 20  # a CSV rarely shrinks more; beyond it is a bomb, not a sales file


class NothingLoaded(Exception):
    """No row of the file could be loaded."""


class UnknownProfile(Exception):
    """No mapping profile of this name is made for this kind of file."""


def check_profile(name: str | None, kind: str) -> None:
    """Raises UnknownProfile unless the profile exists and is for the kind."""
    if name is not None and (name not in PROFILES or PROFILES[name].kind != kind):
        known = ", ".join(p.name for p in PROFILES.values() if p.kind == kind) or "none"
        raise UnknownProfile(f"mapping '{name}' is not known for {kind}; known: {known}")


async def run_import(
    sessions: Sessions,
    progress: Progress,
    *,
    import_id: int,
    file: Path,
    today: date,
    timezone: str,
    size_limit: int,
) -> dict[str, Any]:
    """Load one received file; safe to run again after being killed anywhere.

    Rows are staged outside the tables; the tables and the import's summary change together,
    in one last transaction.

    Returns:
        The import's summary: rows read, new, changed, same, rejected (and why), unlisted.

    Raises:
        UnreadableFile, UnusableColumns: the file as a whole is not what it should be.
        NothingLoaded: every row was rejected; the rejects are kept.
    """
    async with sessions.begin() as session:
        batch = await imports.import_batch(session, import_id)
        assert batch is not None
        if batch.summary is not None:
            return batch.summary
        kind, options = KINDS[batch.kind], batch.options
        await imports.forget_rejects(session, import_id)
        await staging.create_stage(session, kind.name, import_id)
    profile = PROFILES.get(options.get("mapping") or "")
    with TemporaryDirectory(dir=file.parent) as scratch:
        table = open_table(
            file,
            encoding=options.get("encoding"),
            scratch=Path(scratch),
            size_limit=size_limit * UNPACKED_PER_UPLOADED,
        )
        reading = match_columns(table.columns, kind, profile)
        await _stage_rows(
            sessions, progress, table, reading, import_id=import_id, today=today, timezone=timezone
        )
    await progress("merging", table.rows, table.rows)
    async with sessions.begin() as session:
        summary = await _merge(session, table, reading, import_id=import_id, timezone=timezone)
        batch = await imports.import_batch(session, import_id)
        assert batch is not None
        batch.summary = summary
    if summary["new"] + summary["changed"] + summary["same"] == 0:
        raise NothingLoaded(await _why_nothing(sessions, import_id, summary))
    return summary


async def _stage_rows(
    sessions: Sessions,
    progress: Progress,
    table: Table,
    reading: Reading,
    *,
    import_id: int,
    today: date,
    timezone: str,
) -> None:
    read = 0
    for rows in table.batches:
        good, rejects = check(rows, reading, first_row=read + 1, today=today, timezone=timezone)
        read += len(rows)
        async with sessions.begin() as session:
            await progress("reading", read, table.rows)
            await staging.copy_rows(session, staging.stage_name(import_id), good)
            if len(rejects):
                await staging.copy_rows(
                    session, "import_reject", rejects.with_columns(import_id=import_id)
                )


async def _merge(
    session: AsyncSession, table: Table, reading: Reading, *, import_id: int, timezone: str
) -> dict[str, Any]:
    kind = reading.kind.name
    if kind == "sales":
        is_repeating = bool(reading.profile and reading.profile.drop_exact_repeats)
        await staging.settle_sales(session, import_id, drop_exact_repeats=is_repeating)
    if kind != "sales" or "line_no" in reading.source_of:  # numbered by us, keys are unique
        await staging.reject_duplicate_keys(session, kind, import_id)
    totals = await staging.staged_sales_totals(session, import_id) if kind == "sales" else {}
    unlisted = {"skus": 0, "locations": 0}
    if kind != "products":
        unlisted = await staging.add_unlisted(session, kind, import_id)
    given = set(reading.source_of) | set(reading.profile.defaults if reading.profile else ())
    counts = await staging.merge(session, kind, import_id, given=given, timezone=timezone)
    await staging.drop_stage(session, import_id)
    return {
        "read": table.rows,
        **counts,
        "rejected": await imports.rejected_rows(session, import_id),
        "rejected_by_reason": await imports.reject_counts(session, import_id),
        "unlisted": unlisted,
        "totals": totals,
        "encoding": table.encoding,
        "mapping": reading.profile.name if reading.profile else None,
        "warnings": reading.warnings,
    }


async def _why_nothing(sessions: Sessions, import_id: int, summary: dict[str, Any]) -> str:
    if summary["read"] == 0:
        return "the file has a header but no rows"
    async with sessions() as session:
        [first] = await imports.rejects_page(session, import_id, limit=1, after=None)
    _, reason = explain(first.code, first.column_name, first.value)
    return (
        f"all {summary['read']} rows were rejected; the first: row {first.row_no}, {reason}."
        f" See /imports/{import_id}/rejects"
    )


async def receive(
    session: AsyncSession, *, kind: str, file_name: str, encoding: str | None, mapping: str | None
) -> ImportBatch:
    """Register a file to be imported; the caller submits the job that loads it."""
    check_profile(mapping, kind)
    batch = ImportBatch(
        kind=kind, file_name=file_name, options={"encoding": encoding, "mapping": mapping}
    )
    session.add(batch)
    await session.flush()
    return batch
