"""Demand from a day on, day by day: what every outlook on a stock starts from."""

from dataclasses import dataclass

import numpy as np

from app.domain.demand import Ints
from app.domain.sell_through.stock_left import Floats

WEEK = 7


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

    def paced(self) -> "Demand":
        """The same with a variance that, within each week, grows at the pace of demand.

        A forecast gives its variance in units of its mean by the number of days, whatever day of
        the week the last of them is. Where the shop sells little on Saturdays, more variance and
        hardly more mean would make what was asked for by Friday unsure again, and less of a stock
        would seem to be sold by Saturday than by Friday. So within a week that ratio is taken not
        at the day, but at the share of the week's demand up to it: at whole weeks it is as given.
        """
        n, days = self.mean.shape
        has = self.mean > 0
        if not has.any():
            return self
        # zeros come first and unknown days last: there the nearest that is known stands in
        first, last = np.argmax(has, axis=1), days - 1 - np.argmax(has[:, ::-1], axis=1)
        given = np.divide(self.variance, self.mean, out=np.ones((n, days)), where=has)
        column = np.clip(np.arange(days), first[:, None], last[:, None])
        ratio = np.take_along_axis(given, np.hstack([column[:, :1], column]), axis=1)
        upto = np.minimum(np.arange(days), last[:, None])
        mean = np.hstack([np.zeros((n, 1)), np.take_along_axis(self.mean, upto, axis=1)])
        begin = np.arange(days) // WEEK * WEEK
        end = np.minimum(begin + WEEK, days)
        even = np.broadcast_to((np.arange(1, days + 1) - begin) / (end - begin), (n, days)).copy()
        whole = mean[:, end] - mean[:, begin]
        share = np.divide(mean[:, 1:] - mean[:, begin], whole, out=even, where=whole > 0)
        clock = begin + np.clip(share, 0.0, 1.0) * (end - begin)
        before = np.minimum(np.floor(clock).astype(np.int64), days - 1)
        low = np.take_along_axis(ratio, before, axis=1)
        high = np.take_along_axis(ratio, before + 1, axis=1)
        return Demand(self.mean, (low + (clock - before) * (high - low)) * self.mean)

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
