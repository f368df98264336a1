"""Rows whose cells stand one column beside where they belong.

Such a row is rejected anyway, for each of its cells; that they all fit one column further explains
it in one reason. Only rows with two unreadable cells are looked at, so good files pay nothing.
"""

from collections.abc import Callable
from typing import TypeAlias

import polars as pl

from app.services.imports.csv_text import FAULT, LINE, ROW
from app.services.imports.kinds import Column, ColumnType
from app.services.imports.matching import Reading

UNREAD = ["not_a_whole_number", "not_an_amount", "not_a_date", "not_a_share"]
TEXTS = {ColumnType.TEXT, ColumnType.FLAG}
STEPS = (1, -1)  # the cell that belongs here stands to the right, to the left

Typed: TypeAlias = Callable[[pl.DataFrame, Column], pl.Series]


def name_shifts(
    batch: pl.DataFrame, rejects: pl.DataFrame, reading: Reading, typed: Typed
) -> pl.DataFrame:
    """The rejects, with one reason instead of all of a row whose columns are shifted.

    Args:
        batch: the rows as they came.
        rejects: as ``checking.check`` returns them.
        reading: which column feeds which of ours.
        typed: reads a column of ours from a batch, null where it cannot.
    """
    unread = rejects.filter(pl.col("code").is_in(UNREAD))
    if unread.is_empty():
        return rejects
    numbers = [column.name for column in reading.kind.columns if column.type not in TEXTS]
    is_gap = (pl.col("code") == "missing") & pl.col("column_name").is_in(numbers)
    wrong = rejects.filter(pl.col("code").is_in(UNREAD) | is_gap).group_by("row_no")
    suspects = wrong.agg(pl.col("column_name").n_unique().alias("cells")).filter(
        (pl.col("cells") > 1) & pl.col("row_no").is_in(unread["row_no"].implode())
    )
    if suspects.is_empty():
        return rejects
    rows = batch.filter(pl.col(ROW).is_in(suspects["row_no"].implode()))
    shifted = pl.concat([_fitting(rows, reading, typed, step) for step in STEPS]).unique()
    is_shifted = pl.col("row_no").is_in(shifted.implode())
    reasons = unread.filter(is_shifted).unique("row_no", keep="first", maintain_order=True)
    reasons = reasons.with_columns(pl.lit("column_shifted").alias("code"))
    return pl.concat([rejects.filter(~is_shifted), reasons])


def _fitting(rows: pl.DataFrame, reading: Reading, typed: Typed, step: int) -> pl.Series:
    """Numbers of the rows all of whose numbers and days can be read one step aside."""
    names = [name for name in rows.columns if name not in {ROW, FAULT, LINE}]
    beside = {
        name: rows[names[at + step]] if 0 <= at + step < len(names) else None
        for at, name in enumerate(names)
    }
    moved = rows.with_columns(
        (pl.lit(None, pl.String) if cells is None else cells).alias(name)
        for name, cells in beside.items()
    )
    fits = pl.Series([True]).new_from_index(0, len(rows))
    for column in reading.kind.columns:
        source = reading.source_of.get(column.name)
        if column.type in TEXTS or source is None or beside.get(source) is None:
            continue  # a name fits anywhere, and what stood last may have left the file
        is_read = typed(moved, column).is_not_null()
        if not column.required:
            is_read |= moved[source].is_null() | (moved[source].str.strip_chars() == "")
        fits &= is_read
    return rows[ROW].filter(fits)
