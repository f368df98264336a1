"""Opening the files customers send: CSV or Parquet, gzip, UTF-8 or cp932, as text in batches."""

import codecs
import gzip
import re
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from app.services.imports.csv_text import UnreadableFile, read_batches, read_header
from app.services.imports.parquet import open_parquet

ENCODINGS = ("utf-8", "cp932")
CHUNK = 1 << 20
GZIP = b"\x1f\x8b"
GZIP_IN_GZIP = "there is a gzip file inside the gzip file; unpack it once"
LONGEST_LINE = 1 << 24  # bytes; a line has to fit into memory
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of today (a zip archive), of old
UNDEFINED = re.compile("[\x80\uf8f0-\uf8f3]")  # what Windows makes of bytes that mean nothing
ONLY_UTF8 = re.compile(rb"[\xe0-\xef][\x80-\xbf][\x80-\xbf]")  # kana and kanji


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file opened as a table of text.

    Attributes:
        columns: the names in its header.
        encoding: ``utf-8``, ``cp932`` or ``parquet``.
        separator: between the fields of a line; of Parquet, the one to write its rows with.
        rows: how many rows to expect; a CSV with line breaks in its fields has fewer.
        batches: the rows under ``columns``, with ``ROW``, ``FAULT`` and ``LINE`` of
            ``csv_text``; may be taken once, and is to be closed. Raises UnreadableFile.
    """

    columns: list[str]
    encoding: str
    separator: str
    rows: int
    batches: Generator[pl.DataFrame, None, None]


def open_table(
    path: Path,
    *,
    encoding: str | None,
    scratch: Path,
    size_limit: int,
    first_rows: int | None = None,
) -> Table:
    """Open a file as text columns under its own header.

    Args:
        path: the file as it was sent.
        encoding: ``utf-8`` or ``cp932``; None tries the one, then the other.
        scratch: an empty folder for the unpacked copy.
        size_limit: bytes the file may have when unpacked.
        first_rows: of a Parquet file, read no more than these.

    Raises:
        UnreadableFile: empty, no CSV or Parquet, another encoding, damaged, or too large.
    """
    start = _start(path)
    if start.startswith(GZIP):
        path = _unpack(path, scratch / "unpacked", size_limit)
        start = _start(path)
        if start.startswith(GZIP):
            raise UnreadableFile(GZIP_IN_GZIP)
    if not start:
        raise UnreadableFile("the file is empty")
    if start == b"PAR1":
        columns, rows, batches = open_parquet(path, size_limit, first_rows)
        return Table(columns=columns, encoding="parquet", separator=",", rows=rows, batches=batches)
    if start in WORKBOOKS:
        raise UnreadableFile("this is a workbook or zip archive; save the sheet as CSV")
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in start:
        raise UnreadableFile(
            "the file is UTF-16 or no text; save it as 'CSV UTF-8' or as cp932 (Shift-JIS)"
        )
    return _open_csv(path, encoding)


def start_of(path: Path, scratch: Path, most: int) -> tuple[Path, bool]:
    """A file of the first whole lines of a CSV, packed or not; and whether that is all of it.

    A Parquet file stays as it is, since it is read from its end.
    """
    start = _start(path)
    if start == b"PAR1" or (path.stat().st_size <= most and not start.startswith(GZIP)):
        return path, True
    with gzip.open(path) if start.startswith(GZIP) else path.open("rb") as source:
        chunks, size = [], 0
        while size <= most and (chunk := _unpacked(source)):
            chunks.append(chunk)
            size += len(chunk)
    head = b"".join(chunks)
    if start.startswith(GZIP) and head.startswith(GZIP):
        raise UnreadableFile(GZIP_IN_GZIP)
    is_whole = size <= most
    if not is_whole and head.startswith(b"PAR1"):
        raise UnreadableFile(f"a packed Parquet file of more than {most // 2**20} MB; unpack it")
    if not is_whole:
        end = max(head.rfind(b"\n", 0, most), head.rfind(b"\r", 0, most))
        if end < 0:
            raise UnreadableFile(f"the first line is longer than {most // 2**20} MB")
        head = head[: end + 1]
    target = scratch / "start"
    target.write_bytes(head)
    return target, is_whole


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _unpack(path: Path, target: Path, size_limit: int) -> Path:
    written = 0
    with gzip.open(path) as source, target.open("wb") as sink:
        while chunk := _unpacked(source):
            written += len(chunk)
            if written > size_limit:
                raise UnreadableFile(f"unpacked, the file is larger than {size_limit // 2**20} MB")
            sink.write(chunk)
    return target


def _unpacked(source: IO[bytes] | gzip.GzipFile) -> bytes:
    try:
        return source.read(CHUNK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableFile(f"the gzip file is damaged: {error}") from error


def _open_csv(path: Path, encoding: str | None) -> Table:
    found, lines = _encoding_of(path, encoding)
    decoder = "utf-8-sig" if found == "utf-8" else found
    with path.open(encoding=decoder, newline="") as file:
        columns, separator = read_header(file)
    return Table(
        columns=columns,
        encoding=found,
        separator=separator,
        rows=max(lines - 1, 0),
        batches=_csv_batches(path, decoder),
    )


def _csv_batches(path: Path, encoding: str) -> Generator[pl.DataFrame, None, None]:
    with path.open(encoding=encoding, newline="") as file:
        columns, separator = read_header(file)
        yield from read_batches(file, columns, separator)


def _encoding_of(path: Path, wanted: str | None) -> tuple[str, int]:
    """The encoding that fits, and how many lines there are."""
    if wanted is not None:
        return wanted, _expect(path, wanted)
    misfits = []
    for encoding in ENCODINGS:
        survey = _survey(path, encoding)
        if survey.misfit is None:
            return encoding, survey.lines
        misfits.append(survey.misfit)
    raise UnreadableFile(
        f"the file is neither {' nor '.join(ENCODINGS)}:"
        f" line {max(misfits)} holds bytes that are no character"
    )


def _expect(path: Path, wanted: str) -> int:
    """How many lines there are, if they are in the encoding that the sender names."""
    if wanted not in ENCODINGS:
        raise UnreadableFile(f"encoding '{wanted}' is not one of {', '.join(ENCODINGS)}")
    [other] = (encoding for encoding in ENCODINGS if encoding != wanted)
    survey, others = _survey(path, wanted), _survey(path, other)
    if survey.misfit is not None:
        hint = f"; it can be read as {other}" if others.misfit is None else ""
        raise UnreadableFile(
            f"the file is not {wanted}: line {survey.misfit} holds bytes that are no character"
            f" of it{hint}"
        )
    if wanted == "cp932" and others.misfit is None and others.has_kana:
        # Such bytes are text in cp932 too, but never the text that was meant.
        raise UnreadableFile("the file is utf-8, not cp932; leave the encoding out")
    return survey.lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    misfit: int | None = None  # the first line that is not text in the encoding
    lines: int = 0
    has_kana: bool = False


def _survey(path: Path, encoding: str) -> _Survey:
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = {b"\n": 0, b"\r": 0}  # which of them ends a line is seen at the end
    length, has_kana = 0, False
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = lines[b"\n"] + error.object.count(b"\n", 0, error.start)
                return _Survey(misfit=before + 1)
            if encoding == "cp932" and (undefined := UNDEFINED.search(text)):
                return _Survey(misfit=lines[b"\n"] + text.count("\n", 0, undefined.start()) + 1)
            if not chunk:
                return _Survey(lines=max(lines.values()), has_kana=has_kana)
            last = max(chunk.rfind(end) for end in lines)
            length = len(chunk) - last - 1 + (length if last < 0 else 0)
            for end in lines:
                lines[end] += chunk.count(end)
            if length > LONGEST_LINE:
                line = max(lines.values()) + 1
                raise UnreadableFile(f"line {line} is longer than {LONGEST_LINE // 2**20} MB")
            has_kana = has_kana or bool(ONLY_UTF8.search(chunk))
