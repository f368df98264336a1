"""Parquet as text.

A damaged page may abort the process that reads it, by asking for more memory than there is. So
that it is not the worker, all pages are read once in a process of their own.
"""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import polars as pl

from app.services.import_csv import FAULT, LINE, ROW, UnreadableFile, column_names

BATCH_ROWS = 100_000
DAMAGES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
NO_VALUES = {pl.Binary, pl.Duration, pl.Object}


def open_parquet(
    path: Path, size_limit: int
) -> tuple[list[str], int, Generator[pl.DataFrame, None, None]]:
    """Column names, the number of rows, and the rows as text with ``ROW``, ``FAULT``, ``LINE``.

    Raises:
        UnreadableFile: damaged, no plain table, or larger than the limit.
    """
    try:
        frame = pl.scan_parquet(path, glob=False)
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
    _try_pages(path)
    text = frame.select(
        pl.col(name).cast(pl.String).alias(column)
        for name, column in zip(schema, columns, strict=True)
    )
    return columns, rows, _batches(text)


def _batches(text: pl.LazyFrame) -> Generator[pl.DataFrame, None, None]:
    first = 1
    nothing = pl.lit(None, pl.String)
    for batch in text.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
        rows = pl.int_range(first, first + len(batch), dtype=pl.Int64).alias(ROW)
        first += len(batch)
        yield batch.select(rows, pl.all(), nothing.alias(FAULT), nothing.alias(LINE))


def _try_pages(path: Path) -> None:
    reader = subprocess.run(
        [sys.executable, "-P", "-m", __name__, path],
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


def main(path: str) -> int:
    """Read everything and keep nothing; 1 if it cannot be read, with the reason on stdout."""
    try:
        for _ in pl.scan_parquet(path, glob=False).collect_batches(chunk_size=BATCH_ROWS):
            pass
    except DAMAGES as error:
        sys.stdout.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
