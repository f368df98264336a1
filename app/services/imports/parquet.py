"""Parquet as text.

A damaged page may abort the process that reads it, by asking for more memory than there is. So
that it is not the worker, all pages are read once in a process of their own.
"""

import subprocess
import sys
from collections.abc import Generator
from datetime import date
from pathlib import Path

import polars as pl

from app.services.imports.csv_text import FAULT, LINE, ROW, UnreadableFile, column_names

BATCH_ROWS = 50_000
DECODED_ROWS = 10_000  # at a time and thread: with as many as a batch has, all would be in memory
LONGEST_TEXT = 1000  # characters; what is longer than a cell may be is refused all the same
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)  # within what every unit of time can tell
DAMAGES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
NO_VALUES = {pl.Binary, pl.Duration, pl.Object}


def open_parquet(
    path: Path, size_limit: int, first_rows: int | None = None
) -> tuple[list[str], int, Generator[pl.DataFrame, None, None]]:
    """Column names, the number of rows, and the rows as text with ``ROW``, ``FAULT``, ``LINE``.

    Raises:
        UnreadableFile: damaged, no plain table, or larger than the limit.
    """
    try:
        frame = _scan(path, first_rows)
        schema = frame.collect_schema()
        rows = int(frame.select(pl.len()).collect().item())
    except DAMAGES as error:
        raise UnreadableFile(_damage(str(error))) from error
    columns = column_names(list(schema))
    if len(set(columns)) < len(columns):
        raise UnreadableFile("the Parquet file names a column more than once")
    if rows * len(columns) > size_limit:
        raise UnreadableFile(f"unpacked, the file is larger than {size_limit // 2**20} MB")
    for name, kind in schema.items():
        if kind.is_nested() or kind.base_type() in NO_VALUES:
            raise UnreadableFile(f"column '{name}' of the Parquet file is {kind}, no plain value")
    _try_pages(path, first_rows)
    text = frame.select(
        _text(name, kind).alias(column)
        for (name, kind), column in zip(schema.items(), columns, strict=True)
    )
    return columns, rows, _batches(text, rows)


def _scan(path: str | Path, first_rows: int | None) -> pl.LazyFrame:
    frame = pl.scan_parquet(path, glob=False)
    return frame if first_rows is None else frame.head(first_rows)


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    """A column as text.

    A day or time that no calendar knows is told as its number: to write it as a date would end the
    stream, and silently. A text is cut where no cell of ours ends, since one of a few bytes in the
    file may stand for gigabytes.
    """
    column = pl.col(name)
    if isinstance(kind, pl.String):
        return column.str.slice(0, LONGEST_TEXT)
    if not isinstance(kind, pl.Date | pl.Datetime):
        return column.cast(pl.String)
    earliest, latest = pl.lit(EARLIEST).cast(kind), pl.lit(LATEST).cast(kind)
    known = pl.when(column.is_between(earliest, latest)).then(column)
    return pl.coalesce(known.cast(pl.String), column.to_physical().cast(pl.String))


def _batches(text: pl.LazyFrame, announced: int) -> Generator[pl.DataFrame, None, None]:
    read = 0
    nothing = pl.lit(None, pl.String)
    pl.Config.set_streaming_chunk_size(DECODED_ROWS)
    for batch in text.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
        rows = pl.int_range(read + 1, read + 1 + len(batch), dtype=pl.Int64).alias(ROW)
        read += len(batch)
        yield batch.select(rows, pl.all(), nothing.alias(FAULT), nothing.alias(LINE))
    if read != announced:
        raise UnreadableFile(_damage(f"it announces {announced} rows and holds {read}"))


def _try_pages(path: Path, first_rows: int | None) -> None:
    rows = [] if first_rows is None else [str(first_rows)]
    reader = subprocess.run(
        [sys.executable, "-P", "-m", __name__, path, *rows],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if reader.returncode:
        raise UnreadableFile(_damage(reader.stdout or "its pages do not hold what they announce"))


def _damage(said: str) -> str:
    return f"the Parquet file is damaged: {' '.join(said.split())[:200]}"


def main(path: str, first_rows: str | None = None) -> int:
    """Read all rows, or the first, and keep none; 1 if it fails, with the reason on stdout."""
    try:
        frame = _scan(path, int(first_rows) if first_rows else None)
        for _ in frame.collect_batches(chunk_size=BATCH_ROWS):
            pass
    except DAMAGES as error:
        sys.stdout.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
