"""A long list as a spreadsheet's file."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, Self

from app.schemas.csv import csv_lines, encoded

MOST_ROWS = 1_000_000  # a spreadsheet opens 1,048,576
IN_MEMORY = 2**20  # bytes; what is longer waits on the disk


class TooManyRows(Exception):
    """The list is longer than a spreadsheet opens."""


class Sheet:
    """A list as CSV, written some rows at a time.

    It is whole before the first byte is sent, so that what goes wrong on the way is answered as
    a problem, and nobody takes half a list for all of it. Little of it is in memory at a time.
    """

    def __init__(self, columns: list[str], encoding: str, *, most_rows: int = MOST_ROWS) -> None:
        self._columns, self._encoding, self._most_rows = columns, encoding, most_rows
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when sent
        self._lines = self._rows = 0
        self._write([columns])

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
        self._write([[row[name] for name in self._columns] for row in rows])
        return self

    def _write(self, rows: list[list[Any]]) -> None:
        written = csv_lines(rows)
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
