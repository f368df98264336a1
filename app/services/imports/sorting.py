"""Sorting the rows of a file, batch by batch: good ones into the stage, others into the rejects."""

import asyncio
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from app.queries import staging
from app.services.imports.barcodes import Unchecked, unchecked
from app.services.imports.checking import check, without_blanks
from app.services.imports.completing import complete, contrary_prices
from app.services.imports.file_watch import FileWatch
from app.services.imports.key_watch import KeyWatch
from app.services.imports.opening import Table
from app.services.imports.rejecting import as_they_stood, bad_rows, reserved_lines
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
    contrary_prices: int = 0
    unchecked: Unchecked = field(default_factory=Unchecked)  # bar codes

    @property
    def good(self) -> int:
        return self.read - self.rejected

    @property
    def is_mostly_bad(self) -> bool:
        return 2 * self.bad > self.read


@dataclass(slots=True, kw_only=True)
class Sorter:
    """Sorts a file's rows, and remembers what it has seen of them."""

    import_id: int
    table: Table
    told: FileWatch
    keys: KeyWatch
    shop: Shop
    tally: Tally = field(default_factory=Tally)

    def next_frames(self) -> list[tuple[str, pl.DataFrame]] | None:
        """The next batch by the tables its rows go to; None after the last one."""
        batch = next(self.table.batches, None)
        if batch is None:
            return None
        whole = without_blanks(batch, self.table.columns)
        rows, reading = self.told.of_this_kind(whole), self.told.reading
        good, rejects = check(rows, reading, today=self.shop.today, timezone=self.shop.timezone)
        self.told.see(rows, good, rejects)
        if "discount" in good.columns:
            self.tally.contrary_prices += contrary_prices(good)
        good = complete(reading.kind.name, good, reading.profile, self.shop.timezone)
        self.keys.see(good)
        if "jan" in good.columns:
            self.tally.unchecked += unchecked(good)
        self.tally.read += len(rows)
        self.tally.blank += len(batch) - len(whole)
        self.tally.rejected += len(rows) - len(good)
        stage = staging.stage_name(self.import_id)
        loaded = [(stage, _filled(good))] if len(good) else []
        return [*loaded, *(self._turned_away(rows, rejects) if len(rejects) else [])]

    def _turned_away(
        self, rows: pl.DataFrame, rejects: pl.DataFrame
    ) -> list[tuple[str, pl.DataFrame]]:
        self.tally.bad += bad_rows(rejects)
        number = pl.lit(self.import_id).alias("import_id")
        kept = as_they_stood(rows, rejects, self.table.columns)
        frames = [
            ("import_reject", rejects.with_columns(number)),
            ("import_reject_row", kept.with_columns(number)),
        ]
        lines = reserved_lines(rows, rejects, self.told.reading, timezone=self.shop.timezone)
        if lines is not None and len(lines):
            self.keys.reserve(lines)
            frames.append((staging.stage_name(self.import_id), lines))
        return frames


def _filled(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without columns that hold nothing; to copy those costs as much as any other."""
    return rows.select(column.name for column in rows if column.null_count() < len(rows))


async def stage_rows(sessions: Sessions, progress: Progress, sorter: Sorter) -> Tally:
    """Check all rows into the stage and the rejects; what became of them.

    The next batch is read and checked while one is being copied.
    """
    table, tally = sorter.table, sorter.tally
    coming = asyncio.ensure_future(asyncio.to_thread(sorter.next_frames))
    try:
        while (frames := await asyncio.shield(coming)) is not None:
            read = tally.read
            coming = asyncio.ensure_future(asyncio.to_thread(sorter.next_frames))
            await progress("reading", read, max(read, table.rows))
            async with sessions.begin() as session:
                for name, frame in frames:
                    await staging.copy_rows(session, name, frame)
    finally:
        await asyncio.wait([coming])  # no thread may outlive the files it reads
        coming.exception()  # which nobody needs to hear of, after another
        table.batches.close()
    return tally
