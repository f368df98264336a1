"""Rejected rows that come back corrected, in the file that the service wrote for that.

Such a file has columns beside its own, which say why a row was turned away. ``zaiko_line`` is
among them where a line could not be split into cells. It is one cell beside empty ones, since the
line itself would come apart in a spreadsheet: surplus fields would lie under the names of other
columns, and a quotation mark without end would swallow the rows below it. ``zaiko_line_no`` is the
number that was kept for the line: a line without one of its own is known by its place among the
lines of its order, and takes it wherever it comes in: alone, or with the whole file.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from io import StringIO

import polars as pl

from app.services.imports.csv_text import FAULT, LINE, LINE_NO, ROW, read_batches
from app.services.imports.opening import Table
from app.services.imports.texts import without_guard

NUMBER, RAW_LINE = "zaiko_line_no", "zaiko_line"
BESIDE = ("zaiko_row", "zaiko_reason_ja", "zaiko_reason_en", NUMBER)
ASIDE = {*BESIDE, RAW_LINE}


def own_rows(table: Table) -> Table:
    """The table without what the service has written beside its rows, but for ``LINE_NO``.

    A row that is empty but for its ``zaiko_line`` is that line: it is read again as a line of the
    file, so that one that was mended there loads and one that was not is turned away as before.
    """
    columns = [name for name in table.columns if name not in ASIDE]
    if not columns or len(columns) == len(table.columns):
        return table
    return replace(table, columns=columns, batches=_own_batches(table, columns))


def _own_batches(table: Table, columns: list[str]) -> Generator[pl.DataFrame, None, None]:
    with closing(table.batches) as batches:
        for batch in batches:
            # Of the guards before what a spreadsheet would run, one was ours.
            cells = (without_guard(batch[name]) for name in columns)
            own = batch.select(ROW, *cells, FAULT, LINE)
            if RAW_LINE in table.columns:
                own = _with_lines_read(own, batch[RAW_LINE], columns, table.separator)
            if NUMBER in table.columns:  # both are in the order of the file
                own = own.with_columns(batch[NUMBER].alias(LINE_NO))
            yield own


def _with_lines_read(
    own: pl.DataFrame, lines: pl.Series, columns: list[str], separator: str
) -> pl.DataFrame:
    has_line = lines.str.strip_chars().fill_null("") != ""
    cells = (pl.col(name).str.strip_chars().fill_null("") == "" for name in columns)
    is_line = has_line & own.select(pl.col(FAULT).is_null() & pl.all_horizontal(cells)).to_series()
    if not is_line.any():
        return own
    rows, texts = own[ROW].filter(is_line), lines.filter(is_line)
    is_plain = ~texts.str.contains(r'["\r\n]')
    read = [own.filter(~is_line)]
    if is_plain.any():  # no quotes: they are as many records as lines, and read in one go
        plain = "\n".join(texts.filter(is_plain))
        read.append(_records(plain, columns, separator).with_columns(rows.filter(is_plain)))
    for row, text in zip(rows.filter(~is_plain), texts.filter(~is_plain), strict=True):
        read.append(
            _record(text, columns, separator).with_columns(pl.lit(row, pl.Int64).alias(ROW))
        )
    return pl.concat(read).sort(ROW)


def _records(text: str, columns: list[str], separator: str) -> pl.DataFrame:
    return pl.concat(read_batches(StringIO(text, newline=""), columns, separator))


def _record(text: str, columns: list[str], separator: str) -> pl.DataFrame:
    """One record; a cell that holds several of them is one that does not fit."""
    records = _records(text, columns, separator)
    if len(records) == 1:
        return records
    nothing = pl.lit(None, pl.String)
    return records.head(1).with_columns(
        *(nothing.alias(name) for name in columns),
        pl.lit("too_many_fields").alias(FAULT),
        pl.lit(text).alias(LINE),
    )
