"""What the tables need beside what a file says: keys, business days, the price that is not told."""

from collections.abc import Callable
from typing import TypeAlias

import polars as pl

from app.domain.category_path import SEPARATORS
from app.services.imports.kinds import LOCATION_TYPES, MONEY_DECIMALS
from app.services.imports.profiles import Profile

PENNIES = 1.0  # of money, by which a price may be off through rounding

Completion: TypeAlias = Callable[[pl.DataFrame, Profile | None, str], pl.DataFrame]


def complete(kind: str, good: pl.DataFrame, profile: Profile | None, timezone: str) -> pl.DataFrame:
    """Good rows of a file as the stage of their kind takes them.

    Args:
        kind: of the file.
        good: the kind's columns with their types.
        profile: under which the file was read.
        timezone: of the shop's clock, which says on what day a sale was made.
    """
    completion = COMPLETIONS.get(kind)
    return completion(good, profile, timezone) if completion else good


def _discount(prefix: str) -> pl.Expr:
    """Money off each unit, by the ``discount`` off the whole line; null where none is told."""
    quantity = pl.col(f"{prefix}quantity").abs()
    return pl.when(quantity > 0).then(pl.col(f"{prefix}discount").abs() / quantity)


def contrary_prices(good: pl.DataFrame) -> int:
    """How many lines tell a price paid that is not their list price less their discount."""
    told = pl.col("list_price") - _discount("")
    return int(good.select(((pl.col("unit_price") - told).abs() > PENNIES).sum()).item())


def price_paid(prefix: str = "") -> pl.Expr:
    """What a unit was paid with: as told, else its list price less the discount.

    ``prefix`` stands before the names of the columns with their types.
    """
    listed = pl.col(f"{prefix}list_price") - _discount(prefix).fill_null(0.0)
    told = pl.col(f"{prefix}unit_price")
    return pl.coalesce(told, listed.clip(lower_bound=0.0)).round(MONEY_DECIMALS)


def _sales(good: pl.DataFrame, profile: Profile | None, timezone: str) -> pl.DataFrame:
    """Lines with their business day, their key and both their prices.

    A line that tells only one of its prices and what was taken off, tells the other. Daily totals
    are known by place, day and SKU; at what time of the day they were sold is not known.
    """
    listed = (pl.col("unit_price") + _discount("")).round(MONEY_DECIMALS)
    good = good.with_columns(
        price_paid().alias("unit_price"),
        pl.coalesce("list_price", listed).alias("list_price"),
        pl.col("sold_at").dt.convert_time_zone(timezone).dt.date().alias("sold_on"),
        _channel("channel"),
    )
    if profile and profile.daily_totals:
        good = good.with_columns(
            pl.concat_str("location_id", "sold_on", separator=" ").alias("order_id"),
            pl.col("sku_id").alias("line_no"),
            pl.lit(None, pl.Datetime("us", timezone)).alias("sold_at"),
        )
    return good.drop("discount").rename({"line_no": "line_key"})


def _receipts(good: pl.DataFrame, _: Profile | None, __: str) -> pl.DataFrame:
    return good.rename({"line_no": "line_key"})


def _products(good: pl.DataFrame, _: Profile | None, __: str) -> pl.DataFrame:
    path = pl.col("category").str.replace_all(SEPARATORS, "/").str.strip_chars("/")
    return good.with_columns(pl.when(path != "").then(path).alias("category"))


def _channel(name: str) -> pl.Expr:
    """A channel in the words of the types of locations, where it is one of them."""
    words = {theirs.lower(): ours for theirs, ours in LOCATION_TYPES.items()}
    plain = pl.col(name).str.to_lowercase().replace(words)
    is_type = plain.is_in(list(LOCATION_TYPES.values()))
    return pl.when(is_type).then(plain).otherwise(pl.col(name)).alias(name)


def _locations(good: pl.DataFrame, _: Profile | None, __: str) -> pl.DataFrame:
    return good.with_columns(pl.coalesce(_channel("channel"), "location_type").alias("channel"))


COMPLETIONS: dict[str, Completion] = {
    "sales": _sales,
    "receipts": _receipts,
    "products": _products,
    "locations": _locations,
}
