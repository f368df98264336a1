"""The forecast of a whole data set, a piece of its series at a time.

Two passes. The first scores every member on the past (`selection_scores`) and adds up over all
pieces; from the sums the members of each class are chosen (`choose`). The second forecasts
(`forecast`), and measures on a last origin, which had no say in the choice, how good that is.
Whatever one series borrows from others comes out of these sums or of `Shared`, so the answer does
not depend on which series are in which piece.
"""

from dataclasses import dataclass

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.accuracy import (
    LEAD_DAYS,
    LEAD_LEVELS,
    AccuracySums,
    Scales,
    scales_of,
)
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.count_quantiles import count_quantiles
from app.domain.forecasting.ensemble import (
    BASELINES,
    ChoiceReason,
    SubsetSums,
    choose_members,
    combine,
    score_subsets,
    weights,
)
from app.domain.forecasting.flat_rates import seasonal_naive, shrunken_mean, trailing_mean
from app.domain.forecasting.lead_time import dispersion, rolling_errors
from app.domain.forecasting.level_spread import LevelCounts
from app.domain.forecasting.members import (
    MEMBERS,
    MemberForecasts,
    bit,
    group_horizon,
    mask_members,
    member_forecasts,
    prophet_means,
)
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.pattern import NEW, Pattern, pattern
from app.domain.forecasting.pieces import (
    Choice,
    LaunchCurves,
    SelectionScores,
    Series,
    SeriesForecasts,
    Shared,
    origins,
)
from app.domain.forecasting.settings import ForecastSettings
from app.domain.forecasting.usual_rate import RateCounts

__all__ = [
    "Choice",
    "MethodReason",
    "SelectionScores",
    "Series",
    "SeriesForecasts",
    "Shared",
    "choose",
    "forecast",
    "prepare_shared",
    "selection_scores",
]

# the reason of a class is that of its series, except for the new
CLASS_REASON = {
    ChoiceReason.EQUAL_WEIGHTS: MethodReason.EQUAL_WEIGHTS,
    ChoiceReason.PROVEN: MethodReason.PROVEN,
    ChoiceReason.SHORT_HISTORY: MethodReason.SHORT_BACKTEST,
}
NEW_METHOD, BORROWED_METHOD = "shrunken_mean", "launch_curve"


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is known of a piece after so many periods: today, or at a past origin."""

    known: int
    pattern: Pattern
    members: MemberForecasts
    horizon: int

    @property
    def code(self) -> Ints:
        """Class (n,), -1 for series that were not on sale yet."""
        return np.where(self.pattern.age > 0, self.pattern.code, -1)


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
    demand, _ = sound_demand(group_demand)
    periods = demand.shape[1]
    step = group_horizon(calendar, calendar.periods(settings.origin_days))
    past = tuple(
        prophet_means(demand, known, calendar, step, settings)
        for known in origins(periods, calendar, settings)
    )
    now = prophet_means(demand, periods, calendar, group_horizon(calendar, horizon), settings)
    return Shared(calendar, horizon, settings, demand, (now, *past), launch)


def selection_scores(series: Series, shared: Shared) -> SelectionScores:
    """Score every subset of members on the older origins; add up over all pieces."""
    demand, _ = sound_demand(series.demand)
    sums, levels = SubsetSums.none(max(len(shared.origins) - 1, 0)), LevelCounts.none()
    for origin, known in enumerate(shared.origins[1:]):
        then = _moment(demand, series.group, shared, origin + 2)
        actual = demand[:, known : known + then.horizon]
        score_subsets(
            sums,
            origin,
            then.members.stacked(then.horizon),
            then.members.usable,
            actual,
            scales_of(demand, known)[0],
            then.code,
        )
        errors = rolling_errors(demand, known, shared.calendar, shared.settings)
        for number, mask in enumerate(BASELINES):
            share = weights(np.full(len(demand), mask), then.members.usable)
            mean = combine(then.members.mean, share, then.horizon)
            levels.add(number, then.code, errors, mean, actual, shared.calendar, shared.settings)
    held_out = shared.origins[0] if shared.origins else 0
    return SelectionScores(
        shared.calendar,
        sums,
        levels,
        _rates(demand, held_out, shared),
        _rates(demand, demand.shape[1], shared),
    )


def choose(scores: SelectionScores, settings: ForecastSettings) -> Choice:
    """From the scores of all pieces, what every class is forecast by."""
    members = choose_members(scores.subsets, settings)
    return Choice(
        members,
        scores.levels.cv2(members.baseline, scores.calendar, settings),
        scores.rates_then.median,
        scores.rates_now.median,
    )


def forecast(series: Series, shared: Shared, choice: Choice) -> SeriesForecasts:
    """Forecast a piece, and say how good the same would have been from the held-out origin."""
    demand, unsound = sound_demand(series.demand)
    now = _moment(demand, series.group, shared, 0)
    mean, share = _ensemble(demand, now, series.lookalike, shared, choice, choice.usual_now)
    if series.promotion is not None:
        mean *= series.promotion
    spread = _spread(demand, now, shared, choice)
    failure = [unsound.get(row, now.members.failure.get(row)) for row in range(len(demand))]
    method, reason = _explained(now.pattern, share, series.lookalike, shared, choice)
    for row in unsound:
        reason[row] = MethodReason.UNUSABLE
    accuracy = _held_out_accuracy(demand, series, shared, choice)
    names = now.pattern.demand_class
    return SeriesForecasts(mean, spread, names, method, reason, failure, accuracy)


def sound_demand(demand: Floats) -> tuple[Floats, dict[int, str]]:
    """Demand that can be calculated with, and what is wrong with the rows that cannot.

    Less than nothing sold counts as nothing. A row with infinite amounts, or with gaps after its
    first sale, is taken as if it had never sold.
    """
    unknown = np.isnan(demand)
    started = np.maximum.accumulate(~unknown, axis=1)
    bad = (np.isinf(demand) | (started & unknown)).any(axis=1)
    clean = np.maximum(np.ascontiguousarray(demand, np.float64), 0.0)
    clean[bad] = np.nan
    text = "The history holds gaps or infinite amounts; it is forecast as if never sold."
    return clean, {int(row): text for row in np.flatnonzero(bad)}


def _moment(demand: Floats, group: Ints, shared: Shared, forecast_number: int) -> _Moment:
    """Of today (0) or the past origin of this number (1 …)."""
    known = shared.origins[forecast_number - 1] if forecast_number else demand.shape[1]
    horizon = shared.origin_horizon if forecast_number else shared.horizon
    calendar, settings = shared.calendar, shared.settings
    members = member_forecasts(
        demand,
        known,
        group,
        shared.group_demand,
        shared.group_forecasts[forecast_number],
        horizon=horizon,
        calendar=calendar,
        settings=settings,
    )
    found = pattern(demand, known, calendar, settings)
    return _Moment(known, found, members, horizon)


def _rates(demand: Floats, known: int, shared: Shared) -> RateCounts:
    """Of the series that were neither new nor inactive."""
    then = pattern(demand, known, shared.calendar, shared.settings)
    rate = trailing_mean(demand, known, known)
    return RateCounts.of(rate[(then.age > 0) & (then.code < NEW)])


def _spread(demand: Floats, moment: _Moment, shared: Shared, choice: Choice) -> Floats:
    errors = rolling_errors(demand, moment.known, shared.calendar, shared.settings)
    cv2 = choice.cv2[moment.pattern.code]
    return dispersion(errors, cv2, moment.horizon, shared.settings)


def _ensemble(
    demand: Floats,
    moment: _Moment,
    lookalike: Ints,
    shared: Shared,
    choice: Choice,
    usual: float,
) -> tuple[Floats, Floats]:
    """Mean (n, H) and the members' weights (n, M)."""
    masks = np.asarray(choice.members.masks, np.int64)[moment.pattern.code]
    share = weights(masks, moment.members.usable)
    mean = combine(moment.members.mean, share, moment.horizon)
    is_new = moment.pattern.code == NEW
    prior = shared.settings.prior_days / shared.calendar.step_days
    mean[is_new] = shrunken_mean(demand[is_new], moment.known, usual, prior)[:, None]
    borrows = is_new & (lookalike >= 0)
    if shared.launch is not None and borrows.any():
        sold = demand[borrows, : moment.known]
        mean[borrows] = shared.launch.forecast(sold, lookalike[borrows], moment.horizon)
    return np.maximum(mean, 0.0), share


def _explained(
    now: Pattern, share: Floats, lookalike: Ints, shared: Shared, choice: Choice
) -> tuple[list[str], list[MethodReason]]:
    """Method and reason of every series."""
    masks = ((share > 0) * (1 << np.arange(len(MEMBERS)))).sum(axis=1)
    names = {mask: "+".join(mask_members(mask)) for mask in np.unique(masks).tolist()}
    method = [names[mask] for mask in masks.tolist()]
    reason = [CLASS_REASON[choice.members.reasons[code]] for code in now.code]
    for row in np.flatnonzero(now.code == NEW):
        borrows = shared.launch is not None and lookalike[row] >= 0
        method[row] = BORROWED_METHOD if borrows else NEW_METHOD
        reason[row] = MethodReason.BORROWED if borrows else MethodReason.NEW
    return method, reason


def _held_out_accuracy(
    demand: Floats, series: Series, shared: Shared, choice: Choice
) -> AccuracySums:
    """How good members, ensemble and baselines were from the origin that nothing saw."""
    settings = shared.settings
    levels = settings.quantile_levels
    sums = AccuracySums.none(shared.calendar, levels)
    if not shared.origins:
        return sums
    then = _moment(demand, series.group, shared, 1)
    mean, _ = _ensemble(demand, then, series.lookalike, shared, choice, choice.usual_then)
    spread = _spread(demand, then, shared, choice)
    actual, scales = demand[:, then.known :], Scales(*scales_of(demand, then.known))
    season = shared.calendar.periods(7 if shared.calendar.step_days == 1 else 364)
    naive = seasonal_naive(demand, then.known, season, then.horizon)
    level = trailing_mean(demand, then.known, shared.calendar.periods(settings.mean_days))
    models = {
        "ensemble": (then.code, mean),
        "seasonal_naive": (then.code, naive),
        "moving_average": (then.code, level[:, None]),
    }
    for member, its_mean in zip(MEMBERS, then.members.mean, strict=True):
        has = (then.members.usable & bit(member)) > 0
        models[str(member)] = (np.where(has, then.code, -1), its_mean)
    for model, (code, its_mean) in models.items():
        quantiles = count_quantiles(its_mean, spread[:, :1] * its_mean, levels)
        sums.add(model, code, actual, its_mean, quantiles, scales)
    for lead, days in enumerate(LEAD_DAYS):
        length = shared.calendar.periods(days)
        total = mean[:, :length].sum(axis=1)
        stock = count_quantiles(total, spread[:, length - 1] * total, LEAD_LEVELS)
        sums.add_lead_time(lead, then.code, actual[:, :length].sum(axis=1), stock)
    return sums
