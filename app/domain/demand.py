"""Weekly demand: what was sold week by week, and what kind of demand that is.

A trading week is seven days long and ends on the weekday of ``as_of``, so the latest week is
always complete; the week that ends on ``as_of`` has offset 0, the one before it -1, and the first
week to be forecast 1.

A demand matrix has one row per series (SKU at a location) and one column per week, oldest first.
Before the first sale of a series nothing is known of its demand: those weeks are NaN, while a week
without a sale after it is a true zero.
"""

from datetime import date
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import pandas as pd

Floats: TypeAlias = np.typing.NDArray[np.float64]
Ints: TypeAlias = np.typing.NDArray[np.int64]

SERIES = ["sku_id", "location_id"]


class DemandClass(StrEnum):
    """Demand pattern after Syntetos & Boylan, plus the two cases in which there is none yet."""

    SMOOTH = "smooth"  # 安定: sold nearly every week, in steady amounts
    ERRATIC = "erratic"  # 変動: sold nearly every week, in unsteady amounts
    INTERMITTENT = "intermittent"  # 間欠: weeks without sales, steady amounts otherwise
    LUMPY = "lumpy"  # 塊状: weeks without sales, unsteady amounts otherwise
    NEW = "new"  # 新規: too short a history to tell
    INACTIVE = "inactive"  # 休眠: no sale for a long time


def weekly_demand(sales: pd.DataFrame, *, as_of: date) -> tuple[pd.DataFrame, Floats]:
    """Add up sales lines or daily rows to a demand matrix.

    Args:
        sales: columns ``sku_id``, ``location_id``, ``sold_on`` (date or datetime) and ``quantity``
            (units, returns already netted against the sale they belong to). Sales after ``as_of``
            do not count.
        as_of: the last day of the latest week.

    Returns:
        ``(series, demand)``: a frame with columns ``sku_id`` and ``location_id``, sorted by them,
        one row per series that ever sold; and the matrix, one row for each of these, units per
        week. A week that nets to less than nothing counts as zero. The first column is the week
        of the earliest sale of all, which may itself lie only partly within the data.

    Raises:
        ValueError: if a quantity or a date is missing, or a quantity is not finite.
    """
    quantity = sales["quantity"].to_numpy(dtype=np.float64, na_value=np.nan)
    sold_on = pd.to_datetime(sales["sold_on"])
    if not np.isfinite(quantity).all() or sold_on.isna().any():
        raise ValueError("every sale needs a date and a finite quantity")
    weeks_ago = (pd.Timestamp(as_of) - sold_on.dt.normalize()).dt.days.to_numpy() // 7
    known = weeks_ago >= 0
    if not known.any():
        return pd.DataFrame({name: pd.Series(dtype="object") for name in SERIES}), np.zeros((0, 0))
    groups = sales.loc[known, SERIES].groupby(SERIES, sort=True, observed=True)
    row = groups.ngroup().to_numpy()
    weeks = int(weeks_ago[known].max()) + 1
    cell = row * weeks + (weeks - 1 - weeks_ago[known])
    total = np.bincount(cell, weights=quantity[known], minlength=groups.ngroups * weeks)
    demand: Floats = np.maximum(total.reshape(groups.ngroups, weeks).astype(np.float64), 0.0)
    sold = np.flatnonzero((demand > 0).any(axis=1))
    series = pd.DataFrame(groups.size().index.tolist(), columns=SERIES)
    return series.iloc[sold].reset_index(drop=True), _from_first_sale(demand[sold])


def _from_first_sale(demand: Floats) -> Floats:
    """Blank the weeks before each first sale, and cut the columns before the earliest of them."""
    started = np.maximum.accumulate(demand > 0, axis=1)
    demand = np.where(started, demand, np.nan)
    return demand[:, started.any(axis=0)]
