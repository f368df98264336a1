"""What goes into and comes out of the forecast of a piece of a data set; all can be pickled."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.accuracy import AccuracySums
from app.domain.forecasting.boosted import Boosted
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.comeback import Comeback, ComebackCounts
from app.domain.forecasting.ensemble import MemberChoice, SubsetSums
from app.domain.forecasting.level_spread import LevelCounts
from app.domain.forecasting.members import present_mask
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.settings import ForecastSettings
from app.domain.forecasting.usual_rate import RateCounts


class LaunchCurves(Protocol):
    """How items sold when they were new."""

    def forecast(self, demand: Floats, lookalike: Ints, horizon: int) -> Floats:
        """Mean units (n, H) of new items from their own sales so far and the curve of each."""


@dataclass(frozen=True, slots=True)
class Series:
    """A piece of the data set.

    What is forecast from may be cleaned; a forecast is judged by what was really sold.

    Attributes:
        demand: demand matrix (n, T), each row NaN up to its first sale; all NaN: never sold.
        group: row of its aggregate in ``Shared.group_demand`` (n,), -1 where it has none.
        lookalike: row of the launch curve to borrow from (n,), -1 where there is none.
        promotion: what known promotions multiply the mean of each period by (n, H), or None.
        actual: units really sold (n, T), NaN where they do not tell what was wanted, since goods
            ran out; None: ``demand`` is that already.
        past_promotion: what promotions multiplied demand by in the periods after the held-out
            origin (n, ``Shared.origin_horizon``), or None.
    """

    demand: Floats
    group: Ints
    lookalike: Ints
    promotion: Floats | None = None
    actual: Floats | None = None
    past_promotion: Floats | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """What all pieces have in common, made once by `engine.prepare_shared`.

    Attributes:
        calendar: ``as_of`` is the end of the last column of every demand matrix.
        horizon: H, periods to forecast.
        settings: see there.
        group_demand: demand of the aggregates (G, T).
        group_forecasts: forecasts of them from today (G, H or more) and from every past origin,
            the latest first; of days, they are whole weeks.
        boosted: what LightGBM has learnt up to each of these, None where it is not asked for.
        launch: curves that new items borrow from, or None.
        launch_then: the same as of the held-out origin, row by row.
    """

    calendar: Calendar
    horizon: int
    settings: ForecastSettings
    group_demand: Floats
    group_forecasts: tuple[Floats, ...]
    boosted: tuple[Boosted | None, ...]
    launch: LaunchCurves | None = None
    launch_then: LaunchCurves | None = None

    @property
    def origins(self) -> tuple[int, ...]:
        """Periods known at each past origin, the latest (held out) first."""
        return origins(self.group_demand.shape[1], self.calendar, self.settings)

    @property
    def present(self) -> int:
        """The mask of the members that the run has."""
        return present_mask(any(one is not None for one in self.boosted))

    @property
    def origin_horizon(self) -> int:
        """Periods that are forecast from a past origin."""
        return self.calendar.periods(self.settings.origin_days)


@dataclass(frozen=True, slots=True)
class SelectionScores:
    """What pass 1 knows of some pieces; those of all pieces are their sum."""

    calendar: Calendar
    present: int
    subsets: SubsetSums
    levels: LevelCounts
    rates_then: RateCounts  # as of the held-out origin, which must not see what came
    rates_now: RateCounts
    comebacks: ComebackCounts

    def __add__(self, other: "SelectionScores") -> "SelectionScores":
        return SelectionScores(
            self.calendar,
            self.present,
            self.subsets + other.subsets,
            self.levels + other.levels,
            self.rates_then + other.rates_then,
            self.rates_now + other.rates_now,
            self.comebacks + other.comebacks,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """What all series of a class borrow.

    Attributes:
        members: the members of each class, and why.
        cv2: CV² beyond Poisson (classes, spans); see `level_spread`.
        usual_then: units per period of a typical series, as of the held-out origin.
        usual_now: the same as of today.
        comeback: how series come back that had not sold for long.
    """

    members: MemberChoice
    cv2: Floats
    usual_then: float
    usual_now: float
    comeback: Comeback


@dataclass(frozen=True, slots=True)
class SeriesForecasts:
    """Forecasts of n series, in the order of the piece.

    Attributes:
        mean: units per period (n, H), never negative.
        dispersion: column L-1 is the variance-to-mean ratio of the total of L periods (n, H).
        demand_class: names (n,).
        method: what each is averaged from, such as ``prophet+top_down+tsb``.
        reason: why, a `MethodReason` each.
        failure: what went wrong with a series, None where nothing did.
        accuracy: of these series from the held-out origin.
    """

    mean: Floats
    dispersion: Floats
    demand_class: np.typing.NDArray[np.str_]
    method: list[str]
    reason: list[MethodReason]
    failure: list[str | None]
    accuracy: AccuracySums

    @property
    def sum_variance(self) -> Floats:
        """Column L-1 is the variance of the total of the first L periods (n, H).

        A longer total is never surer than a shorter one, whatever the past of each length shows.
        """
        variance: Floats = self.dispersion * np.cumsum(self.mean, axis=1)
        return np.maximum.accumulate(variance, axis=1)


def origins(periods: int, calendar: Calendar, settings: ForecastSettings) -> tuple[int, ...]:
    """Periods known at each past origin, the latest first: that one is held out.

    A history too short for all of them has fewer; an origin knows at least as much as it is to
    forecast.
    """
    step = calendar.periods(settings.origin_days)
    known = (periods - step * (1 + back) for back in range(settings.origins + 1))
    return tuple(k for k in known if k >= step)
