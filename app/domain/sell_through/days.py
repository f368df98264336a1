"""Demand from a day on, day by day: what every outlook on a stock starts from."""

from dataclasses import dataclass

import numpy as np

from app.domain.demand import Ints
from app.domain.sell_through.stock_left import Floats


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand of n series (or draws of one) added up from the first day to the end of each.

    Column L-1 is of the first L days together. Where nothing is known so far ahead, NaN: those
    days are the last of a row.

    Attributes:
        mean: units (n, D), never falling.
        variance: units² (n, D), of the error of that total.
    """

    mean: Floats
    variance: Floats

    @property
    def reach(self) -> int:
        """Days that are known of every series of which any is known; 0 without one."""
        known = ~np.isnan(self.mean)
        begun = known.any(axis=1)
        return int(known[begun].sum(axis=1).min()) if begun.any() else 0

    def at(self, rows: "Ints | slice") -> "Demand":
        """Some of the series."""
        return Demand(self.mean[rows], self.variance[rows])

    def on(self, columns: Ints) -> "Demand":
        """All series, up to the end of some days only, given as columns."""
        return Demand(self.mean[:, columns], self.variance[:, columns])

    def after(self, passed: Ints) -> "Demand":
        """The same without what is asked for in the first so many days (n,) of each series.

        The variance of the rest in units of its mean stays that of the whole.
        """
        if not passed.any() or not self.mean.shape[1]:
            return self
        day = np.clip(passed, 1, self.mean.shape[1]) - 1
        begun = np.where(passed > 0, self.mean[np.arange(len(passed)), day], 0.0)
        begun = np.where(np.isnan(begun), np.inf, begun)  # beyond all that is known
        rest = np.maximum(self.mean - begun[:, None], 0.0)
        share = np.divide(rest, self.mean, out=np.zeros_like(rest), where=self.mean > 0)
        return Demand(rest, self.variance * share)

    def times(self, factor: Floats) -> "Demand":
        """The same with what is asked for on each day changed by a factor (n, D) or (n, 1).

            m' = k·m,  V' = k·m + k²·(V − m)+

        with k the factor of all days so far together, each by its demand. The level moves and its
        relative uncertainty stays; only the chance by which single customers come belongs to the
        new mean. So more demand is more in every respect.
        """
        more = np.broadcast_to(factor - 1, self.mean.shape).copy()
        grown = np.cumsum(np.diff(self.mean, axis=1, prepend=0.0) * more, axis=1)
        k = 1 + np.divide(grown, self.mean, out=more, where=self.mean > 0)
        beyond = np.maximum(self.variance - self.mean, 0.0)
        return Demand(k * self.mean, k * self.mean + k**2 * beyond)


def daily_demand(yhat: Floats, sum_variance: Floats, *, step_days: int, skipped: Ints) -> Demand:
    """Bring a forecast in periods to days, and let it begin later.

    Within a period demand and variance grow evenly. A series whose stock was counted after its
    forecast begins starts as many days later; the variance of a total in units of its mean is
    that of as many days from the forecast's own start.

    Args:
        yhat: mean units of each period (n, H).
        sum_variance: variance of the total of the first 1, 2, … periods (n, H).
        step_days: days in a period.
        skipped: days (n,) of the forecast that have passed; those beyond its end leave nothing.
    """
    n, periods = yhat.shape
    zero = np.zeros((n, 1))
    ends = np.arange(periods + 1) * step_days
    days = np.arange(periods * step_days + 1)
    mean = _between(days, ends, np.hstack([zero, np.cumsum(yhat, axis=1)]))
    variance = _between(days, ends, np.hstack([zero, np.maximum(sum_variance, 0.0)]))
    if not skipped.any():
        return Demand(mean[:, 1:], variance[:, 1:])
    ratio = np.divide(variance, mean, out=np.ones_like(mean), where=mean > 0)
    column = days[1:] + skipped[:, None]
    later = np.take_along_axis(mean, np.minimum(column, days[-1]), axis=1)
    begun = np.take_along_axis(mean, np.minimum(skipped, days[-1])[:, None], axis=1)
    total = np.where(column <= days[-1], later - begun, np.nan)
    return Demand(total, ratio[:, 1:] * total)


def _between(days: Ints, ends: Ints, values: Floats) -> Floats:
    """Values known at the ends of periods (n, H + 1), on every day between them."""
    step = int(ends[1]) if len(ends) > 1 else 1
    at, part = np.minimum(days // step, len(ends) - 1), (days % step) / step
    after = np.minimum(at + 1, len(ends) - 1)
    answer: Floats = values[:, at] + part * (values[:, after] - values[:, at])
    return answer
