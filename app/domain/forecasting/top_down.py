"""Top-down: what an aggregate will sell, shared out as its series sold lately."""

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.compiled import compiled


def top_down(
    demand: Floats,
    known: int,
    group: Ints,
    group_demand: Floats,
    group_forecast: Floats,
    window: int,
) -> Floats:
    """Share of each series in its aggregate's last ``window`` periods, times its forecast.

    An aggregate (a category at a location) shows the week, the holidays and the trend that a
    single item is too small to show; the price is that all its items move alike.

    Args:
        demand: demand matrix (n, T), each row NaN up to its first sale.
        known: periods that are looked at.
        group: row of its aggregate (n,), -1 where it belongs to none.
        group_demand: the same of the aggregates (G, T).
        group_forecast: units forecast of them (G, H).
        window: periods that the shares are taken from.

    Returns:
        Mean units (n, H), 0 where there is no aggregate, or it sold nothing in these periods.
    """
    horizon = group_forecast.shape[1]
    if len(group_forecast) == 0:
        return np.zeros((len(demand), horizon))
    share = recent_units(demand, known, window)
    whole = recent_units(group_demand, known, window)[group]
    share = np.divide(share, whole, out=np.zeros_like(share), where=(whole > 0) & (group >= 0))
    mean: Floats = share[:, None] * group_forecast[group]
    return mean


@compiled
def recent_units(demand: Floats, known: int, window: int) -> Floats:
    """Units sold in the last ``window`` of the first ``known`` periods (n,)."""
    total = np.zeros(len(demand))
    for i in range(len(demand)):
        for t in range(max(known - window, 0), known):
            if not np.isnan(demand[i, t]):
                total[i] += demand[i, t]
    return total
