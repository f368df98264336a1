"""What another price would do to demand, as far as the elasticity is known."""

import numpy as np
from numpy.typing import ArrayLike

from app.domain.sell_through.stock_left import Floats

DRAWS = (-1.2, 0.0, 1.2)  # standard deviations; these and the bounds are those of sell or hold
BOUNDS = (0.3, 5.0)


def demand_factors(
    depth: float, current_depth: ArrayLike, *, elasticity: float, elasticity_sd: float
) -> Floats:
    """Demand at a discount depth, as a multiple of demand at the price in force.

        k = ((1 − d)/(1 − d_now))^−β,  β = β̂ − 1.2·sd, β̂, β̂ + 1.2·sd

    The three elasticities are equally likely; their mean is β̂ and their standard deviation all
    but sd (1.2247 would make it exact).

    Args:
        depth: d, share off the list price, below 1.
        current_depth: d_now (n,), the same of the price in force.
        elasticity: β̂, per cent of units per per cent of price.
        elasticity_sd: its standard deviation.

    Returns:
        k (3, n), the least elastic first.

    Source:
        design/methods.md §3.2 and §3.6.
    """
    betas = np.clip(elasticity + np.array(DRAWS) * elasticity_sd, *BOUNDS)
    price = (1 - depth) / (1 - np.asarray(current_depth, np.float64))
    answer: Floats = price[None, :] ** -betas[:, None]
    return answer
