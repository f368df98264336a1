"""CSV as people send it: even lines in bulk, odd ones one by one, and no line lost.

Quotes are read as spreadsheets read them: one at the start of a field opens it, elsewhere it is
a character (6" PLATE). A quote that is never closed costs its own line, not the rest of the file.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, TextIO, TypeAlias

import numpy as np
import polars as pl

from app.services.imports.texts import unified_name

CHUNK = 1 << 22  # characters read at a time
LINES_OF_RECORD = 1000  # a quoted field may hold so many line breaks, and
SIZE_OF_RECORD = 1 << 20  # a record so many characters; a longer one is a quote never closed
UNCLOSED_QUOTES = 100  # each costs a look at LINES_OF_RECORD lines
MOST_COLUMNS = 5000
SHOWN = 200  # characters of a line that cannot be read

# Columns beside the file's own, under names that no file has.
ROW, FAULT, LINE = "\x1frow", "\x1ffault", "\x1fline"
LINE_NO = "\x1fline_no"  # in a file of rejected rows: the number kept for the line

csv.field_size_limit(2**31 - 1)  # what is too long is said by column


class UnreadableFile(Exception):
    """The file cannot be read as a table."""

    def __init__(self, sentence: str) -> None:
        super().__init__(_storable(sentence))  # it may quote the file


def read_header(file: TextIO) -> tuple[list[str], str]:
    """The names in the first line, and what separates them; the file then stands at the data.

    Raises:
        UnreadableFile: if there are no names, or one twice.
    """
    lines = _header_lines(file)
    first = next(lines, "")
    separator = "\t" if "\t" in first and "," not in first else ","
    record = next(csv.reader(chain([first], lines), delimiter=separator), [])
    names = column_names(record)
    while names and not names[-1]:
        names.pop()
    if not names:
        raise UnreadableFile("the first line, the header, is empty")
    if len(names) > MOST_COLUMNS:
        raise UnreadableFile(f"the header names {len(names)} columns; {MOST_COLUMNS} are the most")
    for name, times in Counter(names).items():
        if name and times > 1:
            raise UnreadableFile(f"the header names column '{name}' more than once")
    return [name or f"(column {n} has no name)" for n, name in enumerate(names, 1)], separator


def _header_lines(file: TextIO) -> Iterator[str]:
    """Lines of the header; nobody asks for the next one unless a quotation mark is still open."""
    size = 0
    for _ in range(LINES_OF_RECORD):
        line = file.readline(SIZE_OF_RECORD + 1)
        if not line:
            return
        size += len(line)
        if size > SIZE_OF_RECORD:
            break
        yield line
    raise UnreadableFile(
        f"the header does not end within {LINES_OF_RECORD} lines and {SIZE_OF_RECORD // 2**20} MB;"
        " is a quotation mark in it never closed?"
    )


def column_names(names: list[str]) -> list[str]:
    """Names as they can be told and stored."""
    return [unified_name(" ".join(_storable(name).split()))[:SHOWN] for name in names]


def _storable(text: str) -> str:
    """The text without the one character that PostgreSQL cannot store."""
    return text.replace("\x00", "␀")


def read_batches(
    file: TextIO, columns: list[str], separator: str, *, chunk: int = CHUNK
) -> Iterator[pl.DataFrame]:
    """The data after the header, as text, with ``ROW``, ``FAULT`` and ``LINE``.

    ``ROW`` counts records from 1, blank ones too. A record with too many or too few fields, or
    with a quote that is never closed, has its ``FAULT``, the ``LINE`` as it stands, and no fields.

    Raises:
        UnreadableFile: if quotes without end go on and on.
    """
    reader = _Reader(columns, separator)
    lines: list[str] = []
    while True:
        more = file.readlines(chunk)
        lines += more
        if not lines:
            return
        frame, read = reader.read(lines, is_end=not more)
        lines = lines[read:]
        yield frame


# the line where it starts (later: its row), its fields, fault, the line
_Record: TypeAlias = tuple[Any, ...]


class _Reader:
    def __init__(self, columns: list[str], separator: str) -> None:
        self._columns = columns
        self._separator = separator
        texts = dict.fromkeys([*columns, FAULT, LINE], pl.String)
        self._schema: dict[str, Any] = {ROW: pl.Int64, **texts}
        self._rows = 0
        self._unclosed = 0
        plain = rf'[^"{separator}\r\n]*'
        field = rf'(?:{plain}|"(?:[^"]|"")*")'
        self._quoted_line = rf"^{field}(?:{separator}{field})*$"
        self._quoted_field = r'"(?:[^"]|"")*"'

    def read(self, lines: list[str], *, is_end: bool) -> tuple[pl.DataFrame, int]:
        """The records that end within the lines, and how many lines those are."""
        text = pl.Series("", lines).str.strip_chars_end("\r\n")
        is_even = self._is_even(text)
        odd, continued, read = self._odd_records(lines, (~is_even).arg_true().to_list(), is_end)
        is_start = np.ones(read, dtype=bool)
        is_start[continued] = False
        rows = self._rows + is_start.cumsum()
        self._rows += int(is_start.sum())
        is_bulk = is_start & is_even.to_numpy()[:read]
        frame = self._even_records(text.head(read).filter(pl.Series(is_bulk)), rows[is_bulk])
        if odd:
            singly = pl.DataFrame(odd, schema=self._schema, orient="row")
            singly = singly.with_columns(pl.Series(ROW, rows[singly[ROW].to_numpy()]))
            frame = pl.concat([frame, singly]).sort(ROW)
        return frame, read

    def _is_even(self, text: pl.Series) -> pl.Series:
        """Whether a line is a whole record, with as many fields as the header has names."""
        line = pl.col("line")
        has_quote = line.str.contains('"', literal=True)
        bare = pl.when(has_quote).then(line.str.replace_all(self._quoted_field, "")).otherwise(line)
        fields = bare.str.count_matches(self._separator, literal=True) + 1
        is_whole = ~has_quote | line.str.contains(self._quoted_line)
        return (
            pl.DataFrame({"line": text})
            .select((line != "") & (fields == len(self._columns)) & is_whole)
            .to_series()
        )

    def _even_records(self, text: pl.Series, rows: np.ndarray[Any, Any]) -> pl.DataFrame:
        if text.is_empty():
            return pl.DataFrame(schema=self._schema)
        frame = pl.read_csv(
            text.str.join("\n").item().encode(),
            has_header=False,
            schema=dict.fromkeys(self._columns, pl.String),
            separator=self._separator,
        )
        nothing = pl.lit(None, pl.String)
        return frame.select(
            pl.Series(ROW, rows), pl.all(), nothing.alias(FAULT), nothing.alias(LINE)
        )

    def _odd_records(
        self, lines: list[str], odd: list[int], is_end: bool
    ) -> tuple[list[_Record], list[int], int]:
        """Read odd lines singly.

        Returns:
            the records; the lines that continue one; how many lines are read, which is fewer
            than all if a record goes on beyond them.
        """
        records: list[_Record] = []
        continued: list[int] = []
        after = 0
        for start in odd:
            if start < after:
                continue
            feed = _Lines(lines, start)
            fields = next(csv.reader(feed, delimiter=self._separator), [])
            if feed.are_out and not is_end:
                return records, continued, start
            fault: str | None = "unclosed_quote"
            after = start + 1
            if feed.are_out or feed.are_endless or self._is_broken(lines[start : feed.next]):
                self._count_unclosed(lines[start])
            else:
                fault, after = self._fault(fields), feed.next
                continued += range(start + 1, after)
            line = "".join(lines[start:after]).rstrip("\r\n") if fault else None
            records.append((start, *self._fitted([] if fault else fields), fault, line))
        return records, continued, len(lines)

    def _is_broken(self, lines: list[str]) -> bool:
        """Whether a record of several lines ends in the quote that begins another one's field."""
        if len(lines) == 1:
            return False
        try:
            next(csv.reader(lines, delimiter=self._separator, strict=True))
        except csv.Error:
            return True
        return False

    def _fault(self, fields: list[str]) -> str | None:
        width = len(self._columns)
        if any(field.strip() for field in fields[width:]):
            return "too_many_fields"
        if len(fields) < width and any(field.strip() for field in fields):
            return "too_few_fields"
        return None

    def _fitted(self, fields: list[str]) -> list[str | None]:
        width = len(self._columns)
        return [*fields[:width], *[None] * (width - len(fields))]

    def _count_unclosed(self, line: str) -> None:
        self._unclosed += 1
        if self._unclosed > UNCLOSED_QUOTES:
            raise UnreadableFile(
                f"more than {UNCLOSED_QUOTES} quotation marks are opened and never closed;"
                f" one of them in the line: {line[:SHOWN].strip()}"
            )


class _Lines:
    """Lines for one record, which ends where the reader asks for no more."""

    def __init__(self, lines: list[str], start: int) -> None:
        self._lines = lines
        self._start = self.next = start
        self._size = 0
        self.are_out = self.are_endless = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.next - self._start >= LINES_OF_RECORD or self._size >= SIZE_OF_RECORD:
            self.are_endless = True
            raise StopIteration
        if self.next == len(self._lines):
            self.are_out = True
            raise StopIteration
        line = self._lines[self.next]
        self.next += 1
        self._size += len(line)
        return line
