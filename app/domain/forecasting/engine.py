"""The forecast of a whole data set, a piece of its series at a time.

Two passes. The first scores every member on the past (`selection_scores`) and adds up over all
pieces; from the sums the members of each class are chosen (`choose`). The second forecasts
(`forecast`), and measures on a last origin, which had no say in the choice, how good that is.
Whatever one series borrows from others comes out of these sums or of `Shared`, so the answer does
not depend on which series are in which piece. Everything here can be pickled.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.accuracy import AccuracySums, add_accuracy
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.ensemble import (
    ChoiceReason,
    MemberChoice,
    SubsetSums,
    choose_members,
    combine,
    score_subsets,
    weights,
)
from app.domain.forecasting.flat_rates import seasonal_naive, shrunken_mean
from app.domain.forecasting.lead_time import ClassSpread, dispersion, rolling_errors
from app.domain.forecasting.members import (
    MEMBERS,
    Member,
    MemberForecasts,
    bit,
    mask_members,
    member_forecasts,
    prophet_means,
)
from app.domain.forecasting.pattern import NEW, Pattern, pattern
from app.domain.forecasting.settings import ForecastSettings
from app.domain.forecasting.usual_rate import RateCounts


class MethodReason(StrEnum):
    """Why a series is forecast by its method."""

    EQUAL_WEIGHTS = "equal_weights"  # all members: no fewer were better from every origin
    PROVEN = "proven"  # fewer members, which were
    SHORT_BACKTEST = "short_backtest"  # all members: the data are too short to prove anything
    NEW = "new"  # own mean so far, drawn towards the usual
    BORROWED = "borrowed"  # new, and sold like similar items when they were new
    UNUSABLE = "unusable"  # its history holds no numbers: as if it had never sold


# the reason of a class is that of its series, except for the new
CLASS_REASON = {
    ChoiceReason.EQUAL_WEIGHTS: MethodReason.EQUAL_WEIGHTS,
    ChoiceReason.PROVEN: MethodReason.PROVEN,
    ChoiceReason.SHORT_HISTORY: MethodReason.SHORT_BACKTEST,
}
NEW_METHOD, BORROWED_METHOD = "shrunken_mean", "launch_curve"


class LaunchCurves(Protocol):
    """How items sold when they were new; see `app.domain.forecasting.launch_curves`."""

    def forecast(self, demand: Floats, lookalike: Ints, horizon: int) -> Floats:
        """Mean units (n, H) of new items from their own sales so far and the curve of each."""


@dataclass(frozen=True, slots=True)
class Series:
    """A piece of the data set.

    Attributes:
        demand: demand matrix (n, T), each row NaN up to its first sale; all NaN: never sold.
        group: row of its aggregate in ``Shared.group_demand`` (n,), -1 where it has none.
        lookalike: row of the launch curve to borrow from (n,), -1 where there is none.
        promotion: what known promotions multiply the mean of each period by (n, H), or None.
    """

    demand: Floats
    group: Ints
    lookalike: Ints
    promotion: Floats | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """What all pieces have in common, made once by `prepare_shared`.

    Attributes:
        calendar: ``as_of`` is the end of the last column of every demand matrix.
        horizon: H, periods to forecast.
        settings: see there.
        group_demand: demand of the aggregates (G, T).
        group_forecasts: forecasts of them from today (G, H) and from every past origin, the
            latest first, each as long as an origin is forecast from.
        launch: curves that new items borrow from, or None.
    """

    calendar: Calendar
    horizon: int
    settings: ForecastSettings
    group_demand: Floats
    group_forecasts: tuple[Floats, ...]
    launch: LaunchCurves | None = None

    @property
    def origins(self) -> tuple[int, ...]:
        """Periods known at each past origin, the latest (held out) first."""
        return origins(self.group_demand.shape[1], self.calendar, self.settings)


@dataclass(frozen=True, slots=True)
class SelectionScores:
    """What pass 1 knows of some pieces; those of all pieces are their sum."""

    subsets: SubsetSums
    spread_then: ClassSpread  # as of the held-out origin, which must not see what came
    spread_now: ClassSpread
    rates_then: RateCounts
    rates_now: RateCounts

    def __add__(self, other: "SelectionScores") -> "SelectionScores":
        return SelectionScores(
            self.subsets + other.subsets,
            self.spread_then + other.spread_then,
            self.spread_now + other.spread_now,
            self.rates_then + other.rates_then,
            self.rates_now + other.rates_now,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """What all series of a class borrow.

    Attributes:
        members: the members of each class, and why.
        cv2_then: CV² beyond Poisson (classes, spans) as of the held-out origin.
        cv2_now: the same as of today.
        usual_then: units per period of a typical series, as of the held-out origin.
        usual_now: the same as of today.
    """

    members: MemberChoice
    cv2_then: Floats
    cv2_now: Floats
    usual_then: float
    usual_now: float


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
        """Column L-1 is the variance of the total of the first L periods (n, H)."""
        variance: Floats = self.dispersion * np.cumsum(self.mean, axis=1)
        return variance


def origins(periods: int, calendar: Calendar, settings: ForecastSettings) -> tuple[int, ...]:
    """Periods known at each past origin, the latest first: that one is held out.

    A history too short for all of them has fewer; an origin knows at least as much as it is to
    forecast.
    """
    step = calendar.periods(settings.origin_days)
    known = (periods - step * (1 + back) for back in range(settings.origins + 1))
    return tuple(k for k in known if k >= step)


def prepare_shared(
    group_demand: Floats,
    *,
    calendar: Calendar,
    horizon: int,
    settings: ForecastSettings,
    launch: LaunchCurves | None = None,
) -> Shared:
    """Forecast the aggregates from today and from every past origin.

    Args:
        group_demand: demand of the aggregates (G, T), each row NaN up to its first sale; as wide
            as every piece's, also where there are no aggregates (0, T).
        calendar: of the last column.
        horizon: H, periods to forecast.
        settings: see there.
        launch: curves that new items borrow from, or None.

    Raises:
        ValueError: if the horizon is not at least one period, or longer than
            ``settings.most_horizon_days``.
    """
    most = settings.most_horizon_days // calendar.step_days
    if not 1 <= horizon <= most:
        raise ValueError(f"the horizon must lie between 1 and {most} periods")
    demand, _ = _sound(group_demand)
    periods = demand.shape[1]
    step = calendar.periods(settings.origin_days)
    past = tuple(
        prophet_means(demand, known, calendar, step, settings)
        for known in origins(periods, calendar, settings)
    )
    now = prophet_means(demand, periods, calendar, horizon, settings)
    return Shared(calendar, horizon, settings, demand, (now, *past), launch)


def selection_scores(series: Series, shared: Shared) -> SelectionScores:
    """Score every subset of members on the older origins; add up over all pieces."""
    demand, _ = _sound(series.demand)
    calendar, settings = shared.calendar, shared.settings
    past = list(enumerate(shared.origins))[1:]
    sums = SubsetSums.none(len(past))
    step = calendar.periods(settings.origin_days)
    for origin, known in past:
        then = pattern(demand, known, calendar, settings)
        found = _members(demand, known, series.group, shared, origin + 1)
        actual = demand[:, known : known + step]
        scale = squared_change(demand, known)
        code = np.where(then.age > 0, then.code, -1)
        score_subsets(sums, origin - 1, found.stacked(step), found.usable, actual, scale, code)
    held_out = shared.origins[0] if shared.origins else 0
    today = demand.shape[1]
    spread_then, rates_then = _borrowed(demand, held_out, shared)
    spread_now, rates_now = _borrowed(demand, today, shared)
    return SelectionScores(sums, spread_then, spread_now, rates_then, rates_now)


def choose(scores: SelectionScores, settings: ForecastSettings) -> Choice:
    """From the scores of all pieces, what every class is forecast by."""
    return Choice(
        choose_members(scores.subsets, settings),
        scores.spread_then.medians(settings),
        scores.spread_now.medians(settings),
        scores.rates_then.median,
        scores.rates_now.median,
    )


def forecast(series: Series, shared: Shared, choice: Choice) -> SeriesForecasts:
    """Forecast a piece, and say how good the same would have been from the held-out origin."""
    demand, unsound = _sound(series.demand)
    settings, calendar = shared.settings, shared.calendar
    today = demand.shape[1]
    now = pattern(demand, today, calendar, settings)
    found = _members(demand, today, series.group, shared, 0)
    mean, share = _ensemble(demand, today, now, found, series.lookalike, shared, choice, 0)
    if series.promotion is not None:
        mean *= series.promotion
    errors = rolling_errors(demand, today, calendar, settings)
    spread = dispersion(errors, now.code, choice.cv2_now, shared.horizon, settings)
    failure: list[str | None] = [
        unsound.get(row, found.failure.get(row)) for row in range(len(demand))
    ]
    method, reason = _explained(now, share, series.lookalike, shared, choice, unsound)
    accuracy = _held_out_accuracy(demand, series, shared, choice)
    return SeriesForecasts(mean, spread, now.demand_class, method, reason, failure, accuracy)


def squared_change(demand: Floats, known: int) -> Floats:
    """Mean squared change from one period to the next (n,), the scale of RMSSE; 0 if none."""
    change = np.diff(demand[:, :known], axis=1) ** 2
    seen = np.isfinite(change)
    count = np.maximum(seen.sum(axis=1), 1)
    scale: Floats = np.where(seen, change, 0.0).sum(axis=1) / count
    return scale


def _sound(demand: Floats) -> tuple[Floats, dict[int, str]]:
    """Demand that can be calculated with, and what is wrong with the rows that cannot.

    Less than nothing sold counts as nothing. A row with infinite amounts, or with gaps after its
    first sale, is taken as if it had never sold.
    """
    started = np.maximum.accumulate(~np.isnan(demand), axis=1)
    bad = (np.isinf(demand) | (started & np.isnan(demand))).any(axis=1)
    clean = np.maximum(np.ascontiguousarray(demand, np.float64), 0.0)
    clean[bad] = np.nan
    text = "The history holds gaps or infinite amounts; it is forecast as if never sold."
    return clean, {int(row): text for row in np.flatnonzero(bad)}


def _members(
    demand: Floats, known: int, group: Ints, shared: Shared, forecast_number: int
) -> MemberForecasts:
    return member_forecasts(
        demand,
        known,
        group,
        shared.group_demand,
        shared.group_forecasts[forecast_number],
        calendar=shared.calendar,
        settings=shared.settings,
    )


def _borrowed(demand: Floats, known: int, shared: Shared) -> tuple[ClassSpread, RateCounts]:
    then = pattern(demand, known, shared.calendar, shared.settings)
    code = np.where(then.age > 0, then.code, -1)
    errors = rolling_errors(demand, known, shared.calendar, shared.settings)
    return ClassSpread.of(errors, code), RateCounts.of(errors.size[(code >= 0) & (code < NEW)])


def _ensemble(
    demand: Floats,
    known: int,
    then: Pattern,
    found: MemberForecasts,
    lookalike: Ints,
    shared: Shared,
    choice: Choice,
    forecast_number: int,
) -> tuple[Floats, Floats]:
    """Mean (n, H) and the members' weights (n, M)."""
    horizon = shared.group_forecasts[forecast_number].shape[1]
    masks = np.asarray(choice.members.masks, np.int64)[then.code]
    share = weights(masks, found.usable)
    mean = combine(found.mean, share, horizon)
    is_new = then.code == NEW
    usual = choice.usual_then if forecast_number else choice.usual_now
    prior = shared.settings.prior_days / shared.calendar.step_days
    mean[is_new] = shrunken_mean(demand[is_new], known, usual, prior)[:, None]
    borrows = is_new & (lookalike >= 0)
    if shared.launch is not None and borrows.any():
        sold = demand[borrows, :known]
        mean[borrows] = shared.launch.forecast(sold, lookalike[borrows], horizon)
    return np.maximum(mean, 0.0), share


def _explained(
    now: Pattern,
    share: Floats,
    lookalike: Ints,
    shared: Shared,
    choice: Choice,
    unsound: dict[int, str],
) -> tuple[list[str], list[MethodReason]]:
    """Method and reason of every series."""
    masks = ((share > 0) * (1 << np.arange(len(MEMBERS)))).sum(axis=1)
    names = {int(mask): "+".join(mask_members(int(mask))) for mask in np.unique(masks)}
    method = [names[int(mask)] for mask in masks]
    reason = [CLASS_REASON[choice.members.reasons[code]] for code in now.code]
    for row in np.flatnonzero(now.code == NEW):
        borrows = shared.launch is not None and lookalike[row] >= 0
        method[row] = BORROWED_METHOD if borrows else NEW_METHOD
        reason[row] = MethodReason.BORROWED if borrows else MethodReason.NEW
    for row in unsound:
        reason[row] = MethodReason.UNUSABLE
    return method, reason


def _held_out_accuracy(
    demand: Floats, series: Series, shared: Shared, choice: Choice
) -> AccuracySums:
    """How good members, ensemble and baselines were from the origin that nothing saw."""
    calendar, settings = shared.calendar, shared.settings
    sums = AccuracySums.none(calendar)
    if not shared.origins:
        return sums
    known = shared.origins[0]
    step = calendar.periods(settings.origin_days)
    then = pattern(demand, known, calendar, settings)
    code = np.where(then.age > 0, then.code, -1)
    found = _members(demand, known, series.group, shared, 1)
    mean, _ = _ensemble(demand, known, then, found, series.lookalike, shared, choice, 1)
    actual, scale = demand[:, known:], squared_change(demand, known)
    season = 7 if calendar.step_days == 1 else 52
    add_accuracy(sums, "ensemble", code, actual, mean, scale)
    naive = seasonal_naive(demand, known, season, step)
    add_accuracy(sums, "seasonal_naive", code, actual, naive, scale)
    for member, member_mean in zip(MEMBERS, found.mean, strict=True):
        has = np.where((found.usable & bit(Member(member))) > 0, code, -1)
        add_accuracy(sums, str(member), has, actual, member_mean, scale)
    return sums
