"""Opening the files customers send: CSV or Parquet, gzip, UTF-8 or cp932, as text in batches."""

import codecs
import csv
import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

BATCH_ROWS = 100_000
EXTRA = "\x1fextra"  # takes what stands beyond the header's last column
ENCODINGS = ("utf-8", "cp932")
CHUNK = 1 << 20


class UnreadableFile(Exception):
    """The file cannot be read as a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file opened as a table of text; ``batches`` may be taken once."""

    columns: list[str]
    encoding: str
    rows: int
    batches: Iterator[pl.DataFrame]


def open_table(path: Path, *, encoding: str | None, scratch: Path, size_limit: int) -> Table:
    """Open a file as text columns under its own header.

    Args:
        path: the file as it was sent.
        encoding: ``utf-8`` or ``cp932``; None tries the one, then the other.
        scratch: an empty folder for the unpacked or transcoded copy.
        size_limit: bytes the file may have when unpacked.

    Raises:
        UnreadableFile: empty, unknown encoding, damaged, or larger than the limit.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"\x1f\x8b"):
        path = _unpack(path, scratch / "unpacked", size_limit)
        with path.open("rb") as file:
            start = file.read(4)
    if not start:
        raise UnreadableFile("the file is empty")
    if start == b"PAR1":
        return _open_parquet(path)
    if start.startswith(b"PK\x03\x04"):
        raise UnreadableFile("this is a workbook or zip archive; save the sheet as CSV")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableFile("the file is UTF-16; save it as 'CSV UTF-8' or as cp932 (Shift-JIS)")
    return _open_csv(path, encoding, scratch)


def _unpack(path: Path, target: Path, size_limit: int) -> Path:
    written = 0
    try:
        with gzip.open(path) as source, target.open("wb") as sink:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                if written > size_limit:
                    raise UnreadableFile(
                        f"unpacked, the file is larger than {size_limit // 2**20} MB"
                    )
                sink.write(chunk)
    except (gzip.BadGzipFile, EOFError, OSError) as error:
        raise UnreadableFile(f"the gzip file is damaged: {error}") from error
    return target


def _open_parquet(path: Path) -> Table:
    try:
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
        rows = int(frame.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableFile(f"the Parquet file is damaged: {str(error)[:200]}") from error
    nested = [name for name, kind in schema.items() if kind.is_nested() or kind == pl.Binary]
    if nested:
        raise UnreadableFile(f"column {nested[0]} of the Parquet file is not a plain value")
    text = frame.select(pl.all().cast(pl.String))
    batches = text.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
    return Table(columns=list(schema), encoding="parquet", rows=rows, batches=iter(batches))


def _open_csv(path: Path, encoding: str | None, scratch: Path) -> Table:
    found = _encoding_of(path, encoding)
    if found != "utf-8":
        transcoded = scratch / "transcoded"
        with (
            path.open(encoding=found, newline="") as source,
            transcoded.open("w", encoding="utf-8", newline="") as sink,
        ):
            shutil.copyfileobj(source, sink, CHUNK)
        path = transcoded
    with path.open(encoding="utf-8-sig", newline="") as file:
        header_line = file.readline()
        separator = "\t" if "\t" in header_line and "," not in header_line else ","
        header = [name.strip() for name in next(csv.reader([header_line], delimiter=separator))]
    if not any(header):
        raise UnreadableFile("the first line, the header, is empty")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise UnreadableFile(f"the header names column '{repeated[0]}' more than once")
    frame = pl.scan_csv(
        path,
        has_header=False,
        skip_lines=1,
        schema=dict.fromkeys([*header, EXTRA], pl.String),
        separator=separator,
        truncate_ragged_lines=True,
        missing_columns="insert",
        raise_if_empty=False,
        glob=False,
    )
    try:
        rows = int(frame.select(pl.len()).collect().item())
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(f"the CSV cannot be split into rows: {str(error)[:200]}") from error
    batches = frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
    return Table(columns=header, encoding=found, rows=rows, batches=iter(batches))


def _encoding_of(path: Path, wanted: str | None) -> str:
    if wanted is not None and wanted not in ENCODINGS:
        raise UnreadableFile(f"encoding '{wanted}' is not one of {', '.join(ENCODINGS)}")
    for encoding in (wanted,) if wanted else ENCODINGS:
        place = _first_undecodable(path, encoding)
        if place is None:
            return encoding
    known = wanted or "utf-8 nor cp932"
    raise UnreadableFile(
        f"the file is not {known}: line {place} holds bytes that are no character of it"
        if wanted
        else f"the file is neither {known}: line {place} holds bytes that are no character"
    )


def _first_undecodable(path: Path, encoding: str) -> int | None:
    """The number of the first line that is not text in the encoding, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return line + error.object.count(b"\n", 0, error.start)
            if not chunk:
                return None
            line += chunk.count(b"\n")
