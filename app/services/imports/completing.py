"""What the tables need beside what a file says: keys, business days, the price that is not told."""

from collections.abc import Callable
from typing import TypeAlias

import polars as pl

from app.services.imports.profiles import Profile

MONEY_DECIMALS = 4
PATH_SEPARATORS = r"\s*[>＞/／]\s*"

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


def _sales(good: pl.DataFrame, profile: Profile | None, timezone: str) -> pl.DataFrame:
    """Lines with their business day, their key and both their prices.

    A line that tells only one of its prices and what was taken off, tells the other. Daily totals
    are known by place, day and SKU; at what time of the day they were sold is not known.
    """
    off = pl.col("discount") / pl.col("quantity").abs()
    paid, listed = pl.col("unit_price"), pl.col("list_price")
    good = good.with_columns(
        pl.coalesce(paid, (listed - off.fill_null(0.0)).clip(lower_bound=0.0))
        .round(MONEY_DECIMALS)
        .alias("unit_price"),
        pl.coalesce(listed, (paid + off).round(MONEY_DECIMALS)).alias("list_price"),
        pl.col("sold_at").dt.convert_time_zone(timezone).dt.date().alias("sold_on"),
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
    path = pl.col("category").str.replace_all(PATH_SEPARATORS, "/").str.strip_chars("/")
    return good.with_columns(pl.when(path != "").then(path).alias("category"))


def _locations(good: pl.DataFrame, _: Profile | None, __: str) -> pl.DataFrame:
    return good.with_columns(pl.coalesce("channel", "location_type").alias("channel"))


COMPLETIONS: dict[str, Completion] = {
    "sales": _sales,
    "receipts": _receipts,
    "products": _products,
    "locations": _locations,
}
