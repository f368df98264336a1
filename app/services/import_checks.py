"""Checking rows as text: what is good becomes typed columns, what is not becomes rejects."""

from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

import polars as pl

from app.services.import_files import EXTRA
from app.services.import_kinds import Column, ColumnType, Kind, Profile

MAX_TEXT = 200
MAX_INTEGER = 2**31 - 1
MAX_MONEY = 1e10
MOMENT_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M")
DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d")


class UnusableColumns(Exception):
    """The file lacks columns that its kind needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which column of the file feeds which of ours, and what is left aside."""

    kind: Kind
    profile: Profile | None
    source_of: dict[str, str]
    warnings: list[str]


def match_columns(columns: list[str], kind: Kind, profile: Profile | None) -> Reading:
    """Find our columns in the file's header.

    Raises:
        UnusableColumns: naming every required column that is missing, and what the file has.
    """
    mapping = profile.columns if profile else {}
    ours = {column.name for column in kind.columns}
    source_of: dict[str, str] = {}
    warnings = []
    for name in columns:
        target = mapping.get(name, name)
        if target in ours:
            source_of[target] = name
        elif target is not None:
            near = get_close_matches(name, ours - set(columns), n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            warnings.append(f"column '{name}' is not known and was left aside{hint}")
    given = set(source_of) | set(profile.defaults if profile else ())
    missing = [name for name in kind.required if name not in given]
    if missing:
        wanted = {target: name for name, target in mapping.items() if target}
        named = ", ".join(f"'{wanted.get(name, name)}'" for name in missing)
        raise UnusableColumns(
            f"missing column {named} for {kind.name}; the file has: {', '.join(columns)[:500]}"
        )
    return Reading(kind=kind, profile=profile, source_of=source_of, warnings=warnings)


def check(
    batch: pl.DataFrame, reading: Reading, *, first_row: int, today: date, timezone: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a batch of text rows into those that can be loaded and the reasons against others.

    Args:
        batch: one row per row of the file, all text, under the file's own column names.
        reading: the columns matched by ``match_columns``.
        first_row: the number of the batch's first row in the file, from 1.
        today: dates after this day are in the future.
        timezone: of the shop's clock, in which times without a zone are written.

    Returns:
        ``(good, rejects)``: good has ``row_no`` and the kind's columns with their types;
        rejects has ``row_no, column_name, code, value``, one row a problem.
    """
    raw = batch.with_row_index("row_no", offset=first_row).with_columns(
        pl.col("row_no").cast(pl.Int64)
    )
    text = raw.select(
        "row_no",
        *(_text(column, reading).alias(column.name) for column in reading.kind.columns),
        (pl.col(EXTRA) if EXTRA in raw.columns else pl.lit(None, pl.String)).alias(EXTRA),
    )
    typed = text.with_columns(
        **{f"typed {c.name}": _typed(c, timezone) for c in reading.kind.columns}
    )
    problems = [("", "too_many_fields", pl.col(EXTRA).is_not_null())]
    for column in reading.kind.columns:
        problems += [(column.name, *rule) for rule in _rules(column, today)]
    problems += _profile_rules(reading)
    rejects = pl.concat(
        typed.filter(is_wrong).select(
            "row_no",
            pl.lit(name).alias("column_name"),
            pl.lit(code).alias("code"),
            (pl.col(name) if name else pl.col(EXTRA)).str.slice(0, MAX_TEXT).alias("value"),
        )
        for name, code, is_wrong in problems
    ).with_columns(pl.col("value").str.replace_all("\x00", "␀", literal=True))
    good = typed.join(rejects.select("row_no").unique(), on="row_no", how="anti").select(
        "row_no", *(pl.col(f"typed {c.name}").alias(c.name) for c in reading.kind.columns)
    )
    return good, rejects


def _text(column: Column, reading: Reading) -> pl.Expr:
    """The column as stripped text, empty as null, defaults filled in."""
    source = reading.source_of.get(column.name)
    default = reading.profile.defaults.get(column.name) if reading.profile else None
    default = default if default is not None else column.default
    if source is None:
        return pl.lit(default, pl.String)
    stripped = pl.col(source).str.strip_chars()
    kept = pl.when(stripped == "").then(None).otherwise(stripped)
    return kept if default is None else kept.fill_null(default)


def _first_parsed(
    column: str, formats: tuple[str, ...], dtype: type[pl.Date | pl.Datetime]
) -> pl.Expr:
    return pl.coalesce(pl.col(column).str.strptime(dtype, form, strict=False) for form in formats)


def _typed(column: Column, timezone: str) -> pl.Expr:
    text = pl.col(column.name)
    match column.type:
        case ColumnType.INTEGER:
            return text.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
        case ColumnType.MONEY:
            number = text.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case ColumnType.DATE:
            return _first_parsed(column.name, DATE_FORMATS, pl.Date)
        case ColumnType.MOMENT:
            day = _first_parsed(column.name, DATE_FORMATS, pl.Date).cast(pl.Datetime("us"))
            moment = _first_parsed(column.name, MOMENT_FORMATS, pl.Datetime)
            local = pl.coalesce(moment.cast(pl.Datetime("us")), day)
            return local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        case ColumnType.FLAG:
            return text.str.to_lowercase().is_in(["true", "1"])
        case ColumnType.TEXT:
            return text


def _rules(column: Column, today: date) -> list[tuple[str, pl.Expr]]:
    """(code, expression true where the column's value is wrong), excluding one another."""
    text, typed = pl.col(column.name), pl.col(f"typed {column.name}")
    rules = [("missing", text.is_null())] if column.required else []
    unreadable = text.is_not_null() & typed.is_null()
    match column.type:
        case ColumnType.TEXT:
            has_nul = text.str.contains("\x00", literal=True)
            rules.append(("bad_character", has_nul))
            rules.append(("too_long", ~has_nul & (text.str.len_chars() > MAX_TEXT)))
        case ColumnType.INTEGER:
            rules.append(("not_a_whole_number", unreadable))
            rules.append(("out_of_range", typed.abs() > MAX_INTEGER))
        case ColumnType.MONEY:
            rules.append(("not_an_amount", unreadable))
            rules.append(("out_of_range", typed.abs() >= MAX_MONEY))
        case ColumnType.DATE | ColumnType.MOMENT:
            rules.append(("not_a_date", unreadable))
            day = typed if column.type is ColumnType.DATE else typed.dt.date()
            if not column.may_be_future:
                rules.append(("in_future", day > today))
    if column.choices:
        known = text.str.to_lowercase().is_in(list(column.choices))
        rules.append(("not_a_choice", text.is_not_null() & ~known))
    if column.at_least is not None:
        rules.append(("negative", typed < column.at_least))
    return rules


def _profile_rules(reading: Reading) -> list[tuple[str, str, pl.Expr]]:
    """What is wrong across columns: the sign of a sale, and a profile's own cleaning."""
    if reading.kind.name != "sales":
        return []
    quantity = pl.col("typed quantity")
    rules = [("quantity", "zero_quantity", quantity == 0)]
    profile = reading.profile
    if profile and profile.cancellation_prefix:
        cancelled = pl.col("order_id").str.starts_with(profile.cancellation_prefix)
        rules.append(("quantity", "not_a_sale", ~cancelled & (quantity < 0)))
        rules.append(("quantity", "cancellation_not_negative", cancelled & (quantity > 0)))
    if profile and profile.price_above_zero:
        price = pl.col("typed unit_price")
        is_sale = quantity > 0
        rules.append(("unit_price", "price_not_above_zero", is_sale & (price == 0)))
    return rules
