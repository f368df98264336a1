"""A profile's words for ours: rows left out, columns made of several, words, units.

What a profile does not ask for costs nothing: the batch goes through as it is.
"""

import polars as pl

from app.services.imports.csv_text import FAULT
from app.services.imports.kinds import MONEY_DECIMALS, Column, ColumnType
from app.services.imports.matching import MADE, Reading
from app.services.imports.profiles import FILLED, Made, Profile


def left_out(
    batch: pl.DataFrame, reading: Reading, gone: dict[str, set[str]]
) -> tuple[pl.DataFrame, dict[tuple[str, str | None], int]]:
    """The batch without the rows that a profile leaves out; and how many by column and word.

    Args:
        batch: as it was read.
        reading: with the profile.
        gone: by column, what rows left out so far share with others, which go with them; what
            this batch brings is added. Those others are counted under the word None.
    """
    counts: dict[tuple[str, str | None], int] = {}
    rules = reading.profile.leave_out if reading.profile else {}
    for name, words in rules.items():
        if name not in batch.columns:
            continue
        text, is_whole = _plain(name).fill_null(""), pl.col(FAULT).is_null()
        is_out = text.is_in(list(words))
        if words == (FILLED,):
            text, is_out = pl.lit(FILLED), text != ""
        goes_along = _goes_along(batch, reading, name, is_whole & is_out, gone)
        is_out, word = is_whole & (is_out | goes_along), pl.when(is_out).then(text)
        found = batch.filter(is_out).select(word.alias("word"))
        found = found.group_by("word", maintain_order=True).len()
        counts |= {(name, said): number for said, number in found.iter_rows()}
        if len(found):
            batch = batch.filter(~is_out)
    return batch, counts


def _goes_along(
    batch: pl.DataFrame, reading: Reading, name: str, is_out: pl.Expr, gone: dict[str, set[str]]
) -> pl.Expr:
    """Whether a row goes with one that is left out for what its column ``name`` says."""
    within = reading.profile.leave_out_within.get(name) if reading.profile else None
    if within is None or within not in batch.columns:
        return pl.lit(value=False)
    group, groups = _plain(within), gone.setdefault(name, set())
    groups.update(batch.filter(is_out & group.is_not_null()).select(group).to_series())
    return group.is_in(list(groups)).fill_null(value=False)


def translated(batch: pl.DataFrame, reading: Reading) -> tuple[pl.DataFrame, Reading]:
    """The batch with a column for each of ours that is made or said otherwise, and its reading."""
    profile = reading.profile
    if not profile or not (profile.made or profile.values):
        return batch, reading
    source_of = dict(reading.source_of)
    added = []
    for ours in profile.made.keys() | profile.values.keys():
        source = source_of.get(ours)
        if source is None:
            continue
        way = profile.made.get(ours)
        text = _made(way, batch.columns) if way else _plain(source)
        words = profile.values.get(ours)
        if words:
            text = text.replace(words)
        source_of[ours] = f"{MADE}{ours}"
        added.append(text.alias(source_of[ours]))
    told = Reading(
        kind=reading.kind, profile=profile, source_of=source_of, warnings=reading.warnings
    )
    return batch.with_columns(added), told


def _plain(name: str) -> pl.Expr:
    """The cells of a column of theirs without blanks around them, empty ones as null."""
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text)


def _made(way: Made, columns: list[str]) -> pl.Expr:
    there = [name for name in way.columns if name in columns]
    parts = [_plain(name) for name in there]
    if way.separator is None:
        return pl.coalesce(parts)
    must = [part for name, part in zip(there, parts, strict=True) if name not in way.optional]
    joined = pl.concat_str(parts, separator=way.separator, ignore_nulls=True)
    return pl.when(pl.all_horizontal(part.is_not_null() for part in must)).then(joined)


def in_our_unit(column: Column, typed: pl.Series, profile: Profile | None) -> pl.Series:
    """Numbers of a column in our unit."""
    factor = profile.units.get(column.name) if profile else None
    if factor is None:
        return typed
    scaled = typed.cast(pl.Float64) * factor
    if column.type is ColumnType.INTEGER:
        return scaled.cast(pl.Int64, strict=False)  # null beyond what it holds: out of range
    return scaled.round(MONEY_DECIMALS) if column.type is ColumnType.MONEY else scaled
