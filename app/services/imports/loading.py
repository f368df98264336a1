"""Imports: receive a file, read it, check it row by row, merge what is good."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ImportBatch
from app.queries import imports, merging, staging
from app.queries.campaign_merging import merge_campaigns
from app.queries.sales_merging import merge_sales
from app.services.imports.checking import check, without_blanks
from app.services.imports.completing import complete
from app.services.imports.file_watch import FileWatch
from app.services.imports.key_watch import KeyWatch
from app.services.imports.kinds import KINDS
from app.services.imports.mappings import find_profile
from app.services.imports.matching import Reading, match_columns
from app.services.imports.opening import Table, open_table
from app.services.imports.reasons import explain
from app.services.jobs import Progress, Sessions

MERGE_STEPS = 3
MERGES = {"sales": merge_sales, "campaigns": merge_campaigns}  # others are merged all alike
UNPACKED_PER_UPLOADED = 20  # a CSV rarely shrinks more; beyond it is a bomb, not a sales file


class NothingLoaded(Exception):
    """No row of the file could be loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Whose file it is."""

    today: date
    timezone: str


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
    in one last transaction. Of an import that fails as a whole nothing stays but its number.

    Returns:
        The import's summary: rows read, new, changed, same, rejected (and why), unlisted.

    Raises:
        UnreadableFile, UnusableColumns: the file as a whole is not what it should be.
        NothingLoaded: every row was rejected; the rejects are kept.
    """
    async with sessions.begin() as turn:  # held until the end: nobody else runs this import
        await imports.take_turn(turn, import_id)
        batch = await imports.import_batch(turn, import_id)
        assert batch is not None
        summary = batch.summary
        if summary is None:
            shop = Shop(today=today, timezone=timezone)
            try:
                summary = await _load(sessions, turn, progress, batch, file, shop, size_limit)
            except Exception:
                await _forget(sessions, import_id)
                raise
    if summary["new"] + summary["changed"] + summary["same"] == 0:
        raise NothingLoaded(await _why_nothing(sessions, import_id, summary))
    return summary


async def _load(
    sessions: Sessions,
    turn: AsyncSession,
    progress: Progress,
    batch: ImportBatch,
    file: Path,
    shop: Shop,
    size_limit: int,
) -> dict[str, Any]:
    kind, options, import_id = KINDS[batch.kind], batch.options, batch.import_id
    async with sessions.begin() as session:
        await staging.drop_forgotten_stages(session)
        await imports.forget_rejects(session, import_id)
        await staging.create_stage(session, kind.name, import_id)
        profile = await find_profile(session, options.get("mapping"), kind.name)
        profile = profile and profile.on(_day_of(batch, shop))
    scratch = scratch_of(file)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        table = await asyncio.to_thread(
            open_table,
            file,
            encoding=options.get("encoding"),
            scratch=scratch,
            size_limit=size_limit * UNPACKED_PER_UPLOADED,
        )
        reading = match_columns(table.columns, kind, profile)
        keys, told = KeyWatch(kind.name), FileWatch(table.columns, reading)
        read, blank = await _stage_rows(sessions, progress, table, told, import_id, shop, keys)
        told.refuse_what_lacks()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    async with sessions.begin() as session:
        await imports.still_ours(turn)
        counts = await _merge(session, progress, reading, import_id, keys)
        blanks = [f"{blank} blank rows were left out"] if blank else []
        warnings = [*reading.warnings, *told.warnings, *blanks]
        summary = {
            "read": read,
            **counts,
            "encoding": table.encoding,
            "mapping": profile.label if profile else None,
            "warnings": warnings,
        }
        await imports.record_summary(session, import_id, summary)
    return summary


def _day_of(batch: ImportBatch, shop: Shop) -> date:
    """The shop's day on which the file came in, whenever it is read."""
    return batch.created_at.astimezone(ZoneInfo(shop.timezone)).date()


def scratch_of(file: Path) -> Path:
    """The folder beside a file into which it is unpacked."""
    return file.with_name(f"{file.name}.scratch")


async def _stage_rows(
    sessions: Sessions,
    progress: Progress,
    table: Table,
    told: FileWatch,
    import_id: int,
    shop: Shop,
    keys: KeyWatch,
) -> tuple[int, int]:
    """Check all rows into the stage and the rejects; how many there were, and how many blank.

    The next batch is read and checked while one is being copied.
    """

    def next_batch() -> tuple[int, int, pl.DataFrame, pl.DataFrame] | None:
        batch = next(table.batches, None)
        if batch is None:
            return None
        whole = without_blanks(batch, table.columns)
        rows, reading = told.of_this_kind(whole), told.reading
        good, rejects = check(rows, reading, today=shop.today, timezone=shop.timezone)
        told.see(rows, good, rejects)
        good = complete(reading.kind.name, good, reading.profile, shop.timezone)
        keys.see(good)
        return len(rows), len(batch) - len(whole), good, rejects

    read = blank = 0
    coming = asyncio.ensure_future(asyncio.to_thread(next_batch))
    try:
        while (batch := await asyncio.shield(coming)) is not None:
            coming = asyncio.ensure_future(asyncio.to_thread(next_batch))
            read, blank = read + batch[0], blank + batch[1]
            await progress("reading", read, max(read, table.rows))
            async with sessions.begin() as session:
                await _copy(session, import_id, *batch[2:])
    finally:
        await asyncio.wait([coming])  # no thread may outlive the files it reads
        coming.exception()  # which nobody needs to hear of, after another
        table.batches.close()
    return read, blank


async def _copy(
    session: AsyncSession, import_id: int, good: pl.DataFrame, rejects: pl.DataFrame
) -> None:
    await staging.copy_rows(session, staging.stage_name(import_id), good)
    if len(rejects):
        rejects = rejects.with_columns(import_id=import_id)
        await staging.copy_rows(session, "import_reject", rejects)


async def _merge(
    session: AsyncSession, progress: Progress, reading: Reading, import_id: int, keys: KeyWatch
) -> dict[str, Any]:
    kind, profile = reading.kind.name, reading.profile
    await progress("merging", 0, MERGE_STEPS)
    await staging.take_room(session)
    is_repeating = bool(profile and profile.drop_exact_repeats)
    if is_repeating or keys.are_missing:
        await staging.number_lines(session, kind, import_id, drop_exact_repeats=is_repeating)
    if keys.may_repeat:
        await staging.reject_duplicate_keys(session, kind, import_id)
    await staging.know_stage(session, import_id)
    await progress("merging", 1, MERGE_STEPS)
    totals = await staging.staged_sales_totals(session, import_id) if kind == "sales" else {}
    await merging.take_turn(session)
    unlisted = await merging.add_unlisted(session, kind, import_id)
    await progress("merging", 2, MERGE_STEPS)
    merge = MERGES.get(kind, partial(merging.merge, kind=kind))
    counts = await merge(session, import_id=import_id, given=reading.given)
    await staging.drop_stage(session, import_id)
    await progress("merging", MERGE_STEPS, MERGE_STEPS)
    return {
        **counts,
        "rejected": await imports.rejected_rows(session, import_id),
        "rejected_by_reason": await imports.reject_counts(session, import_id),
        "unlisted": {"skus": 0, "locations": 0, **unlisted},
        "totals": totals,
    }


async def _forget(sessions: Sessions, import_id: int) -> None:
    async with sessions.begin() as session:
        await staging.drop_stage(session, import_id)
        await imports.forget_rejects(session, import_id)


async def _why_nothing(sessions: Sessions, import_id: int, summary: dict[str, Any]) -> str:
    if summary["read"] == 0:
        return "the file has a header but no rows"
    async with sessions() as session:
        rejects = await imports.rejects_page(session, import_id, limit=1, after=None)
    if not rejects:
        return f"none of the {summary['read']} rows holds anything"
    [first] = rejects
    _, reason = explain(first.code, first.column_name, first.value)
    return (
        f"all {summary['read']} rows were rejected; the first: row {first.row_no}, {reason}."
        f" See /imports/{import_id}/rejects"
    )


async def receive(
    session: AsyncSession, *, kind: str, file_name: str, encoding: str | None, mapping: str | None
) -> ImportBatch:
    """Register a file to be imported; the caller submits the job that loads it."""
    profile = await find_profile(session, mapping, kind)
    # The version is kept, so that an import begun again reads the file as it did before.
    options = {"encoding": encoding, "mapping": profile.label if profile else None}
    batch = ImportBatch(kind=kind, file_name=file_name, options=options)
    session.add(batch)
    await session.flush()
    return batch
