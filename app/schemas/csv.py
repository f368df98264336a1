"""CSV that a spreadsheet opens as data, not as formulas."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

# What a spreadsheet takes for the start of a formula; in Japan the wide forms as well.
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers stay."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def csv_lines(rows: Iterable[Sequence[Any]], *, separator: str = ",") -> str:
    """Rows as lines, CRLF as spreadsheets in Japan expect it."""
    text = StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def csv_text(columns: list[str], rows: Iterable[dict[str, Any]]) -> str:
    """Rows under a header."""
    return csv_lines([columns, *([row[name] for name in columns] for row in rows)])


class Unencodable(Exception):
    """A character cannot be written in the encoding asked for."""


def encoded(text: str, encoding: str) -> bytes:
    """The CSV's bytes: UTF-8 with the BOM that Excel needs, or cp932.

    Raises:
        Unencodable: naming the character that cp932 lacks, and the line it stands in.
    """
    if encoding == "utf-8":
        return text.encode("utf-8-sig")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        character = text[error.start]
        raise Unencodable(
            f"line {line}: '{character}' (U+{ord(character):04X}) does not exist in {encoding};"
            " export as utf-8"
        ) from error
