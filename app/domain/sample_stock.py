"""Stock for a sample that has sales but no stock: a plain ordering rule replayed over the sales.

Nobody counted this stock. It is what a shop would hold had it sold what it really sold and bought
by the rule below, week by week. Answers that rest on it are flagged derived_stock.

1. Every SKU has a buyer who likes 3, 8, 20, 30 or 52 weeks of cover, from lean to over-optimistic:
   one fifth of the SKUs each, chosen by the CRC-32 of the SKU id. So some run out, others pile up.
2. The first receipt, in the week of the first sale, is the merchandiser's guess: the cover that
   the buyer likes, at the mean of the SKU's first 8 weeks (weeks to come count as 0 there).
3. Receipts come in at the start of a week, sales go out after. A sale that the shelf cannot serve
   happened all the same: it is taken as served from elsewhere, and the shelf stays at 0. A week
   with more returns than sales counts as one without sales; returns are not put back.
4. At the end of a week, pace is the weekly mean of the last 8 weeks. Where on hand + on order lie
   below 4 weeks of pace, the buyer orders up to the cover that he likes, but never more at once
   than the SKU has ever sold, lest one wholesale order be taken for a pace. The order takes
   2 weeks, so it can be sold in the third week after.
5. Only steady sellers are ordered: with sales in at least 4 of the last 8 weeks. So buying stops
   when a SKU fades, and what is left becomes dead stock.
6. The first receipt and all orders are whole lots, rounded up: of 1, 6, 12, 24, 48, 96 or 144
   units, the largest that lasts at most 2 weeks at that pace (1 where none does).

Every number is an argument. The same sales give the same stock on every machine.
"""

from collections.abc import Sequence
from typing import TypeAlias
from zlib import crc32

import numpy as np
import pandas as pd

from app.domain.replenishment import Rounding, round_to_lot

Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]


def replay_stock(
    units: Floats,
    sku_ids: Sequence[str],
    *,
    cover_weeks: Sequence[float] = (3, 8, 20, 30, 52),
    trigger_weeks: float = 4,
    lead_time_weeks: int = 2,
    pace_weeks: int = 8,
    steady_weeks: int = 4,
    lot_sizes: Sequence[int] = (1, 6, 12, 24, 48, 96, 144),
    lot_weeks: float = 2,
) -> pd.DataFrame:
    """What would lie on the shelf after the last week, had the shop bought by the module's rule.

    Args:
        units: net units sold, SKUs × weeks, oldest week first; NaN in the weeks before the
            first sale of the SKU, in all weeks if it never sold.
        sku_ids: of the rows; they alone choose the buyer.
        cover_weeks: weeks of pace that each of the buyers orders up to.
        trigger_weeks: weeks of pace; an inventory position below leads to an order.
        lead_time_weeks: whole weeks from the end of the week of the order to the receipt.
        pace_weeks: weeks over which the pace is taken.
        steady_weeks: how many of these must have sales before anything is ordered.
        lot_sizes: units, ascending.
        lot_weeks: weeks of pace that a lot may last, unless it is the smallest.

    Returns:
        One row per SKU, in the order given: sku_id; on_hand, on_order and allocated in units
        (none negative; allocated is 0, since a sale leaves in its own week);
        last_received_week, the column of ``units`` (NaN if nothing was received).

    Raises:
        ValueError: if there is not one row per SKU id, or a number is missing or infinite
            after the first sale.
    """
    sold, first_week = _sales(units, sku_ids)
    weeks = sold.shape[1]
    buyers = np.array([crc32(sku_id.encode()) % len(cover_weeks) for sku_id in sku_ids], np.intp)
    cover = np.asarray(cover_weeks, np.float64)[buyers]
    lots = np.asarray(lot_sizes, np.float64)

    def in_lots(needed: Floats, pace: Floats) -> Floats:
        largest = np.searchsorted(lots, lot_weeks * pace, side="right") - 1
        return round_to_lot(needed, lots[np.maximum(largest, 0)], Rounding.UP)

    receipts = np.zeros((len(sold), weeks + lead_time_weeks + 1))  # by week; the last are due
    weeks_on_sale = np.arange(weeks) - first_week[:, None]
    first_pace = sold.sum(axis=1, where=weeks_on_sale < pace_weeks) / pace_weeks
    receipts[np.arange(len(sold)), first_week] = in_lots(cover * first_pace, first_pace)
    on_hand = np.zeros(len(sold))
    for week in range(weeks):
        on_hand = np.maximum(on_hand + receipts[:, week] - sold[:, week], 0)
        recent = sold[:, max(week + 1 - pace_weeks, 0) : week + 1]
        pace = recent.sum(axis=1) / pace_weeks
        arrival = week + lead_time_weeks + 1
        # first receipts yet to come are those of SKUs that have not sold, which order nothing
        position = on_hand + receipts[:, week + 1 : arrival].sum(axis=1)
        steady = (recent > 0).sum(axis=1) >= steady_weeks
        short = steady & (position < trigger_weeks * pace)
        needed = np.where(short, np.maximum(cover * pace - position, 0), 0)
        needed = np.minimum(needed, sold[:, : week + 1].sum(axis=1))
        receipts[:, arrival] += in_lots(needed, pace)
    return pd.DataFrame(
        {
            "sku_id": list(sku_ids),
            "on_hand": on_hand.astype(np.int64),
            "on_order": receipts[:, weeks:].sum(axis=1).astype(np.int64),
            "allocated": np.zeros(len(sold), np.int64),
            "last_received_week": _last_true(receipts[:, :weeks] > 0),
        }
    )


def _sales(units: Floats, sku_ids: Sequence[str]) -> tuple[Floats, np.typing.NDArray[np.intp]]:
    """Units sold per week, 0 for weeks of returns and before the first; the week of the first."""
    if units.ndim != 2 or len(units) != len(sku_ids):
        raise ValueError("units must have one row of weeks per SKU id")
    begun = np.logical_or.accumulate(~np.isnan(units), axis=1)
    if not np.isfinite(units[begun]).all():
        raise ValueError("units must be finite from the first sale of a SKU on")
    return np.where(begun, np.maximum(units, 0), 0), (~begun).sum(axis=1)


def _last_true(marks: Bools) -> Floats:
    """The last column that is true in each row, NaN where none is."""
    columns = np.where(marks, np.arange(marks.shape[1]), -1).max(axis=1, initial=-1)
    return np.where(columns < 0, np.nan, columns)
