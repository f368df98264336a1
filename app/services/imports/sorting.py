"""Sorting the rows of a file, batch by batch: good ones into the stage, others into the rejects."""

import asyncio
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from app.queries import staging
from app.services.imports.barcodes import Unchecked, unchecked
from app.services.imports.checking import check, without_blanks
from app.services.imports.completing import complete
from app.services.imports.file_watch import FileWatch
from app.services.imports.key_watch import KeyWatch
from app.services.imports.opening import Table
from app.services.imports.rejecting import as_they_stood, bad_rows
from app.services.jobs import Progress, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Whose file it is."""

    today: date
    timezone: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of a file's rows when they were checked, each by itself."""

    read: int = 0
    blank: int = 0
    rejected: int = 0
    bad: int = 0  # rejected for a reason that nobody expects
    unchecked: Unchecked = field(default_factory=Unchecked)  # bar codes

    @property
    def good(self) -> int:
        return self.read - self.rejected

    @property
    def is_mostly_bad(self) -> bool:
        return 2 * self.bad > self.read


async def stage_rows(
    sessions: Sessions,
    progress: Progress,
    table: Table,
    told: FileWatch,
    import_id: int,
    shop: Shop,
    keys: KeyWatch,
) -> Tally:
    """Check all rows into the stage and the rejects; what became of them.

    The next batch is read and checked while one is being copied.
    """
    tally = Tally()

    def next_batch() -> list[tuple[str, pl.DataFrame]] | None:
        batch = next(table.batches, None)
        if batch is None:
            return None
        whole = without_blanks(batch, table.columns)
        rows, reading = told.of_this_kind(whole), told.reading
        good, rejects = check(rows, reading, today=shop.today, timezone=shop.timezone)
        told.see(rows, good, rejects)
        good = complete(reading.kind.name, good, reading.profile, shop.timezone)
        keys.see(good)
        if "jan" in good.columns:
            tally.unchecked += unchecked(good)
        tally.read += len(rows)
        tally.blank += len(batch) - len(whole)
        tally.rejected += len(rows) - len(good)
        frames = [(staging.stage_name(import_id), good)]
        if len(rejects):
            tally.bad += bad_rows(rejects)
            kept = as_they_stood(rows, rejects, table.columns)
            number = pl.lit(import_id).alias("import_id")
            frames.append(("import_reject", rejects.with_columns(number)))
            frames.append(("import_reject_row", kept.with_columns(number)))
        return frames

    coming = asyncio.ensure_future(asyncio.to_thread(next_batch))
    try:
        while (frames := await asyncio.shield(coming)) is not None:
            read = tally.read
            coming = asyncio.ensure_future(asyncio.to_thread(next_batch))
            await progress("reading", read, max(read, table.rows))
            async with sessions.begin() as session:
                for name, frame in frames:
                    await staging.copy_rows(session, name, frame)
    finally:
        await asyncio.wait([coming])  # no thread may outlive the files it reads
        coming.exception()  # which nobody needs to hear of, after another
        table.batches.close()
    return tally
