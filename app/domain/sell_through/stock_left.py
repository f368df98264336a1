"""What is left of a stock after so much demand: exact, for demand that is a count.

Demand D of some days together is a negative binomial with mean m and variance V, or Poisson where
it is no more variable than that (as in `service_level`). Of a stock of I units min(I, D) are sold
and (I − D)+ are left; the sums over D have closed forms in the distribution of one or two units
less, so nothing has to be added up or drawn.

With r = m²/(V − m), p = m/V and F(k; r) = P(D ≤ k), which is the regularised incomplete beta
function I_p(r, k + 1):

    P(D ≥ I)       = 1 − F(I − 1; r)
    E[min(I, D)]   = m·F(I − 2; r + 1) + I·P(D ≥ I)
    E[min(I, D)²]  = m²(1 + 1/r)·F(I − 3; r + 2) + m·F(I − 2; r + 1) + I²·P(D ≥ I)

because d·P(D = d) is m times the probability of d − 1 under the shape r + 1, and the same once
more. For a Poisson 1/r is 0 and F is its own distribution function each time.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, pdtr

from app.domain.service_level import NEGLIGIBLE

Floats: TypeAlias = np.typing.NDArray[np.float64]

ALMOST_POISSON = 1e-9  # of the mean: with less variance beyond it r would lose its digits


def chance_of_demand(units: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """P(D ≥ I): the chance that at least so many units are asked for.

    Args:
        units: I, whole units; the chance of 0 or fewer is 1.
        mean: m ≥ 0, units.
        variance: V ≥ 0, units².
    """
    stock, m, v = _broadcast(units, mean, variance)
    return np.where(stock <= 0, 1.0, 1.0 - _distribution(stock - 1, m, v, 0))


def expected_sales(stock: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """E[min(I, D)]: units of the stock that demand takes, on average.

    Args:
        stock: I, whole units; nothing is sold of 0 or fewer.
        mean: m ≥ 0, units.
        variance: V ≥ 0, units².

    Source:
        design/methods.md §3.3, S(t) = m·I_p(r+1, I−1) + I·(1 − I_p(r, I)).
    """
    units, m, v = _broadcast(stock, mean, variance)
    units = np.maximum(units, 0.0)
    sold = m * _distribution(units - 2, m, v, 1) + units * chance_of_demand(units, m, v)
    return np.where(units > 0, np.clip(sold, 0.0, units), 0.0)


def sales_variance(stock: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Floats:
    """Var[min(I, D)], units²: how unsure sales are, which cannot exceed the stock.

    Args: as of `expected_sales`.
    """
    units, m, v = _broadcast(stock, mean, variance)
    units = np.maximum(units, 0.0)
    chance = chance_of_demand(units, m, v)
    first = m * _distribution(units - 2, m, v, 1)
    # m²/r = V − m, so that m²(1 + 1/r) needs no division
    second = (m**2 + np.maximum(v - m, 0.0)) * _distribution(units - 3, m, v, 2)
    mean_sold = first + units * chance
    squared = second + first + units**2 * chance
    return np.where(units > 0, np.maximum(squared - mean_sold**2, 0.0), 0.0)


def _distribution(units: Floats, m: Floats, v: Floats, more: int) -> Floats:
    """F(k; r + more), 0 below 0 units; 1 where there is no demand."""
    answer = np.where(units >= 0, 1.0, 0.0)
    counts = (units >= 0) & (m > NEGLIGIBLE)
    poisson = counts & (v <= m * (1 + ALMOST_POISSON))
    nb = counts & ~poisson
    answer[poisson] = pdtr(np.floor(units[poisson]), m[poisson])
    beyond = v[nb] / m[nb] - 1
    answer[nb] = betainc(m[nb] / beyond + more, np.floor(units[nb]) + 1, 1 / (1 + beyond))
    return answer


def _broadcast(*numbers: ArrayLike) -> list[Floats]:
    return [np.array(x) for x in np.broadcast_arrays(*(np.asarray(x, float) for x in numbers))]
