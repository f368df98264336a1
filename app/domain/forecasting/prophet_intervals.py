"""Prophet's own intervals, without drawing a sample.

Prophet draws futures: in each period to come the trend bends with probability p = S·Δt, by a
Laplace amount of scale λ = mean|δ|, and each observation has normal noise σ. So the error at
horizon h is σ·Z + λ·Δt·W_h, where a bend d periods before weighs d + ½:

    W_h = Σ_{d<h} (d + ½)·bend_d,   Var W_h = 2p·Σ(d + ½)²,
    excess kurtosis of W_h = (6/p − 3)·Σ(d + ½)⁴ / (Σ(d + ½)²)².

A thousand draws give its quantiles with an error of some percent, other ones at each run. Here
they are those of infinitely many draws. Only the shape of W_h matters beside its variance, and
all these shapes are close to one family: a Poisson number of mean ν of Laplace bends at uniform
times, whose excess kurtosis is 10.8/ν and whose characteristic function is
exp(ν·(arctan(u)/u − 1)). So one table for all series, calendars and horizons holds the quantiles of
√w·W + √(1 − w)·Z, both with variance 1, by ν and by w, the share of the trend in the variance.
"""

from functools import lru_cache

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.compiled import compiled

BENDS = np.geomspace(0.01, 100.0, 25)  # ν
SHARES = np.linspace(0.0, 0.995, 41)  # w; with no noise at all, W would have an atom
POINTS, REACH = 2048, 40.0  # grid of the distribution, in standard deviations to either side


def path_moments(horizon: int, probability: float) -> tuple[Floats, Floats]:
    """Variance of W_h (H,) for h = 1 … H, and the ν that gives its kurtosis (H,).

    Args:
        horizon: H.
        probability: p, that the trend bends within one period.
    """
    weights = np.arange(horizon) + 0.5
    second, fourth = np.cumsum(weights**2), np.cumsum(weights**4)
    kurtosis = (6 / probability - 3) * fourth / second**2
    return 2 * probability * second, 10.8 / kurtosis


@lru_cache(maxsize=8)
def _table(levels: tuple[float, ...]) -> Floats:
    """Quantiles (ν, w, level) of the standardised error."""
    step = 2 * REACH / POINTS
    u = np.arange(POINTS) * (np.pi / REACH)
    signs = np.where(np.arange(POINTS) % 2 == 0, 1.0, -1.0)
    edges = (np.arange(POINTS) + 0.5) * step - REACH
    table = np.empty((len(BENDS), len(SHARES), len(levels)))
    for i, bends in enumerate(BENDS):
        scaled = u[:, None] * np.sqrt(SHARES * 3 / (2 * bends))
        ratio = np.divide(np.arctan(scaled), scaled, out=np.ones_like(scaled), where=scaled > 0)
        phi = np.exp(bends * (ratio - 1) - (1 - SHARES) * u[:, None] ** 2 / 2)
        phi[0] *= 0.5  # the sum below stands for an integral from 0
        mass = np.fft.fft(signs[:, None] * phi, axis=0).real * step / REACH
        below = np.cumsum(np.maximum(mass, 0.0), axis=0)
        for j in range(len(SHARES)):
            rising = below[:, j] / below[-1, j]
            table[i, j] = np.interp(levels, rising, edges)
    return table


def interval_table(horizon: int, probability: float, levels: tuple[float, ...]) -> Floats:
    """Quantiles (H, w, level) of the standardised error of each period to come."""
    _, bends = path_moments(horizon, probability)
    place = np.interp(np.log(bends), np.log(BENDS), np.arange(len(BENDS)))
    low = np.minimum(place.astype(np.int64), len(BENDS) - 2)
    share = (place - low)[:, None, None]
    table = _table(levels)
    blended: Floats = (1 - share) * table[low] + share * table[low + 1]
    return np.ascontiguousarray(blended)


@compiled
def fill_intervals(
    mean: Floats, noise: Floats, path: Floats, variance: Floats, table: Floats, most: float,
    rows: Ints, answer: Floats,
) -> None:  # fmt: skip
    """Quantiles (level, H) into these rows of the answer, from `interval_table`.

    Means (n, H), the noise σ (n,) and the path's λ·Δt (n,) belong to the rows; the variance of
    the path (H,) and the table's largest share are those of `path_moments` and ``SHARES``.
    """
    shares = table.shape[1]
    for i in range(len(rows)):
        for h in range(mean.shape[1]):
            wander = path[i] * path[i] * variance[h]
            total = noise[i] * noise[i] + wander
            place = min(wander / total, most) / most * (shares - 1)
            low = min(int(place), shares - 2)
            share = place - low
            spread = np.sqrt(total)
            for q in range(table.shape[2]):
                unit = (1.0 - share) * table[h, low, q] + share * table[h, low + 1, q]
                answer[rows[i], q, h] = mean[i, h] + spread * unit
