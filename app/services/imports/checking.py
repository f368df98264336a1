"""Checking rows as text: what is good becomes typed columns, what is not becomes rejects."""

from datetime import date
from typing import TypeAlias, TypeVar

import polars as pl

from app.services.imports.completing import price_paid
from app.services.imports.csv_text import FAULT, LINE, LINE_NO, ROW
from app.services.imports.kinds import MONEY_DECIMALS, Column, ColumnType
from app.services.imports.matching import Reading
from app.services.imports.numbers import (
    has_digit,
    is_whole_number,
    read_amounts,
    read_whole_numbers,
)
from app.services.imports.shifting import name_shifts
from app.services.imports.texts import unified, without_guard
from app.services.imports.times import is_time, read_days, read_moments
from app.services.imports.translating import in_our_unit, translated

MAX_TEXT = 200
MAX_INTEGER = 2**31 - 1
MAX_MONEY = 1e10
CENT = 0.01  # what a discount may be off the mark by rounding
SPANS = (
    ("starts_on", "ends_on"),
    ("sales_start_on", "sales_end_on"),
    ("effective_from", "effective_to"),
)
SPREADSHEET_ERRORS = ["#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"]
FAULTS = ("too_many_fields", "too_few_fields", "unclosed_quote")


Rule: TypeAlias = tuple[str, str, pl.Expr]  # column, code, where it is so
Spelled = TypeVar("Spelled", pl.Series, pl.Expr)


def check(
    batch: pl.DataFrame, reading: Reading, *, today: date, timezone: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a batch of text rows into those that can be loaded and the reasons against others.

    Args:
        batch: all text under the file's own column names, with ``ROW``, ``FAULT``, ``LINE``.
        reading: the columns matched by ``matching.match_columns``.
        today: dates after this day are in the future.
        timezone: of the shop's clock, in which times without a zone are written.

    Returns:
        ``(good, rejects)``: good has ``row_no`` and the kind's columns with their types;
        rejects has ``row_no, column_name, code, value``, one row a problem. What the tables need
        beside, ``completing`` adds to the good ones.
    """
    columns, as_sent = reading.kind.columns, batch
    batch, told = translated(batch, reading)
    text = batch.select(
        pl.col(ROW).alias("row_no"),
        pl.col(FAULT),
        pl.col(LINE).str.extract(r"([^\r\n]*)").str.strip_chars().alias(""),
        *(_text(column, told, batch).alias(column.name) for column in columns),
    )
    typed = text.with_columns(
        in_our_unit(column, _typed(column, text[column.name], timezone), reading.profile).alias(
            f"typed {column.name}"
        )
        for column in columns
    )
    is_whole = pl.col(FAULT).is_null()
    problems = [("", fault, pl.col(FAULT) == fault) for fault in FAULTS]
    for column in columns:
        rules = _rules(column, today)
        problems += [(column.name, code, is_whole & is_wrong) for code, is_wrong in rules]
    problems += _row_rules(reading)
    is_bad = pl.any_horizontal(is_wrong for *_, is_wrong in problems).fill_null(value=False)
    bad = typed.filter(is_bad)
    rejects = pl.concat(
        bad.filter(is_wrong).select(
            "row_no",
            pl.lit(name).alias("column_name"),
            pl.lit(code).alias("code"),
            pl.col(name).str.slice(0, MAX_TEXT).alias("value"),
        )
        for name, code, is_wrong in problems
    ).with_columns(pl.col("value").str.replace_all("\x00", "␀", literal=True))
    good = typed.filter(~is_bad).select(
        "row_no", *(pl.col(f"typed {c.name}").alias(c.name) for c in columns)
    )

    def read(rows: pl.DataFrame, column: Column) -> pl.Series:
        text = rows.select(_text(column, reading, rows).alias(column.name)).to_series()
        return _typed(column, text, timezone)

    return good, name_shifts(as_sent, _name_leaps(rejects, columns), reading, read)


def _name_leaps(rejects: pl.DataFrame, columns: tuple[Column, ...]) -> pl.DataFrame:
    """Tell times that the shop's clock leaps over from what is no time at all."""
    moments = [column.name for column in columns if column.type is ColumnType.MOMENT]
    is_leapt = pl.col("column_name").is_in(moments) & (pl.col("code") == "not_a_date")
    is_leapt &= is_time(rejects["value"])
    code = pl.when(is_leapt).then(pl.lit("no_such_time")).otherwise("code").alias("code")
    return rejects.with_columns(code)


def without_blanks(batch: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The batch without rows that hold nothing at all, such as spreadsheets leave at the end."""
    first = pl.col(columns[0]).str.strip_chars()
    if not batch.select((first.fill_null("") == "").any()).item():
        return batch
    holds = (pl.col(name).str.strip_chars().fill_null("") != "" for name in columns)
    return batch.filter(pl.col(FAULT).is_not_null() | pl.any_horizontal(holds))


def _text(column: Column, reading: Reading, batch: pl.DataFrame) -> pl.Expr:
    """The column in one line, stripped, text unified, empty as null, defaults filled in."""
    source = reading.source_of.get(column.name)
    default = reading.profile.defaults.get(column.name) if reading.profile else None
    default = default if default is not None else column.default
    kept = pl.lit(None, pl.String) if source is None else _plain(column, batch[source])
    if column.name == "line_no" and LINE_NO in batch.columns:
        kept = pl.coalesce(kept, _plain(column, batch[LINE_NO]))
    return kept if default is None else kept.fill_null(default)


def _plain(column: Column, text: pl.Series) -> pl.Expr:
    text = text.str.strip_chars()
    if text.str.contains(r"[\r\n]").any():
        text = text.str.replace_all(r"[\r\n]+", " ")
    if column.type is ColumnType.TEXT:
        text = unified(text)
    text = without_guard(text)
    return pl.when(text != "").then(text)


def as_read(
    batch: pl.DataFrame, reading: Reading, names: list[str], *, timezone: str
) -> pl.DataFrame:
    """What can be read of some columns of any rows; null where that is nothing."""
    batch, told = translated(batch, reading)
    columns = [column for column in reading.kind.columns if column.name in names]
    text = batch.select(pl.col(ROW), *(_text(c, told, batch).alias(c.name) for c in columns))
    return text.select(
        pl.col(ROW).alias("row_no"),
        *(_typed(c, text[c.name], timezone).alias(c.name) for c in columns),
    )


def _typed(column: Column, text: pl.Series, timezone: str) -> pl.Series:
    match column.type:
        case ColumnType.INTEGER:
            return read_whole_numbers(text)
        case ColumnType.SHARE:
            is_percent = text.str.contains("[%％]$")
            share = read_amounts(text.str.strip_chars_end("%％ "))
            return share.zip_with(~is_percent.fill_null(value=False), share / 100)
        case ColumnType.NUMBER:
            return read_amounts(text)
        case ColumnType.MONEY:
            return read_amounts(text).round(MONEY_DECIMALS)
        case ColumnType.DATE:
            return read_days(text)
        case ColumnType.MOMENT:
            return read_moments(text, timezone)
        case ColumnType.FLAG:
            return _spelled(column, text).is_in(["true", "1"])
        case ColumnType.TEXT:
            return _spelled(column, text) if column.choices else text


def _spelled(column: Column, text: Spelled) -> Spelled:
    """A choice as we write it."""
    lowered = text.str.to_lowercase()
    spellings = {theirs.lower(): ours for theirs, ours in column.spellings.items()}
    return lowered.replace(spellings) if spellings else lowered


def _rules(column: Column, today: date) -> list[tuple[str, pl.Expr]]:
    """(code, expression true where the column's value is wrong), excluding one another."""
    text, typed = pl.col(column.name), pl.col(f"typed {column.name}")
    is_absent = pl.all_horizontal(pl.col(name).is_null() for name in (column.name, *column.instead))
    rules = [("missing", is_absent)] if column.required else []
    unread = text.is_not_null() & typed.is_null()
    match column.type:
        case ColumnType.TEXT:
            has_nul = text.str.contains("\x00", literal=True)
            rules.append(("bad_character", has_nul))
            rules.append(("too_long", ~has_nul & (text.str.len_chars() > MAX_TEXT)))
            if column.required or column.name.endswith("_id"):
                rules.append(("spreadsheet_error", text.is_in(SPREADSHEET_ERRORS)))
        case ColumnType.INTEGER:
            is_whole = is_whole_number(text)
            is_beyond = ~typed.is_between(-MAX_INTEGER, MAX_INTEGER)
            rules.append(("not_a_whole_number", unread & ~is_whole))
            rules.append(("out_of_range", (unread & is_whole) | is_beyond))
        case ColumnType.SHARE:
            rules.append(("not_a_share", unread | ~(typed <= 1)))
        case ColumnType.MONEY | ColumnType.NUMBER:
            is_number = typed.is_finite() | (typed.is_infinite() & has_digit(text))
            code = "not_an_amount" if column.type is ColumnType.MONEY else "not_a_number"
            rules.append((code, text.is_not_null() & ~is_number.fill_null(value=False)))
            rules.append(("out_of_range", is_number & (typed.abs() >= MAX_MONEY)))
        case ColumnType.DATE | ColumnType.MOMENT:
            rules.append(("not_a_date", unread))
            if not column.may_be_future:
                rules.append(("in_future", typed.dt.date() > today))
    if column.choices:
        is_known = _spelled(column, text).is_in(list(column.choices))
        rules.append(("not_a_choice", text.is_not_null() & ~is_known))
    if column.at_least is not None:
        rules.append(("negative", typed.is_finite() & (typed < column.at_least)))
    return rules


def _row_rules(reading: Reading) -> list[Rule]:
    """What is wrong across columns: spans, signs, prices, and a profile's own cleaning."""
    profile = reading.profile
    names = {column.name for column in reading.kind.columns}
    rules = [
        (end, "ends_before_it_starts", pl.col(f"typed {end}") < pl.col(f"typed {start}"))
        for start, end in SPANS
        if {start, end} <= names
    ]
    if profile and profile.unsigned_counts:
        has_sign = pl.col("on_hand").str.contains(r"^[+-]")
        rules.append(("on_hand", "relative_quantity", has_sign))
    if reading.kind.name == "sales":
        rules += _discount_rules()
    if reading.kind.name not in {"sales", "receipts"} or (profile and profile.daily_totals):
        return rules
    quantity = pl.col("typed quantity")
    rules.append(("quantity", "zero_quantity", quantity == 0))
    if profile and profile.cancellation_prefix:
        cancelled = pl.col("order_id").str.starts_with(profile.cancellation_prefix)
        rules.append(("quantity", "not_a_sale", ~cancelled & (quantity < 0)))
        rules.append(("quantity", "cancellation_not_negative", cancelled & (quantity > 0)))
    if profile and profile.price_above_zero:
        is_free = price_paid("typed ") == 0
        rules.append(("unit_price", "price_not_above_zero", (quantity > 0) & is_free))
    return rules


def _discount_rules() -> list[Rule]:
    """What a discount off a line can not be: negative on a sale, more than the line is worth."""
    off, quantity = pl.col("typed discount"), pl.col("typed quantity")
    worth = pl.col("typed list_price") * quantity.abs()
    listed = pl.col("typed unit_price").fill_null(0.0) + off.abs()
    return [
        ("discount", "negative", (off < 0) & (quantity >= 0)),
        ("discount", "discount_above_price", off.is_finite() & (off.abs() > worth + CENT)),
        (
            "discount",
            "out_of_range",
            off.is_finite() & (off.abs() < MAX_MONEY) & (listed >= MAX_MONEY),
        ),
    ]
