"""Returned goods, taken off the purchases they came from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class NetPurchases:
    lines: pd.DataFrame
    unmatched_units: float  # returned, but never bought by that customer before


def net_returns(lines: pd.DataFrame) -> NetPurchases:
    """Take each return off the same customer's latest earlier purchases of the same SKU.

    The goods of one customer and SKU form a stack: purchases add units on top, returns take
    them off the top (last in, first out). A purchase keeps the units below which the stack has
    not sunk since. At the same instant, a purchase counts as earlier than a return.

    Args:
        lines: one row per sales line, with columns ``customer_id`` (may be missing),
            ``sku_id``, ``sold_at`` (datetime) and ``quantity`` (units, negative for a return);
            other columns are kept.

    Returns:
        ``lines``: the purchase lines as they came, in their order and with their index, with
        the column ``net_quantity``, from 0 to ``quantity``. A line returned in full keeps its
        row. ``unmatched_units``: returned units that match no earlier purchase, among them
        all those of unknown customers.

    Raises:
        ValueError: if a quantity, SKU or time is missing.
    """
    if lines[["sku_id", "sold_at", "quantity"]].isna().to_numpy().any():
        raise ValueError("every line needs a sku_id, a sold_at and a quantity")
    quantity = lines["quantity"].to_numpy(float)
    is_return = quantity < 0
    customer, sku = lines["customer_id"].factorize()[0], lines["sku_id"].factorize()[0]
    pair = np.where(customer < 0, -1, customer * (sku.max(initial=0) + 1) + sku)
    # Few pairs have returns at all; the purchases of the others stay whole.
    has_return = np.isin(pair, pair[is_return]) & (pair >= 0)
    rows = np.flatnonzero(has_return)
    sold_at = lines["sold_at"].to_numpy()[rows]
    rows = rows[np.lexsort((is_return[rows], sold_at, pair[rows]))]

    moves, pairs = pd.Series(quantity[rows]), pair[rows]
    total = moves.groupby(pairs).cumsum()
    # A return from an empty stack matches nothing: the stack's floor moves down with it.
    floor = total.groupby(pairs).cummin().clip(upper=0)
    height = total - floor
    lowest_since = height[::-1].groupby(pairs[::-1]).cummin()[::-1]
    kept = (lowest_since - (height - moves)).to_numpy()
    net = quantity.copy()
    net[rows] = np.clip(kept, 0, np.maximum(quantity[rows], 0))

    unmatched = -floor.groupby(pairs).min().sum() - quantity[is_return & (pair < 0)].sum()
    is_purchase = quantity > 0
    purchases = lines[is_purchase].assign(net_quantity=net[is_purchase])
    return NetPurchases(lines=purchases, unmatched_units=float(unmatched))
