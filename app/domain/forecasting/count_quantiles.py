"""Quantiles of count demand, negative binomial or Poisson, fast enough for every series and day.

The same numbers as `app.domain.service_level.demand_quantile`, which asks SciPy for one quantile
after the other. Here one walk up the probabilities of 0, 1, 2 … units meets all levels on its way;
most items sell so little that it is a short one. Where it would be long, or begins at a chance too
small for a float, SciPy is asked after all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from app.domain.demand import Floats
from app.domain.forecasting.compiled import compiled
from app.domain.service_level import NEGLIGIBLE, demand_quantile

LONGEST_WALK = 4096  # units; SciPy takes over from where a step by step answer is slower
LEAST_LOG = -600.0  # of the chance to sell nothing; e⁻⁶⁰⁰ still has all digits of a float
HUGE, MANY = 1e9, 1e6  # units, and shape n, from which SciPy's p = m/V is too coarse a float
NEARLY_POISSON = 1e-9  # variance beyond the mean, relative, as in `demand_quantile`


def count_quantiles(mean: ArrayLike, variance: ArrayLike, levels: Sequence[float]) -> Floats:
    """Smallest numbers of units that demand does not exceed with each of the probabilities.

    V > m: negative binomial with p = m/V, n = m²/(V−m); V ≤ m: Poisson; no demand: 0.

    Args:
        mean: m ≥ 0, units, of any shape.
        variance: V ≥ 0, units², of a shape that goes with it.
        levels: probabilities, strictly between 0 and 1.

    Returns:
        Units, of the shape of the means with one more axis for the levels, in their order.

    Raises:
        ValueError: if a level is not a probability strictly between 0 and 1.
    """
    probability = np.asarray(levels, np.float64)
    if not ((probability > 0) & (probability < 1)).all():
        raise ValueError("levels must lie strictly between 0 and 1")
    m, v = np.broadcast_arrays(np.asarray(mean, np.float64), np.asarray(variance, np.float64))
    order = np.argsort(probability, kind="stable")
    walked, is_done = _walk(np.ravel(m), np.ravel(v), probability[order], NEGLIGIBLE)
    left = np.flatnonzero(~is_done)
    if len(left):
        m_left, v_left = np.ravel(m)[left, None], np.ravel(v)[left, None]
        walked[left] = np.where(
            (m_left > HUGE) & (v_left < m_left**2 / MANY),
            _nearly_normal(m_left, v_left, probability[order]),
            demand_quantile(m_left, v_left, probability[order]),
        )
    answer = np.empty_like(walked)
    answer[:, order] = walked
    return answer.reshape(*m.shape, len(probability))


def _nearly_normal(m: Floats, v: Floats, probability: Floats) -> Floats:
    """Quantiles by Cornish and Fisher (1938): normal, with the skewness of the counts."""
    z = norm.ppf(probability)
    skew = (z**2 - 1) * (2 * np.maximum(v / m, 1.0) - 1) / 6
    answer: Floats = np.ceil(m + z * np.sqrt(np.maximum(v, m)) + skew)
    return answer


@compiled
def _walk(
    mean: Floats, variance: Floats, levels: Floats, negligible: float
) -> tuple[Floats, np.typing.NDArray[np.bool_]]:
    """Quantiles (n, levels) at ascending levels, and which rows have been answered."""
    answer = np.zeros((len(mean), len(levels)))
    is_done = np.zeros(len(mean), np.bool_)
    for i in range(len(mean)):
        m, v = mean[i], variance[i]
        if not m > negligible:
            is_done[i] = True
            continue
        is_poisson = v <= m * (1 + NEARLY_POISSON)
        beyond = 0.0 if is_poisson else v / m - 1
        shape = 0.0 if is_poisson else m / beyond
        # p(k+1)/p(k) = (n + k)/(k + 1)·(1 − p) = (a + b·k)/(k + 1), for Poisson with b = 0
        a = m if is_poisson else m / (1 + beyond)
        b = beyond / (1 + beyond)
        log_nothing = -m if is_poisson else -shape * np.log1p(beyond)
        if not log_nothing > LEAST_LOG:
            continue
        chance = np.exp(log_nothing)
        total, units, level = chance, 0, 0
        while level < len(levels) and units <= LONGEST_WALK:
            if total >= levels[level]:
                answer[i, level] = units
                level += 1
            else:
                chance *= (a + b * units) / (units + 1)
                total += chance
                units += 1
        is_done[i] = level == len(levels)
    return answer, is_done
