"""Demand rates that bear weeks without sales, for many series at once."""

import numpy as np

from app.domain.demand import Floats


def tsb(demand: Floats, *, alpha: float, beta: float, warm_up: int) -> Floats:
    """Demand rate by Teunter, Syntetos and Babai: chance of a sale times its size.

    Both are smoothed exponentially, the size z only in weeks with demand, the chance p in every
    week. So, unlike Croston's, the rate of an item that has stopped selling fades to nothing:

        p ← p + β·(1[y > 0] − p)        z ← z + α·(y − z)  if y > 0        rate = p·z

    Args:
        demand: demand matrix (n, T), each row NaN up to its first sale.
        alpha: weight of the latest amount, in (0, 1].
        beta: weight of the latest week in the chance, in (0, 1].
        warm_up: weeks from the first sale whose mean starts p and z. With 1 both start at the
            first sale, as in the paper; then p starts at 1, too high for most slow movers.

    Returns:
        Units per week (n,), the forecast of every week to come.

    Raises:
        ValueError: if a smoothing weight lies outside (0, 1] or ``warm_up`` is not positive.

    Source:
        Teunter, Syntetos & Babai (2011), Intermittent demand: linking forecasting to inventory
        obsolescence, Eur. J. Opl. Res. 214(3).
    """
    if not (0 < alpha <= 1 and 0 < beta <= 1) or warm_up < 1:
        raise ValueError("alpha and beta must lie in (0, 1] and warm_up must be positive")
    on_sale = ~np.isnan(demand)
    sold = demand > 0
    early = on_sale & (np.cumsum(on_sale, axis=1) <= warm_up)
    busy = (early & sold).sum(axis=1)
    chance = busy / np.maximum(early.sum(axis=1), 1)
    size = np.where(early, demand, 0.0).sum(axis=1) / np.maximum(busy, 1)
    for week in range(demand.shape[1]):
        y, has_sold = demand[:, week], sold[:, week]
        chance = np.where(on_sale[:, week], chance + beta * (has_sold - chance), chance)
        size = np.where(has_sold, size + alpha * (y - size), size)
    rate: Floats = chance * size
    return rate


def shrunken_mean(demand: Floats, *, prior_rate: float, prior_weeks: float) -> Floats:
    """Mean demand of a short history, drawn towards what is usual.

    The usual rate counts as much as ``prior_weeks`` weeks of own history.

    Args:
        demand: demand matrix (n, T), each row NaN up to its first sale.
        prior_rate: units per week sold by a typical series.
        prior_weeks: weight of it, in weeks.

    Returns:
        Units per week (n,).
    """
    weeks = (~np.isnan(demand)).sum(axis=1)
    mean: Floats = (np.nansum(demand, axis=1) + prior_weeks * prior_rate) / (weeks + prior_weeks)
    return mean
