"""CSV that a spreadsheet opens as data, not as formulas."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from tempfile import SpooledTemporaryFile
from typing import Any, Self

# What a spreadsheet takes for the start of a formula; in Japan the wide forms as well.
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")

MOST_ROWS = 1_000_000  # a spreadsheet opens 1,048,576
IN_MEMORY = 2**20  # bytes; what is longer waits on the disk


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers stay.

    A list becomes its entries, parted by semicolons.
    """
    if isinstance(value, list):
        value = "; ".join(str(entry) for entry in value)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def csv_text(columns: list[str], rows: Iterable[dict[str, Any]]) -> str:
    """Rows under a header, CRLF as spreadsheets in Japan expect it."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe_cell(row[name]) for name in columns] for row in rows)
    return text.getvalue()


class Unencodable(Exception):
    """A character cannot be written in the encoding asked for."""


class TooManyRows(Exception):
    """The list is longer than a spreadsheet opens."""


def encoded(text: str, encoding: str, *, lines_before: int = 0) -> bytes:
    """The CSV's bytes: UTF-8 with the BOM that Excel needs, or cp932.

    Args:
        text: the CSV, or what follows the ``lines_before`` of it.
        encoding: ``utf-8`` or ``cp932``.
        lines_before: how many lines have been encoded before.

    Raises:
        Unencodable: naming the character that cp932 lacks, and the line it stands in.
    """
    if encoding == "utf-8":
        return text.encode("utf-8" if lines_before else "utf-8-sig")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        line = lines_before + text.count("\n", 0, error.start) + 1
        character = text[error.start]
        raise Unencodable(
            f"line {line}: '{character}' (U+{ord(character):04X}) does not exist in {encoding};"
            " export as utf-8"
        ) from error


class Sheet:
    """A list as CSV, written some rows at a time.

    It is whole before the first byte is sent, so that what goes wrong on the way is answered as
    a problem, and nobody takes half a list for all of it. Little of it is in memory at a time.
    """

    def __init__(self, columns: list[str], encoding: str, *, most_rows: int = MOST_ROWS) -> None:
        self._columns, self._encoding, self._most_rows = columns, encoding, most_rows
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when sent
        self._lines = self._rows = 0
        self._write(columns)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def add(self, rows: list[dict[str, Any]]) -> Self:
        """Write rows.

        Raises:
            TooManyRows: if these are more than a spreadsheet opens.
            Unencodable: if a text does not exist in the encoding.
        """
        self._rows += len(rows)
        if self._rows > self._most_rows:
            raise TooManyRows(f"more than {self._most_rows} rows; ask for some of them")
        self._write(*([row[name] for name in self._columns] for row in rows))
        return self

    def _write(self, *lines: list[Any]) -> None:
        text = StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerows([safe_cell(cell) for cell in line] for line in lines)
        written = text.getvalue()
        self._file.write(encoded(written, self._encoding, lines_before=self._lines))
        self._lines += written.count("\n")

    def close(self) -> None:
        self._file.close()

    def parts(self) -> Iterator[bytes]:
        """All of it from the beginning; it is closed then."""
        with self._file as file:
            file.seek(0)
            while part := file.read(2**16):
                yield part
