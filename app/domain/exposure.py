"""How much of an order one unit is: LTV is risked once an order, not once a unit.

A discount shows itself to a buyer with each order. Charging the erosion of LTV to every unit
would charge a wholesaler who takes 144 pieces 144 times, and cost more than all he is worth. So
each order is one exposure, and its units share it.
"""

import numpy as np
import pandas as pd


def orders_per_unit(lines: pd.DataFrame) -> tuple[pd.Series, float]:
    """Orders that one unit of each SKU stands for.

        e_i = Σ u/B over the SKU's lines ÷ Σ u,   B = units of the line's whole order

    where an order is all that a customer buys in a day. A shop whose buyers take one piece has
    e = 1. Over any set of orders Σ units · e = number of orders, so discounting whole orders
    costs as much LTV however many units they hold.

    Args:
        lines: purchases with columns ``customer_id``, ``sold_on``, ``sku_id`` and ``units``
            (net of returns, above 0).

    Returns:
        e by ``sku_id``, and e of all units together (NaN without lines).
    """
    units = lines["units"].to_numpy(np.float64)
    order = lines.groupby(["customer_id", "sold_on"], observed=True)["units"].transform("sum")
    shares = pd.DataFrame({"orders": units / order.to_numpy(np.float64), "units": units})
    by_sku = shares.groupby(lines["sku_id"].to_numpy()).sum()
    total = shares.sum()
    overall = float(total["orders"] / total["units"]) if len(lines) else float("nan")
    return by_sku["orders"] / by_sku["units"], overall
