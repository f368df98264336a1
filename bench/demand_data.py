"""Published demand as matrices, read from a folder ``shared`` beside the checkout."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from app.domain.forecasting.calendar import Calendar

DATA = Path("../shared/data")


@dataclass(frozen=True)
class Demand:
    """A demand matrix, the aggregates that its series belong to, and its calendar."""

    name: str
    demand: np.ndarray  # (n, T), NaN before the first sale
    group: np.ndarray  # (n,)
    group_demand: np.ndarray  # (G, T)
    calendar: Calendar
    country: str | None

    def first(self, count: int) -> "Demand":
        """Only some of its series."""
        return replace(self, demand=self.demand[:count], group=self.group[:count])

    def until(self, periods_ago: int) -> "Demand":
        """As it was known so many periods ago."""
        known = self.demand.shape[1] - periods_ago
        as_of = self.calendar.ends([-periods_ago])[0].date()
        return Demand(
            self.name,
            np.ascontiguousarray(self.demand[:, :known]),
            self.group,
            np.ascontiguousarray(self.group_demand[:, :known]),
            Calendar(as_of, self.calendar.step_days),
            self.country,
        )


def m5() -> Demand:
    """30,467 items and stores by the day, grouped by department and store; the last 28 days are
    the competition's evaluation period."""
    lines = pl.read_parquet(DATA / "m5_daily_train.parquet").select(
        series=pl.format(
            "{}|{}", pl.col("item_id").cast(pl.String), pl.col("store_id").cast(pl.String)
        ),
        group=pl.format(
            "{}|{}", pl.col("dept_id").cast(pl.String), pl.col("store_id").cast(pl.String)
        ),
        day=pl.col("date").cast(pl.Date),
        units="quantity_sold",
    )
    return matrix("M5", lines, 1, "US")


def online_retail() -> Demand:
    """Online Retail II by the week: lines of known customers without duplicates, cancellations
    taken off their week; one location and no categories, so all items are one group."""
    lines = pl.read_parquet(DATA / "online_retail_ii.parquet").unique(maintain_order=True)
    lines = lines.filter(pl.col("CustomerID").is_not_null() & (pl.col("Price") > 0))
    return matrix(
        "Online Retail II",
        lines.select(
            series="StockCode",
            group=pl.lit("all"),
            day=pl.col("InvoiceDate").cast(pl.Date),
            units="Quantity",
        ),
        7,
        "GB",
    )


def vn2() -> Demand:
    """VN2: products and stores by the week, grouped by store and department."""
    master = pl.read_parquet(DATA / "vn2_master.parquet")
    lines = pl.read_parquet(DATA / "vn2_weekly_dev.parquet").join(master, on=["Store", "Product"])
    return matrix(
        "VN2",
        lines.select(
            series=pl.format("{}|{}", "Store", "Product"),
            group=pl.format("{}|{}", "Store", "Department"),
            day=pl.col("week").cast(pl.Date),
            units="sales",
        ),
        7,
        None,
    )


def carparts() -> Demand:
    """Car parts by the month, taken for weeks: they show that rare demand breaks nothing."""
    lines = pl.read_parquet(DATA / "carparts_monthly.parquet").filter(pl.col("sales").is_not_null())
    months = lines["month"].dt.year() * 12 + lines["month"].dt.month()
    weeks = pl.Series("day", (months - months.min()).to_numpy() * 7 + 1)
    day = (pl.lit(date(2010, 1, 4)) + pl.duration(days=weeks)).alias("day")
    return matrix(
        "car parts",
        lines.select(series="part", group=pl.lit("all"), day=day, units="sales"),
        7,
        None,
    )


def matrix(name: str, lines: pl.DataFrame, step_days: int, country: str | None) -> Demand:
    """Sales lines (series, group, day, units) as a matrix; its last period ends on the last day."""
    as_of = lines["day"].max()
    ago = ((pl.lit(as_of) - pl.col("day")).dt.total_days() // step_days).alias("ago")
    sold = lines.with_columns(ago, pl.col("units").cast(pl.Float64))
    sold = sold.group_by("series", "group", "ago").agg(pl.col("units").sum())
    sold = sold.with_columns(pl.col("units").clip(lower_bound=0))
    keys = sold.select("series", "group").unique().sort("series").with_row_index("row")
    sold = sold.join(keys, on=["series", "group"])
    periods = int(sold["ago"].max()) + 1
    demand = np.zeros((len(keys), periods))
    demand[sold["row"].to_numpy(), periods - 1 - sold["ago"].to_numpy()] = sold["units"].to_numpy()
    ever = (demand > 0).any(axis=1)
    demand, keys = demand[ever], keys.filter(pl.Series(ever))
    group = keys["group"].rank("dense").to_numpy().astype(np.int64) - 1
    totals = np.zeros((group.max() + 1, periods))
    np.add.at(totals, group, demand)
    demand[~np.maximum.accumulate(demand > 0, axis=1)] = np.nan
    totals[~np.maximum.accumulate(totals > 0, axis=1)] = np.nan
    return Demand(name, demand, group, totals, Calendar(as_of, step_days), country)
