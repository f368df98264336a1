"""Series that have not sold for long and come back (復活).

After half a year without a sale every method's mean has faded to nothing, and with it its variance,
whatever the dispersion. Some items do come back: a season, a promotion, stock at last. How many,
and with how much, their class shows from the past origins: if at least one in twenty sold anything
within the four weeks after, an inactive series is forecast by no less than what they sold on
average, and with a variance that holds 95 % of their totals. Where fewer come back, nothing in
stock is enough for 95 %, and the mean stays what it was.

An item's own earlier rate tells little of how it comes back (M5: many had been on sale for a few
days only, and came back at many times their rate), so it is that of the class; but none is
forecast by more than it once sold in its best period.

Chosen on three older origins of M5, of some 300 inactive series each, by the loss at the 95 % level
of 28-day totals, scaled by series: by a share of the own rate it was 14 to 51 % higher. How many
come back changes much with time (10, 40 and 34 % within 28 days at those), so coverage does too. It
costs a little in RMSSE, of which most is paid where nothing comes back: on the held-out origin 1.99
for 1.90 of the class, .7499 for .7492 of all series.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.accuracy import LEAD_DAYS
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.histogram import BINS, bins, quantile
from app.domain.forecasting.level_spread import LEVEL, is_within
from app.domain.forecasting.settings import ForecastSettings

GRID = np.concatenate([[0.0], np.geomspace(0.01, 8.0, 48)])  # of CV²; beyond, 95 % need less


@dataclass(frozen=True, slots=True)
class ComebackCounts:
    """What inactive series sold after past origins; those of a data set are sums over its pieces.

    Attributes:
        series: how many there were, over all origins.
        returned: how many of them sold anything.
        units: per period, of all of them.
        totals: series by units sold over each of ``LEAD_DAYS`` (lead times, bins).
    """

    series: int
    returned: int
    units: float
    totals: Ints

    @classmethod
    def none(cls) -> Self:
        """Of no series at all."""
        return cls(0, 0, 0.0, np.zeros((len(LEAD_DAYS), BINS), np.int64))

    @classmethod
    def of(cls, best: Floats, actual: Floats, calendar: Calendar) -> Self:
        """Of inactive series: what each sold in its best period before (n,), then after (n, H)."""
        totals = np.zeros((len(LEAD_DAYS), BINS), np.int64)
        for lead, days in enumerate(LEAD_DAYS):
            units = actual[:, : calendar.periods(days)].sum(axis=1)
            totals[lead] = np.bincount(bins(units), minlength=BINS)
        per_period = np.minimum(actual.mean(axis=1), best)
        returned = int((per_period > 0).sum())
        return cls(len(best), returned, float(per_period.sum()), totals)

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.series + other.series,
            self.returned + other.returned,
            self.units + other.units,
            self.totals + other.totals,
        )

    def found(self, calendar: Calendar, settings: ForecastSettings) -> "Comeback":
        """What an inactive series is forecast by; nothing where few are known or come back."""
        lengths = np.array([calendar.periods(days) for days in LEAD_DAYS], np.float64)
        rare = self.returned <= (1 - LEVEL) * self.series
        if self.series < settings.least_series or rare:
            return Comeback(0.0, lengths, np.zeros(len(lengths)))
        rate = self.units / self.series
        cv2 = [
            _cv2(rate * length, quantile(self.totals[lead], LEVEL))
            for lead, length in enumerate(lengths.tolist())
        ]
        return Comeback(rate, lengths, np.array(cv2))


@dataclass(frozen=True, slots=True)
class Comeback:
    """How inactive series come back.

    Attributes:
        rate: units per period of an average one, 0 if that is not known or next to nothing.
        lengths: periods of the lead times (lead times,).
        cv2: CV² beyond Poisson of totals over them.
    """

    rate: float
    lengths: Floats
    cv2: Floats

    def dispersion(self, mean: Floats) -> Floats:
        """Variance-to-mean ratio of totals of L periods (n, H) around means per period (n, H)."""
        length = np.arange(1, mean.shape[1] + 1)
        cv2 = np.interp(np.log(length), np.log(self.lengths), self.cv2)
        answer: Floats = 1 + cv2 * np.cumsum(mean, axis=1)
        return answer


def _cv2(mean: float, units: float) -> float:
    """The smallest CV² with which so many units are within the 95 % quantile; else the largest."""
    for cv2 in GRID:
        if is_within(mean, mean * (1 + cv2 * mean), units, LEVEL):
            return float(cv2)
    return float(GRID[-1])
