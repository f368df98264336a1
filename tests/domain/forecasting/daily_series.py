"""Daily demand to fit: M5's where it is there, and drawn at random with all that Prophet models."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from app.domain.forecasting.calendar import Calendar

M5 = Path(__file__).resolve().parents[3] / "../shared/data/m5_daily_train.parquet"


def counts(rng, n, days):
    """Poisson counts of very different levels, from never to daily."""
    return rng.poisson(rng.gamma(0.5, 4.0, (n, 1)) + 0.05, (n, days)).astype(float)


def retail(rng, n, days):
    """Trend with bends, weekly and yearly season, noise: like a store's department."""
    t = np.arange(days)
    level = rng.gamma(3.0, 20.0, (n, 1))
    bends = rng.integers(0, days, (n, 3, 1))
    trend = 1 + (rng.normal(0, 0.5, (n, 3, 1)) * np.maximum(t - bends, 0) / days).sum(axis=1)
    week = 1 + 0.3 * rng.normal(size=(n, 7))[:, t % 7]
    year = 1 + 0.3 * np.sin(2 * np.pi * (t / 365.25 + rng.random((n, 1))))
    return rng.poisson(level * np.maximum(trend * week * year, 0.05)).astype(float)


def started(demand, starts):
    """Blank the days before each start."""
    return np.where(np.arange(demand.shape[1]) < np.asarray(starts)[:, None], np.nan, demand)


def m5(n, *, seed):
    """A random sample of M5's series, from their first sale on."""
    if not M5.exists():
        pytest.skip("needs m5_daily_train.parquet in ../shared/data")
    key = pl.struct("item_id", "store_id").rank("dense").alias("series") - 1
    sales = pl.scan_parquet(M5).select(key, "date", "quantity_sold")
    number = sales.select(pl.col("series").max()).collect().item() + 1
    chosen = np.random.default_rng(seed).choice(number, n, replace=False)
    wide = (
        sales.filter(pl.col("series").is_in(chosen.tolist()))
        .collect()
        .pivot("date", index="series", values="quantity_sold")
        .fill_null(0)
    )
    days = sorted(wide.columns[1:])
    demand = wide.select(days).to_numpy().astype(float)
    sold = demand > 0
    demand = demand[sold.any(axis=1)]
    starts = np.argmax(demand > 0, axis=1)
    return started(demand, starts), Calendar(date.fromisoformat(days[-1][:10]))
