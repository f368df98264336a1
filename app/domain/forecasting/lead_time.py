"""How far the demand of a lead time strays from its forecast, measured on each series' own past.

Errors of consecutive periods are not independent, so the variance of a total over L periods is
not L times that of one: textbook safety stock at 95 % holds 88 %. Hence the errors of totals are
measured as such. Quantiles of totals come from these, never from sums of daily quantiles, which
hold far too much.

Few totals prove little, so a series borrows from its class. What it borrows is kept as counts, of
which those of a whole data set are the sums of those of its parts.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.compiled import compiled
from app.domain.forecasting.histogram import BINS, bins, middle
from app.domain.forecasting.pattern import CLASSES
from app.domain.forecasting.settings import ForecastSettings

SPANS = (1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 63, 91, 130, 182, 260, 364)


@dataclass(frozen=True, slots=True)
class RollingErrors:
    """What the past of n series shows of the errors of totals; all arrays (n, spans).

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

    @property
    def measured(self) -> np.typing.NDArray[np.bool_]:
        """Which series have errors of their own."""
        return (self.windows > 0) & (self.total > 0)

    def own_dispersion(self) -> Floats:
        """Variance-to-mean ratio by own errors, 1 where there are none."""
        ones = np.ones_like(self.total)
        return np.divide(self.squared, self.total, out=ones, where=self.measured)

    def own_cv2(self) -> Floats:
        """Squared coefficient of variation of totals beyond Poisson, 0 where unknown."""
        zeros = np.zeros_like(self.total)
        mean = np.divide(self.total, self.windows, out=zeros.copy(), where=self.measured)
        beyond = np.maximum(self.own_dispersion() - 1, 0.0)
        return np.divide(beyond, mean, out=zeros, where=self.measured)


@dataclass(frozen=True, slots=True)
class ClassSpread:
    """How many series of each class have which CV² beyond Poisson (classes, spans, bins)."""

    counts: Ints

    @classmethod
    def none(cls) -> Self:
        """Of no series at all."""
        return cls(np.zeros((len(CLASSES), len(SPANS), BINS), np.int64))

    @classmethod
    def of(cls, errors: RollingErrors, code: Ints) -> Self:
        """Of these series, whose class is ``code`` (n,)."""
        answer = cls.none()
        row, span = np.nonzero(errors.measured & (code >= 0)[:, None])
        place = bins(errors.own_cv2()[row, span])
        np.add.at(answer.counts, (code[row], span, place), 1)
        return answer

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts)

    def medians(self, settings: ForecastSettings) -> Floats:
        """Median CV² beyond Poisson (classes, spans).

        A class with too few series has that of all classes; a span that no series is old enough
        for has that of the longest span before it.
        """
        answer = np.zeros(self.counts.shape[:2])
        for span in range(len(SPANS)):
            everyone = middle(self.counts[:, span].sum(axis=0))
            if everyone is None:
                answer[:, span] = answer[:, span - 1] if span else settings.default_cv2
                continue
            for code in range(len(CLASSES)):
                counts = self.counts[code, span]
                enough = counts.sum() >= settings.least_series
                own = middle(counts) if enough else everyone
                answer[code, span] = everyone if own is None else own
        return answer


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
    errors: RollingErrors, code: Ints, medians: Floats, horizon: int, settings: ForecastSettings
) -> Floats:
    """Variance of the error of an L-period total per unit of that total, for every L.

    Multiplied by today's forecast of the total it gives the variance around it; so a series that
    has grown tenfold is not judged by the small errors of its small days. A series with w windows
    without overlap counts w/(w + prior), and the rest is what its class would have at its size,
    1 + CV²·mean total. Between the spans that were measured it is interpolated.

    Args:
        errors: of n series.
        code: their class (n,).
        medians: CV² beyond Poisson of every class (classes, spans).
        horizon: H.
        settings: ``error_prior_windows``.

    Returns:
        Variance-to-mean ratio (n, H), 1 where demand is as even as Poisson.
    """
    spans = np.array(SPANS)
    usual = 1 + medians[code] * errors.size[:, None] * spans
    proof = errors.windows + settings.error_prior_windows * spans
    weight = np.where(errors.measured, errors.windows / proof, 0.0)
    at_spans = weight * errors.own_dispersion() + (1 - weight) * usual
    return _interpolated(at_spans, horizon)


def _interpolated(at_spans: Floats, horizon: int) -> Floats:
    spans = np.array(SPANS, dtype=np.float64)
    wanted = np.minimum(np.arange(1, horizon + 1), spans[-1])
    right = np.clip(np.searchsorted(spans, wanted), 1, len(spans) - 1)
    share = (wanted - spans[right - 1]) / (spans[right] - spans[right - 1])
    answer: Floats = at_spans[:, right - 1] * (1 - share) + at_spans[:, right] * share
    beyond = np.arange(1, horizon + 1) / wanted  # longer than any span: CV² stays what it was
    return 1 + (answer - 1) * beyond


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
