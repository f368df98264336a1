"""Daily demand as matrices: M5's where it is there, and a store's departments drawn at random."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from bench import retailer


def m5(place: Path) -> tuple[np.ndarray, date, str]:
    """Demand (n, T) of each SKU and store from its first sale on, its last day, and whose it is."""
    file, whose = retailer.whole(place)
    series = pl.struct("item_id", "store_id").rank("dense").alias("series") - 1
    sales = pl.read_parquet(file).select(series, pl.col("date").cast(pl.Date), "quantity_sold")
    file.unlink()
    first, last = sales["date"].min(), sales["date"].max()
    demand = np.zeros((sales["series"].max() + 1, (last - first).days + 1))
    days = (sales["date"] - first).dt.total_days().to_numpy()
    demand[sales["series"].to_numpy(), days] = sales["quantity_sold"].to_numpy()
    sold = np.maximum.accumulate(demand > 0, axis=1)
    demand[~sold] = np.nan
    return demand[sold.any(axis=1)], last, whose


def departments(n: int, days: int) -> np.ndarray:
    """Demand (n, T) with bends, a week and a year."""
    rng = np.random.default_rng(3)
    t = np.arange(days)
    slope = rng.normal(0, 0.5, (n, 3, 1)) * np.maximum(t - rng.integers(0, days, (n, 3, 1)), 0)
    trend = 1 + slope.sum(axis=1) / days
    week = 1 + 0.3 * rng.normal(size=(n, 7))[:, t % 7]
    year = 1 + 0.3 * np.sin(2 * np.pi * (t / 365.25 + rng.random((n, 1))))
    level = rng.gamma(3.0, 20.0, (n, 1))
    return rng.poisson(level * np.maximum(trend * week * year, 0.05)).astype(float)
