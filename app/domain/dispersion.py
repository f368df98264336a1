"""How far demand strays from its forecast, measured on each series' own past.

Errors of consecutive weeks are not independent, so the variance of a total over L weeks is not L
times that of one week: textbook safety stock at 95 % holds 88 %. Hence the errors of totals are
measured as such, for every L that somebody may ask for. Quantiles of totals come from these,
never from sums of weekly quantiles, which hold far too much.
"""

import numpy as np

from app.domain.demand import Floats


def sum_error_dispersion(
    demand: Floats,
    demand_class: np.typing.NDArray[np.str_],
    weeks: int,
    *,
    window: int = 8,
    least_weeks: int = 4,
    prior_windows: float = 8.0,
    least_series: int = 10,
    default_cv2: float = 1.0,
) -> Floats:
    """Variance of the error of an L-week demand total, per unit of that total.

    At every past week a trailing mean forecasts the total of the next L weeks. The mean squared
    error over the mean total is the dispersion of the series. Multiplied by today's forecast of
    the total it gives the variance around it; so a series that has grown tenfold is not judged by
    the small errors of its small days.

    Few windows prove little: w windows without overlap count w/(w + prior_windows), and the rest
    is what the class would have at the size of this series, 1 + CV²·mean total, with the median
    CV² beyond Poisson of the class.

    Args:
        demand: demand matrix (n, T) of all series, each row NaN up to its first sale.
        demand_class: their demand class (n,).
        weeks: L ≥ 1.
        window: weeks of the trailing mean.
        least_weeks: weeks on sale from which a trailing mean is a forecast.
        prior_windows: weight of the class, in windows without overlap.
        least_series: series with own errors that a class needs; with fewer, all series stand in.
        default_cv2: CV² beyond Poisson where no series at all has own errors.

    Returns:
        Variance-to-mean ratio (n,), 1 where demand is as even as Poisson.
    """
    squared_error, total, windows = _rolling_errors(demand, weeks, window, least_weeks)
    measured = (windows > 0) & (total > 0)
    mean_total = np.divide(total, windows, out=np.ones_like(total), where=measured)
    own = np.divide(squared_error, total, out=np.ones_like(total), where=measured)
    cv2 = np.maximum(own - 1, 0) / mean_total
    on_sale = np.maximum((~np.isnan(demand)).sum(axis=1), 1)
    size = np.nansum(demand, axis=1) / on_sale * weeks
    usual = 1 + _class_median(cv2, demand_class, measured, least_series, default_cv2) * size
    proof = windows + prior_windows * weeks
    weight = np.divide(windows, proof, out=np.zeros_like(windows), where=measured)
    dispersion: Floats = weight * own + (1 - weight) * usual
    return dispersion


def _rolling_errors(
    demand: Floats, weeks: int, window: int, least_weeks: int
) -> tuple[Floats, Floats, Floats]:
    """Sums over all overlapping windows of squared error and actual total, and their number."""
    n, known = demand.shape
    origins = np.arange(least_weeks, known - weeks + 1)
    if len(origins) == 0:
        return np.zeros(n), np.zeros(n), np.zeros(n)
    on_sale = ~np.isnan(demand)
    start = np.zeros((n, 1))
    sold = np.hstack([start, np.cumsum(np.where(on_sale, demand, 0.0), axis=1)])
    age = np.hstack([start, np.cumsum(on_sale, axis=1)])
    since = np.maximum(origins - window, 0)
    past = age[:, origins] - age[:, since]
    forecast = (sold[:, origins] - sold[:, since]) / np.maximum(past, 1) * weeks
    actual = sold[:, origins + weeks] - sold[:, origins]
    usable = past >= least_weeks
    return (
        np.where(usable, (actual - forecast) ** 2, 0.0).sum(axis=1),
        np.where(usable, actual, 0.0).sum(axis=1),
        usable.sum(axis=1).astype(np.float64),
    )


def _class_median(
    value: Floats,
    demand_class: np.typing.NDArray[np.str_],
    measured: np.typing.NDArray[np.bool_],
    least_series: int,
    default: float,
) -> Floats:
    overall = float(np.median(value[measured])) if measured.any() else default
    answer = np.full(len(value), overall)
    for name in np.unique(demand_class):
        members = (demand_class == name) & measured
        if members.sum() >= least_series:
            answer[demand_class == name] = np.median(value[members])
    return answer


def level_cv2(mean_total: Floats, dispersion: Floats) -> Floats:
    """Squared coefficient of variation of demand beyond Poisson: how unsure its level is.

        CV² = max(V − m, 0)/m² = max(dispersion − 1, 0)/m

    Its inverse is the shape of the Gamma distribution of the level in sell or hold.

    Args:
        mean_total: m (n,), units forecast over some weeks.
        dispersion: variance-to-mean ratio (n,) of the same total.

    Returns:
        CV² (n,), 0 where no demand is forecast.
    """
    beyond = np.maximum(dispersion - 1, 0.0)
    return np.divide(beyond, mean_total, out=np.zeros_like(beyond), where=mean_total > 0)
