"""How far the demand of a lead time strays from its forecast, measured on each series' own past.

Errors of consecutive periods are not independent, so the variance of a total over L periods is
not L times that of one: textbook safety stock at 95 % holds 88 %. Hence the errors of totals are
measured as such. Quantiles of totals come from these, never from sums of daily quantiles, which
hold far too much.
"""

from dataclasses import dataclass

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.compiled import compiled
from app.domain.forecasting.settings import ForecastSettings

SPANS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 63, 91, 130, 182, 260, 364)


@dataclass(frozen=True, slots=True)
class RollingErrors:
    """What the past of n series shows of the errors of totals; arrays (n, spans).

    Attributes:
        squared: sum over all overlapping windows of the squared error of an L-period total.
        total: sum of the totals themselves.
        windows: number of windows.
        size: mean demand per period (n,).
    """

    squared: Floats
    total: Floats
    windows: Ints
    size: Floats


def rolling_errors(
    demand: Floats, known: int, calendar: Calendar, settings: ForecastSettings
) -> RollingErrors:
    """Forecast every past total of L periods by a trailing mean, and see how wrong that is.

    Args:
        demand: demand matrix (n, T), each row NaN up to its first sale.
        known: periods that are looked at.
        calendar: of the demand; only its grain counts.
        settings: ``error_window_days`` and ``error_least_days``.
    """
    window = calendar.periods(settings.error_window_days)
    least = calendar.periods(settings.error_least_days)
    return RollingErrors(*_rolling(demand, known, np.array(SPANS), window, least))


def dispersion(
    errors: RollingErrors, cv2: Floats, horizon: int, settings: ForecastSettings
) -> Floats:
    """Variance of the error of an L-period total per unit of that total, for every L.

    Multiplied by today's forecast of the total it gives the variance around it; so a series that
    has grown tenfold is not judged by the small errors of its small days. Few totals prove little,
    so a series borrows from its class: w windows without overlap count w/(w + prior), and the rest
    is what its class would have at its size, 1 + CV²·mean total. Between the spans that were
    measured it is interpolated.

    Args:
        errors: of n series.
        cv2: CV² beyond Poisson of totals in the class of each (n, spans); see `LevelCounts`.
        horizon: H.
        settings: ``error_prior_windows``.

    Returns:
        Variance-to-mean ratio (n, H), 1 where demand is as even as Poisson.
    """
    spans = np.array(SPANS)
    measured = (errors.windows > 0) & (errors.total > 0)
    own = np.divide(errors.squared, errors.total, out=np.ones_like(errors.total), where=measured)
    usual = 1 + cv2 * errors.size[:, None] * spans
    proof = errors.windows + settings.error_prior_windows * spans
    weight = np.where(measured, errors.windows / proof, 0.0)
    return _interpolated(weight * own + (1 - weight) * usual, horizon)


def _interpolated(at_spans: Floats, horizon: int) -> Floats:
    """Linear between spans; beyond the longest one CV² stays what it was."""
    spans = np.array(SPANS, dtype=np.float64)
    ahead = np.arange(1, horizon + 1)
    wanted = np.minimum(ahead, spans[-1])
    right = np.clip(np.searchsorted(spans, wanted), 1, len(spans) - 1)
    share = (wanted - spans[right - 1]) / (spans[right] - spans[right - 1])
    measured = at_spans[:, right - 1] * (1 - share) + at_spans[:, right] * share
    answer: Floats = 1 + (measured - 1) * (ahead / wanted)
    return answer


@compiled
def _rolling(
    demand: Floats, known: int, spans: Ints, window: int, least: int
) -> tuple[Floats, Floats, Ints, Floats]:
    n, count = len(demand), len(spans)
    squared, total = np.zeros((n, count)), np.zeros((n, count))
    windows, size = np.zeros((n, count), np.int64), np.zeros(n)
    sold = np.zeros(known + 1)
    for i in range(n):
        first = 0
        while first < known and np.isnan(demand[i, first]):
            first += 1
        sold[first] = 0.0
        for t in range(first, known):
            sold[t + 1] = sold[t] + demand[i, t]
        if first < known:
            size[i] = sold[known] / (known - first)
        for s in range(count):
            span = spans[s]
            for origin in range(first + least, known - span + 1):
                since = max(origin - window, first)
                mean = (sold[origin] - sold[since]) / (origin - since)
                actual = sold[origin + span] - sold[origin]
                squared[i, s] += (actual - mean * span) ** 2
                total[i, s] += actual
                windows[i, s] += 1
    return squared, total, windows, size
