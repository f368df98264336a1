"""Prophet for every series at once: the mean for the product, and plain Prophet with intervals.

Series known in the same periods share a `prophet_map.Design`, so they are fitted together; nearly
always that means: series first sold in the same period. A series with gaps (unknown periods after
its first) is fitted exactly as well, for a quarter of a millisecond: it has a design of its own.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.prophet_calendar import prophet_calendar
from app.domain.forecasting.prophet_intervals import (
    SHARES,
    fill_intervals,
    interval_table,
    path_moments,
)
from app.domain.forecasting.prophet_kernel import project
from app.domain.forecasting.prophet_map import Optima, maximise
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup

LEAST_BEND = 1e-8  # Prophet's, so that a trend without bends may still bend


def prophet_mean(
    demand: Floats, *, calendar: Calendar, horizon: int, settings: ForecastSettings
) -> Floats:
    """Mean demand of the periods to come, for stock decisions.

    Prophet continues its last slope as a straight line for ever. Over half a year that makes a
    steep last quarter explode or vanish, so here the slope dies out geometrically (Gardner &
    McKenzie 1985): after L periods the level has moved by slope·(φ + φ² + … + φ^L).

    Args:
        demand: demand matrix (n, T).
        calendar: its periods.
        horizon: H ≥ 1 periods.
        settings: ``prophet`` and ``trend_damping``.

    Returns:
        Units per period (n, H), never negative; NaN where a series has no known period at all, or
        an infinite value in one.

    Raises:
        ValueError: if the horizon is below 1.
        UnknownHolidayCountry: if there are no holidays of the country.
    """
    mean = np.full((len(demand), horizon), np.nan)
    damping = settings.trend_damping ** (calendar.step_days / 7)
    for rows, optima, ahead, step in _fits(demand, calendar, horizon, settings.prophet):
        mean[rows] = project(optima.coefficients, ahead, optima.scale)
        if damping < 1:
            late = np.cumsum(damping ** np.arange(1, horizon + 1)) - np.arange(1, horizon + 1)
            slope = (optima.k + optima.delta.sum(axis=1)) * step * optima.scale
            mean[rows] += slope[:, None] * late
    _single_points(mean, demand)
    np.maximum(mean, 0.0, out=mean)
    return mean


def prophet_forecast(
    demand: Floats,
    *,
    calendar: Calendar,
    horizon: int,
    settings: ForecastSettings,
    levels: Sequence[float],
) -> tuple[Floats, Floats]:
    """Plain Prophet: its straight trend and its own intervals, negative where Prophet's are.

    Args:
        demand: demand matrix (n, T).
        calendar: its periods.
        horizon: H ≥ 1 periods.
        settings: ``plain_prophet``.
        levels: of the quantiles, each between 0 and 1.

    Returns:
        Means (n, H) and quantiles (n, level, H); NaN as in `prophet_mean`.

    Raises:
        ValueError: if a level is not between 0 and 1, or the horizon is below 1.
        UnknownHolidayCountry: if there are no holidays of the country.
    """
    wanted = tuple(float(level) for level in levels)
    if not all(0 < level < 1 for level in wanted):
        raise ValueError(f"quantile levels lie between 0 and 1: {wanted}")
    mean = np.full((len(demand), horizon), np.nan)
    quantiles = np.full((len(demand), len(wanted), horizon), np.nan)
    for rows, optima, ahead, step in _fits(demand, calendar, horizon, settings.plain_prophet):
        found = project(optima.coefficients, ahead, optima.scale)
        probability = min(optima.delta.shape[1] * step, 1.0)
        variance, _ = path_moments(horizon, probability)
        bend = np.abs(optima.delta).mean(axis=1) + LEAST_BEND
        fill_intervals(
            found, optima.sigma * optima.scale, bend * step * optima.scale, variance,
            interval_table(horizon, probability, wanted), SHARES[-1], rows, quantiles,
        )  # fmt: skip
        mean[rows] = found
    for row in _single_points(mean, demand):
        quantiles[row] = mean[row]
    return mean, quantiles


def fits(
    demand: Floats, *, calendar: Calendar, setup: ProphetSetup
) -> Iterator[tuple[Ints, Ints, Optima]]:
    """Row numbers, known periods and optima of all series with at least two known periods."""
    shared = prophet_calendar(calendar, demand.shape[1], 1, setup)
    for rows, periods in known_alike(demand):
        yield rows, periods, maximise(demand, shared.design(periods)[0], rows=rows, columns=periods)


def _fits(
    demand: Floats, calendar: Calendar, horizon: int, setup: ProphetSetup
) -> Iterator[tuple[Ints, Optima, Floats, float]]:
    if horizon < 1:
        raise ValueError(f"the horizon is {horizon} periods; at least 1 is needed")
    # Arrays that are read-only or not in C order would be compiled for once more.
    demand = np.require(demand, np.float64, ["C", "W"])
    shared = prophet_calendar(calendar, demand.shape[1], horizon, setup)
    for rows, periods in known_alike(demand):
        design, ahead = shared.design(periods)
        step = 1.0 / float(periods[-1] - periods[0])
        yield rows, maximise(demand, design, rows=rows, columns=periods), ahead, step


def known_alike(demand: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Groups of series known in the same periods: row numbers, and these (two or more) periods.

    Series with an infinite value are in none.
    """
    known = demand.shape[1]
    is_known = ~np.isnan(demand)
    count = np.where(np.isinf(demand).any(axis=1), 0, is_known.sum(axis=1))
    first = np.where(count > 0, is_known.argmax(axis=1), known)
    whole = (count == known - first) & (count >= 2)
    order = np.argsort(first, kind="stable")
    order = order[whole[order]]
    for rows in np.split(order, np.flatnonzero(np.diff(first[order])) + 1):
        if len(rows) > 0:
            yield rows, np.arange(first[rows[0]], known)
    gappy = np.flatnonzero((count >= 2) & ~whole)
    if len(gappy) > 0:
        _, pattern = np.unique(is_known[gappy], axis=0, return_inverse=True)
        for number in range(int(pattern.max()) + 1):
            rows = gappy[pattern == number]
            yield rows, np.flatnonzero(is_known[rows[0]])


def _single_points(mean: Floats, demand: Floats) -> Ints:
    """Rows of which one period is known: what was sold in it is all there is to say."""
    single = np.flatnonzero(np.isfinite(demand).sum(axis=1) == 1)
    single = single[~np.isinf(demand[single]).any(axis=1)]
    mean[single] = np.nansum(demand[single], axis=1)[:, None]
    return single
