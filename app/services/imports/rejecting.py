"""Rejected rows as they stood in the file, and which of them are mistakes of the file's."""

import polars as pl

from app.models import ImportRejectRow
from app.queries.targets import TARGETS
from app.services.imports.checking import MAX_INTEGER, MAX_TEXT, as_read
from app.services.imports.csv_text import FAULT, LINE, ROW
from app.services.imports.matching import Reading

# Reasons that a profile gives because it expects such rows, and rows that stand in the file again:
# they say nothing against the file as a whole.
EXPECTED = (
    "cancellation_not_negative",
    "duplicate_key",
    "exact_repeat",
    "not_a_sale",
    "price_not_above_zero",
)
NUL, STORED_NUL = "\x00", "\ufdd0"  # PostgreSQL stores no NUL, and no text holds the other


def bad_rows(rejects: pl.DataFrame) -> int:
    """How many rows are rejected for a reason that nobody expects."""
    return rejects.filter(~pl.col("code").is_in(EXPECTED))["row_no"].n_unique()


def reserved_lines(
    rows: pl.DataFrame, rejects: pl.DataFrame, reading: Reading, *, timezone: str
) -> pl.DataFrame | None:
    """The places of rejected lines among the lines of their orders, for the stage.

    Only of lines that may come back corrected, and of which can be read whose they are; None where
    lines are not known by their places.
    """
    parent = TARGETS[reading.kind.name].numbered
    if parent is None or (reading.profile and reading.profile.daily_totals):
        return None
    mistaken = rejects.filter(~pl.col("code").is_in(EXPECTED))
    numbers = mistaken.select(pl.col("row_no").unique().alias(ROW))
    whole = rows.filter(pl.col(FAULT).is_null()).join(numbers, on=ROW, how="semi")
    names = [parent, "sku_id", "location_id", "line_no", "quantity"]
    read = as_read(whole, reading, names, timezone=timezone)
    texts = [pl.col(name) for name in names if name != "quantity"]
    cannot_be_kept = (
        (text.str.len_chars() > MAX_TEXT) | text.str.contains(NUL, literal=True) for text in texts
    )
    return read.filter(
        pl.all_horizontal(pl.col(parent, "sku_id", "location_id").is_not_null()),
        ~pl.any_horizontal(cannot_be_kept).fill_null(value=False),
        pl.col("quantity").is_null() | pl.col("quantity").is_between(-MAX_INTEGER, MAX_INTEGER),
    ).select(
        *("row_no", parent, "sku_id", "location_id", "quantity"),
        pl.col("line_no").alias("line_key"),
        pl.lit(True).alias("is_reserved"),  # noqa: FBT003 - a value, not an argument
    )


def as_they_stood(rows: pl.DataFrame, rejects: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The rejected ones of a batch's rows, to be copied into ``import_reject_row``.

    Returns:
        ``row_no, cells, line``; cells as PostgreSQL writes an array of text.
    """
    numbers = rejects.select(pl.col("row_no").unique().alias(ROW))
    elements = pl.concat_str([_element(name) for name in columns], separator=",")
    is_whole = pl.col(FAULT).is_null()
    return rows.join(numbers, on=ROW, how="semi").select(
        pl.col(ROW).alias("row_no"),
        pl.when(is_whole).then(pl.concat_str(pl.lit("{"), elements, pl.lit("}"))).alias("cells"),
        _storable(LINE).alias("line"),
    )


def _element(name: str) -> pl.Expr:
    escaped = _storable(name).str.replace_all(r'(["\\])', r"\$1")
    return pl.concat_str(pl.lit('"'), escaped, pl.lit('"')).fill_null("NULL")


def _storable(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all(NUL, STORED_NUL, literal=True)


def cells_of(row: ImportRejectRow) -> list[str]:
    """The cells of a row as they stood; none of a row that could not be split."""
    return [(cell or "").replace(STORED_NUL, NUL) for cell in row.cells or []]


def line_of(row: ImportRejectRow) -> str:
    """The line of a row that could not be split."""
    return (row.line or "").replace(STORED_NUL, NUL)
