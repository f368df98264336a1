"""Promotions (販促・値引き): taken out of the history, and put into the periods to come.

Demand is what is wanted at the usual price. On a day with a discount of depth d it is multiplied by

    lift = (1 - d)^(-β)

with the elasticity β of the policy, or what the series' own past makes of it (`own_elasticity`); so
the history is divided by it before anything is fitted, and the forecast multiplied by it where a
promotion is known already. Depths come from announced campaigns and from price history, where a
selling price stood below the list price; where both hold, the deeper one does. A change of the list
price itself is taken as no promotion, and a campaign inferred from the sales (``is_derived``) as
none that anybody knows of.

The elasticity is never certain, so a promoted period is less sure than another: β ± sd changes the
mean by ∓ mean · ln(1 - d) · sd, in all promoted periods alike.

Measured on Dominick's orange juice (913 series, half of the weeks promoted, 18 % deep on average;
four weeks ahead by the mean of 26, prices known): the summed absolute error falls from 0.80 of the
units sold to 0.60 with the policy's default β = 2.

Called for each partition with the rows of `app.queries.promotions`, after outliers and before
stockouts; a row depends on no other.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from app.domain.demand import Floats, Ints

Bools: TypeAlias = np.typing.NDArray[np.bool_]

DEEPEST = 0.95  # a gift would be wanted without end


@dataclass(frozen=True, slots=True)
class Promotions:
    """What promotions do to the periods of some series.

    Attributes:
        rows: the series that have any (k,), in order.
        lift: factor on demand (k, T + H), the T periods of the history first; 1 without promotion.
        slope: d ln(lift)/dβ (k, T + H), 0 without promotion.
        history: T.
    """

    rows: Ints
    lift: Floats
    slope: Floats
    history: int

    def without(self, demand: Floats) -> Floats:
        """A demand matrix (n, T) at usual prices: divided by the lift."""
        answer = demand.copy()
        answer[self.rows] /= self.lift[:, : self.history]
        return answer

    def ahead(self, series: int) -> Floats | None:
        """Factor on the mean of each period to come (n, H); None if no promotion is known."""
        return self._factor(self.lift[:, self.history :], series)

    def past(self, series: int, periods: int) -> Floats | None:
        """Factor on demand in the latest periods of the history (n, periods or all of it).

        None if nothing was promoted then.
        """
        return self._factor(self.lift[:, max(self.history - periods, 0) : self.history], series)

    def _factor(self, lift: Floats, series: int) -> Floats | None:
        if not (lift > 1).any():
            return None
        answer = np.ones((series, lift.shape[1]))
        answer[self.rows] = lift
        return answer

    def depths(self) -> Floats:
        """Discount depth (k, 1 + H) of the period that ends on as_of and of each to come.

        0 without promotion. Of a period only some days of which are promoted it is the mean over
        what these sell more, on the scale of ln(1 − d).
        """
        answer: Floats = -np.expm1(-self.slope[:, max(self.history - 1, 0) :])
        return answer

    def deviation(self, mean: Floats, elasticity_sd: float | Floats) -> Floats:
        """How far the unsure elasticity moves each period to come: mean · slope · sd (k, H).

        All promoted periods move together, so those of a total add up before they are squared.

        Args:
            mean: forecast (n, H) with the lift in it.
            elasticity_sd: standard deviation of β, of all or of each of the rows (k,).
        """
        sd = np.reshape(np.asarray(elasticity_sd, np.float64), (-1, 1))
        moved: Floats = mean[self.rows] * self.slope[:, self.history :] * sd
        return moved

    def variance(self, mean: Floats, elasticity_sd: float | Floats) -> Floats:
        """What that adds to the variance of the total of the first L periods (n, H)."""
        answer = np.zeros_like(mean)
        answer[self.rows] = np.cumsum(self.deviation(mean, elasticity_sd), axis=1) ** 2
        return answer

    def coming(self) -> list[tuple[int, int, int, float]]:
        """Row, first and last promoted period to come (1: the next), and the highest lift.

        A price that stays as low as it is today is no news, and not among them.
        """
        found = []
        for row, lifts in zip(self.rows.tolist(), self.lift, strict=True):
            today, ahead = lifts[max(self.history - 1, 0)], lifts[self.history :]
            periods = np.flatnonzero(ahead > 1)
            if len(periods) and not np.allclose(ahead, today):
                found.append((row, int(periods[0]) + 1, int(periods[-1]) + 1, float(ahead.max())))
        return found


@dataclass(frozen=True, slots=True)
class Discounts:
    """How deep the discounts of some series are.

    Attributes:
        rows: the series that have any (k,), in order.
        by_day: -ln(1 - depth) of every day of every period (k, T + H, days of a period).
        history: T.
    """

    rows: Ints
    by_day: Floats
    history: int

    @property
    def strength(self) -> Floats:
        """-ln(1 - depth), mean over the days of each period (k, T + H)."""
        answer: Floats = self.by_day.mean(axis=2)
        return answer

    def at(self, elasticity: float | Floats) -> Promotions:
        """What they do to demand at an elasticity β ≥ 0, of all or of each of the rows (k,)."""
        lifts = np.exp(np.reshape(elasticity, (-1, 1, 1)) * self.by_day)
        lift = lifts.mean(axis=2)
        slope = (lifts * self.by_day).mean(axis=2) / lift
        return Promotions(self.rows, lift, slope, self.history)


def discounts(
    row: Ints,
    first_day: Ints,
    last_day: Ints,
    depth: Floats,
    *,
    history: int,
    horizon: int,
    step_days: int = 1,
) -> Discounts:
    """From spans of days with a discount; where several hold, the deepest does.

    Args:
        row: series of each span (m,).
        first_day: its first day, as_of being day 0, the next day 1.
        last_day: its last day, included.
        depth: share off the list price, 0 to 1.
        history: T, periods known.
        horizon: H, periods to come.
        step_days: days of a period; the lift of a longer one is the mean of its days.
    """
    rows, place = np.unique(row, return_inverse=True)
    days = (history + horizon) * step_days
    deepest = np.zeros((len(rows), days))
    start = np.clip(first_day + history * step_days - 1, 0, days)
    end = np.clip(last_day + history * step_days, 0, days)
    off = np.clip(np.nan_to_num(depth), 0.0, DEEPEST)
    for at, begin, stop, share in zip(place, start, end, off, strict=True):
        np.maximum(deepest[at, begin:stop], share, out=deepest[at, begin:stop])
    strength = -np.log1p(-deepest)
    by_day = strength.reshape(len(rows), history + horizon, step_days)
    return Discounts(rows.astype(np.int64), by_day, history)
