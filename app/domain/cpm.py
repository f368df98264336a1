"""Customer portfolio management (CPM): ten cells by how long, how much and how lately.

Five stages, from the first purchase to the loyal customer, each split into those still coming
(現役) and those who have left (離脱). Vendors draw the borders differently, so they are settings;
the defaults are those LTV-Lab publishes.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import pandas as pd


class CpmCell(StrEnum):
    """The stages in their order, each with those still coming before those who have left."""

    FIRST_ACTIVE = "first_active"
    FIRST_LEFT = "first_left"
    TODDLING_ACTIVE = "toddling_active"
    TODDLING_LEFT = "toddling_left"
    STEADY_ACTIVE = "steady_active"
    STEADY_LEFT = "steady_left"
    FASHION_ACTIVE = "fashion_active"
    FASHION_LEFT = "fashion_left"
    LOYAL_ACTIVE = "loyal_active"
    LOYAL_LEFT = "loyal_left"

    @property
    def label(self) -> str:
        """The name under which the trade knows the cell."""
        stage, state = self.value.split("_")
        return STAGES[stage] + STATES[state]


STAGES = {
    "first": "初回",  # one purchase
    "toddling": "よちよち",  # a few, over a short time
    "steady": "コツコツ",  # for long, but little
    "fashion": "流行",  # much, over a middling time
    "loyal": "優良",  # much, for long
}
STATES = {"active": "現役", "left": "離脱"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CpmThresholds:
    """Where the cells meet. A value on a border belongs to the higher cell."""

    away_days: int = 240  # D_away, since the last purchase: left
    steady_days: int = 90  # D1, from the first purchase to the last: beyond toddling
    loyal_days: int = 210  # D2, likewise: loyal rather than fashion
    high_sales: float = 70_000.0  # M, cumulative sales in currency: beyond steady

    def __post_init__(self) -> None:
        if not 0 < self.steady_days <= self.loyal_days or self.away_days <= 0:
            raise ValueError("thresholds need 0 < steady_days <= loyal_days and 0 < away_days")


HIGH_VALUE_CELLS = (CpmCell.LOYAL_ACTIVE, CpmCell.FASHION_ACTIVE)


def cpm_cells(
    customers: pd.DataFrame,
    *,
    as_of: date,
    thresholds: CpmThresholds = CpmThresholds(),
) -> pd.Series:
    """Put every customer into exactly one of the ten cells.

    Args:
        customers: indexed by ``customer_id``, with columns ``first_on`` and ``last_on`` (dates
            of the first and last purchase), ``purchase_days`` (how many distinct days) and
            ``sales`` (cumulative, currency).
        as_of: today.
        thresholds: where the cells meet.

    Returns:
        The value of the `CpmCell` of each customer, same index; a categorical of all ten, so that
        counting shows the empty ones too.

    Raises:
        ValueError: if a number is missing, a customer has not bought by ``as_of``, or the last
            purchase comes before the first.

    Source:
        LTV-Lab, 「CPM集計とは?」 (faqhelp.ltv-lab.jp), with its overlaps at exactly ``high_sales``
        resolved upwards.
    """
    c, t = customers, thresholds
    if c[["first_on", "last_on", "purchase_days", "sales"]].isna().to_numpy().any():
        raise ValueError("every customer needs first_on, last_on, purchase_days and sales")
    first_on, last_on = pd.to_datetime(c["first_on"]), pd.to_datetime(c["last_on"])
    tenure = (last_on - first_on).dt.days
    gap = (pd.Timestamp(as_of) - last_on).dt.days
    if (tenure < 0).any() or (gap < 0).any() or (c["purchase_days"] < 1).any():
        raise ValueError("every customer needs first_on <= last_on <= as_of and a purchase day")
    is_stage = [
        c["purchase_days"] == 1,
        tenure < t.steady_days,
        c["sales"] < t.high_sales,
        tenure < t.loyal_days,
    ]
    stage = np.select(is_stage, [0, 1, 2, 3], default=4)
    names = [cell.value for cell in CpmCell]
    cell = np.array(names)[2 * stage + (gap >= t.away_days)]
    return pd.Series(pd.Categorical(cell, categories=names), index=c.index, name="cpm_cell")


def high_value_customers(
    ltv: pd.Series,
    cells: pd.Series,
    *,
    top_share: float = 0.20,
    high_cells: tuple[CpmCell, ...] = HIGH_VALUE_CELLS,
) -> pd.Series:
    """Whether a customer belongs to those worth holding stock for.

    Either is enough: to be among the highest expected values, or to be in one of the cells.
    ``top_share`` 0, or no ``high_cells``, leaves the other rule alone.

    Args:
        ltv: expected value (money), indexed by ``customer_id``.
        cells: as `cpm_cells` answers, same index.
        top_share: share of customers taken from the top by ``ltv``. Where several customers
            tie across the line, none of them is taken.
        high_cells: the cells taken whole.

    Returns:
        Booleans, same index.
    """
    # The tolerance absorbs the rounding of share × count.
    is_top = ltv.rank(ascending=False, method="max") <= top_share * len(ltv) + 1e-9
    return (is_top | cells.isin([cell.value for cell in high_cells])).rename("is_high_value")
