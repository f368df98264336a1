"""CSV that a spreadsheet opens as data, not as formulas."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any

# What a spreadsheet takes for the start of a formula; in Japan the wide forms as well. Apostrophes
# before it are counted in: the import takes one off, so that what is exported comes back as it was.
FORMULA_START = re.compile("'*[=+\\-@＝＋－＠\t\r\n]")
NEGATIVE_NUMBER = re.compile(r"-[0-9]+(?:\.[0-9]+)?")  # +1 is left out: its sign would get lost
MISFITS = 20  # characters that a refusal names


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers stay.

    A list becomes its entries, parted by semicolons.
    """
    if isinstance(value, list):
        value = "; ".join(str(entry) for entry in value)
    if not isinstance(value, str) or not FORMULA_START.match(value):
        return value
    return value if NEGATIVE_NUMBER.fullmatch(value) else f"'{value}"


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


def encoded(text: str, encoding: str, *, lines_before: int = 0) -> bytes:
    """The CSV's bytes: UTF-8 with the BOM that Excel needs, or cp932.

    Args:
        text: the CSV, or what follows the ``lines_before`` of it.
        encoding: ``utf-8`` or ``cp932``.
        lines_before: how many lines have been encoded before.

    Raises:
        Unencodable: naming every character that cp932 lacks, and the first line it stands in.
    """
    if encoding == "utf-8":
        return text.encode("utf-8" if lines_before else "utf-8-sig")
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise Unencodable(_misfits(text, encoding, lines_before)) from error


def _misfits(text: str, encoding: str, lines_before: int) -> str:
    """All of them at once, so that they can be mended at once."""
    places = sorted(text.index(each) for each in set(text) if not each.encode(encoding, "ignore"))
    named = ", ".join(
        f"line {lines_before + text.count(chr(10), 0, place) + 1}:"
        f" '{text[place]}' (U+{ord(text[place]):04X})"
        for place in places[:MISFITS]
    )
    more = f" and {len(places) - MISFITS} more" if len(places) > MISFITS else ""
    verb = "does" if len(places) == 1 else "do"
    return f"{named}{more} {verb} not exist in {encoding}; export as utf-8"
