"""What another price would do to demand, as far as the elasticity is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from app.domain.sell_through.stock_left import Floats

DRAWS = (-1.2, 0.0, 1.2)  # standard deviations; these and the bounds are those of sell or hold
BOUNDS = (0.3, 5.0)


@dataclass(frozen=True, slots=True)
class Prices:
    """Discount depths, shares off the list price, that a forecast of n series counts on.

    A forecast is multiplied by what known promotions do to demand. So on promoted days it is
    demand at the price of the promotion. On the others it is demand at the price that was usual
    in the history; where a promotion runs today, the history was brought to the full price.

    Attributes:
        verdict: of the price in force by the verdict (n,).
        is_promoted: whether a promotion runs today (n,): then that price is the promotion's.
        promotion: of the promotion known on each day to come (n, D), 0 without.
    """

    verdict: Floats
    is_promoted: np.typing.NDArray[np.bool_]
    promotion: Floats

    @property
    def usual(self) -> Floats:
        """Depth (n,) on days without promotion."""
        return np.where(self.is_promoted, 0.0, self.verdict)

    @property
    def counted_on(self) -> Floats:
        """Depth (n, D) on each day, as the forecast has it."""
        return np.where(self.promotion > 0, self.promotion, self.usual[:, None])

    def tried(self, depth: float) -> Floats:
        """Depth (n, D) on each day if another is tried: a deeper promotion keeps its price."""
        return np.maximum(self.promotion, depth)


def demand_factors(
    depth: ArrayLike, current_depth: ArrayLike, *, elasticity: float, elasticity_sd: float
) -> Floats:
    """Demand at a discount depth, as a multiple of demand at the price in force.

        k = ((1 − d)/(1 − d_now))^−β,  β = β̂ − 1.2·sd, β̂, β̂ + 1.2·sd

    The three elasticities are equally likely; their mean is β̂ and their standard deviation all
    but sd (1.2247 would make it exact).

    Args:
        depth: d, share off the list price, below 1; one, or of the shape of the other.
        current_depth: d_now, the same of the price in force, of any shape.
        elasticity: β̂, per cent of units per per cent of price.
        elasticity_sd: its standard deviation.

    Returns:
        k (3, …), the least elastic first.

    Source:
        design/methods.md §3.2 and §3.6.
    """
    betas = np.clip(elasticity + np.array(DRAWS) * elasticity_sd, *BOUNDS)
    price = (1 - np.asarray(depth, np.float64)) / (1 - np.asarray(current_depth, np.float64))
    answer: Floats = np.exp(np.multiply.outer(-betas, np.log(price)))
    return answer
