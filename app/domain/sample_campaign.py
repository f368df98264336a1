"""A campaign for a sample in which none was announced: the day on which most prices were cut.

Inferred from the prices on the order lines; a campaign loaded from it is marked is_derived. Here a
price depends on more than the day: large orders pay less, guests pay more. So only lines of known
customers over at most 3 units count, and a SKU's price of a day is the median of these.

A SKU is cut on day D if it sold on at least 2 of the 56 days before D and on at least 2 of the 28
days from D on, and every price from D on is at least 15 % below every price before. The markdown
is the D on which the most SKUs are cut (the last of equals), if these are at least 10, and the
sales go on for 56 days after the 28. Whether prices rose again later is not asked: where they
stayed down, what follows the 28 days is no aftermath, and pull-forward cannot be read off it.
"""

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd

Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Markdown:
    """SKUs whose prices fell on the same day, and the weeks from that day on."""

    starts_on: date
    ends_on: date  # last of the days compared; the price may stay down
    sku_ids: tuple[str, ...]
    depth: float  # 1 − median price after ÷ median price before, mean over SKUs


def find_markdown(
    lines: pd.DataFrame,
    *,
    min_depth: float = 0.15,
    base_days: int = 56,
    window_days: int = 28,
    after_days: int = 56,
    min_days_sold: int = 2,
    min_skus: int = 10,
    max_quantity: int = 3,
) -> Markdown | None:
    """The day on which the most SKUs were marked down, by the module's rule; None without one.

    Args:
        lines: one row per order line: sku_id, customer_id (missing for guests), sold_at
            (datetime), quantity (units), unit_price. Returns and free lines are passed over.
        min_depth: share by which prices must fall.
        base_days: days before the cut.
        window_days: days from the cut on.
        after_days: days that the sales go on after these.
        min_days_sold: days with a price, both before and from the cut on; at least 1.
        min_skus: fewer, at least 1, do not make a campaign.
        max_quantity: units per line up to which the list price is paid.
    """
    if lines.empty:
        return None
    prices = _daily_prices(lines, max_quantity)
    price = prices.to_numpy()
    cut, start = np.zeros(prices.shape[1], np.bool_), 0
    for day in range(base_days, len(price) - window_days - after_days + 1):
        before, after = price[day - base_days : day], price[day : day + window_days]
        cut_on_day = _is_cut(before, after, min_depth, min_days_sold)
        if cut_on_day.sum() >= cut.sum():
            cut, start = cut_on_day, day
    if cut.sum() < min_skus:
        return None
    before, after = price[start - base_days : start], price[start : start + window_days]
    ratio = np.nanmedian(after[:, cut], axis=0) / np.nanmedian(before[:, cut], axis=0)
    return Markdown(
        starts_on=prices.index[start].date(),
        ends_on=prices.index[start + window_days - 1].date(),
        sku_ids=tuple(prices.columns[cut]),
        depth=1 - float(ratio.mean()),
    )


def _daily_prices(lines: pd.DataFrame, max_quantity: int) -> pd.DataFrame:
    """List price per day of the lines (index, without gaps) and SKU (columns), NaN if unsold."""
    sold_on = lines["sold_at"].dt.normalize()
    pays_list_price = (
        lines["customer_id"].notna()
        & lines["quantity"].between(1, max_quantity)
        & (lines["unit_price"] > 0)
    )
    retail = lines.loc[pays_list_price, ["sku_id", "unit_price"]].assign(sold_on=sold_on)
    prices = retail.pivot_table(
        index="sold_on", columns="sku_id", values="unit_price", aggfunc="median"
    )
    return prices.reindex(pd.date_range(sold_on.min(), sold_on.max()))


def _is_cut(before: Floats, after: Floats, min_depth: float, min_days_sold: int) -> Bools:
    """Which SKUs sold well below all earlier prices, on enough days; both days × SKUs."""
    # fmin and fmax pass over days without a price, and are NaN where there is none at all
    lowest: Floats = np.fmin.reduce(before)
    highest: Floats = np.fmax.reduce(after)
    days_sold = np.minimum(np.isfinite(before).sum(axis=0), np.isfinite(after).sum(axis=0))
    is_cut: Bools = (highest <= (1 - min_depth) * lowest) & (days_sold >= min_days_sold)
    return is_cut
