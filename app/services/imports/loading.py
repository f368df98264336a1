"""Imports: receive a file, read it, check it row by row, merge what is good."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ImportBatch
from app.queries import imports, merging, staging
from app.queries.campaign_merging import merge_campaigns
from app.queries.sales_merging import merge_sales
from app.services.imports.file_watch import FileWatch
from app.services.imports.key_watch import KeyWatch
from app.services.imports.kinds import KINDS, ColumnType
from app.services.imports.mappings import find_profile
from app.services.imports.matching import Reading, match_columns
from app.services.imports.opening import Table, open_table
from app.services.imports.outcome import complain
from app.services.imports.resending import own_rows
from app.services.imports.sorting import Shop, Sorter, Tally, stage_rows
from app.services.jobs import Progress, Sessions

MERGE_STEPS = 3
UNPACKED_PER_UPLOADED = 20  # a CSV rarely shrinks more; beyond it is a bomb, not a sales file


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
        The import's summary: rows read, new, changed, same, rejected (and why), held back,
        unlisted.

    Raises:
        UnreadableFile, UnusableColumns: the file as a whole is not what it should be.
        NothingLoaded: every row was rejected; the rejects are kept.
        MostlyBad: more than half were, which nobody forced; the rejects are kept.
    """
    async with sessions.begin() as turn:  # held until the end: nobody else runs this import
        await imports.take_turn(turn, import_id)
        async with sessions.begin() as session:  # waits for what a killed run left committing
            await staging.drop_stage(session, import_id)
        batch = await imports.import_batch(turn, import_id)
        assert batch is not None
        summary = batch.summary
        if summary is None:
            shop = Shop(today=today, timezone=timezone)
            try:
                summary = await _load(sessions, turn, progress, batch, file, shop, size_limit)
            except Exception:
                await imports.still_ours(turn)  # else another run's stage would be dropped
                await _forget(sessions, import_id)
                raise
    async with sessions() as session:
        await complain(session, import_id, summary)
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
    with _scratch(file) as scratch:
        table = await asyncio.to_thread(
            open_table,
            file,
            encoding=options.get("encoding"),
            scratch=scratch,
            size_limit=size_limit * UNPACKED_PER_UPLOADED,
        )
        table = own_rows(table)
        reading = match_columns(table.columns, kind, profile)
        keys, told = KeyWatch(kind.name, table.rows), FileWatch(table.columns, reading)
        async with sessions.begin() as session:
            await imports.record_source(session, import_id, _source(table))
        sorter = Sorter(import_id=import_id, table=table, told=told, keys=keys, shop=shop)
        tally = await stage_rows(sessions, progress, sorter)
        told.refuse_what_lacks()
    # Not before all is read: only then is it known how many are bad, and of how many.
    is_held_back = tally.is_mostly_bad and tally.good > 0 and not options.get("force")
    async with sessions.begin() as session:
        await staging.take_room(session)  # connected: a crash from here on is an error, not a gap
        await imports.still_ours(turn)
        await _number(session, reading, import_id, keys)
        if is_held_back:
            counts = await _hold_back(session, import_id, tally)
        else:
            counts = await _merge(session, progress, reading, import_id, keys)
        warnings = [*told.warnings, *counts.pop("warnings", [])]
        summary = {"read": tally.read, **counts, **_remarks(table, reading, tally, warnings)}
        await imports.record_summary(session, import_id, summary)
    return summary


def _source(table: Table) -> dict[str, Any]:
    """What is needed to write rows of the file again."""
    return {
        "columns": table.columns,
        "separator": table.separator,
        "encoding": "utf-8" if table.encoding == "parquet" else table.encoding,
    }


def _remarks(table: Table, reading: Reading, tally: Tally, more: list[str]) -> dict[str, Any]:
    blank = [f"{tally.blank} blank rows were left out"] if tally.blank else []
    contrary = (
        f"{tally.contrary_prices} lines tell a unit_price that is not list_price less discount"
    )
    prices = [f"{contrary}; unit_price counts"] if tally.contrary_prices else []
    codes = [tally.unchecked.warning] if tally.unchecked.warning else []
    return {
        "encoding": table.encoding,
        "mapping": reading.profile.label if reading.profile else None,
        "warnings": [*reading.warnings, *blank, *codes, *prices, *more],
    }


def _day_of(batch: ImportBatch, shop: Shop) -> date:
    """The shop's day on which the file came in, whenever it is read."""
    return batch.created_at.astimezone(ZoneInfo(shop.timezone)).date()


@contextmanager
def _scratch(file: Path) -> Iterator[Path]:
    """An empty folder to unpack a file into, gone afterwards."""
    folder = scratch_of(file)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def scratch_of(file: Path) -> Path:
    """The folder beside a file into which it is unpacked."""
    return file.with_name(f"{file.name}.scratch")


async def _number(session: AsyncSession, reading: Reading, import_id: int, keys: KeyWatch) -> None:
    """Give all lines their keys, and those that were turned away theirs for when they come back."""
    is_repeating = bool(reading.profile and reading.profile.drop_exact_repeats)
    if is_repeating or keys.are_missing:
        await staging.number_lines(
            session, reading.kind.name, import_id, drop_exact_repeats=is_repeating
        )
    if keys.are_reserved:
        await staging.keep_reserved_keys(session, import_id)


async def _hold_back(session: AsyncSession, import_id: int, tally: Tally) -> dict[str, Any]:
    """Load nothing of a file that is mostly bad; its rejects stay."""
    await staging.drop_stage(session, import_id)
    rejected = await imports.rejected_rows(session, import_id)
    return {
        "new": 0,
        "changed": 0,
        "same": 0,
        "rejected": rejected,
        "rejected_by_reason": await imports.reject_counts(session, import_id),
        "held_back": tally.read - rejected,
        "unlisted": {"skus": 0, "locations": 0},
        "totals": {},
    }


async def _merge(
    session: AsyncSession,
    progress: Progress,
    reading: Reading,
    import_id: int,
    keys: KeyWatch,
) -> dict[str, Any]:
    kind = reading.kind.name
    await progress("merging", 0, MERGE_STEPS)
    if keys.may_repeat:
        await staging.reject_duplicate_keys(session, kind, import_id)
    await staging.know_stage(session, import_id)
    await progress("merging", 1, MERGE_STEPS)
    totals = await staging.staged_sales_totals(session, import_id) if kind == "sales" else {}
    await merging.take_turn(session)
    unlisted = await merging.add_unlisted(session, kind, import_id)
    warnings = _taken_as_zero(reading)
    if kind == "sales" and "channel" in reading.given:
        contrary = await merging.contrary_channels(session, import_id)
        if contrary:
            warnings.append(
                f"{contrary} lines name another channel than their location has;"
                " the location's counts"
            )
    await progress("merging", 2, MERGE_STEPS)
    counts = await _merged(session, progress, kind, import_id, reading.given)
    await staging.drop_stage(session, import_id)
    await progress("merging", MERGE_STEPS, MERGE_STEPS)
    return {
        **counts,
        "rejected": await imports.rejected_rows(session, import_id),
        "rejected_by_reason": await imports.reject_counts(session, import_id),
        "held_back": 0,
        "unlisted": {"skus": 0, "locations": 0, **unlisted},
        "totals": totals,
        "warnings": warnings,
    }


def _taken_as_zero(reading: Reading) -> list[str]:
    """What is told of counts that the file has no column for: unknown is not 0, but stored so."""
    return [
        f"the file has no column {column.name}: taken as 0"
        for column in reading.kind.columns
        if column.type is ColumnType.INTEGER
        and column.default == "0"
        and column.name not in reading.given
    ]


async def _merged(
    session: AsyncSession, progress: Progress, kind: str, import_id: int, given: set[str]
) -> dict[str, int]:
    if kind == "campaigns":
        return await merge_campaigns(session, import_id, given=given)
    if kind != "sales":
        return await merging.merge(session, kind, import_id, given=given)
    rows = await merging.staged_rows(session, import_id)

    async def told(added: int) -> None:
        await progress("adding", added, rows)

    return await merge_sales(session, import_id, given=given, told=told)


async def _forget(sessions: Sessions, import_id: int) -> None:
    async with sessions.begin() as session:
        await staging.drop_stage(session, import_id)
        await imports.forget_rejects(session, import_id)


async def receive(
    session: AsyncSession,
    *,
    kind: str,
    file_name: str,
    encoding: str | None,
    mapping: str | None,
    force: bool = False,
) -> ImportBatch:
    """Register a file to be imported; the caller submits the job that loads it."""
    profile = await find_profile(session, mapping, kind)
    # The version is kept, so that an import begun again reads the file as it did before.
    label = profile.label if profile else None
    options = {"encoding": encoding, "mapping": label, "force": force}
    batch = ImportBatch(kind=kind, file_name=file_name, options=options)
    session.add(batch)
    await session.flush()
    return batch
