"""The forecast of a whole data set, a piece of its series at a time.

Two passes. The first scores every member on the past (`selection_scores`) and adds up over all
pieces; from the sums the members of each class are chosen (`choose`). The second forecasts
(`forecast`), and measures on a last origin, which had no say in the choice, how good that is.
Whatever one series borrows from others comes out of these sums or of `Shared`, so the answer does
not depend on which series are in which piece.
"""

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.accuracy import (
    AccuracySums,
    scales_of,
)
from app.domain.forecasting.boosted import boosted_models
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.comeback import ComebackCounts
from app.domain.forecasting.ensemble import (
    ChoiceReason,
    SubsetSums,
    choose_members,
    combine,
    score_subsets,
    weights,
)
from app.domain.forecasting.flat_rates import shrunken_mean, trailing_mean
from app.domain.forecasting.held_out import judge, lift_of
from app.domain.forecasting.lead_time import dispersion, rolling_errors
from app.domain.forecasting.level_spread import LevelCounts
from app.domain.forecasting.members import (
    MEMBERS,
    group_horizon,
    mask_members,
    prophet_means,
)
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.moment import Moment, moment_of
from app.domain.forecasting.pattern import CLASSES, INACTIVE, NEW, Pattern, pattern
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
from app.domain.forecasting.sound import sound_demand
from app.domain.forecasting.usual_rate import RateCounts

__all__ = [
    "Choice",
    "MethodReason",
    "SelectionScores",
    "Series",
    "SeriesForecasts",
    "Shared",
    "choose",
    "class_methods",
    "forecast",
    "held_out_forecast",
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


def prepare_shared(
    group_demand: Floats,
    *,
    calendar: Calendar,
    horizon: int,
    settings: ForecastSettings,
    launch: LaunchCurves | None = None,
    launch_then: LaunchCurves | None = None,
    sample: Floats | None = None,
) -> Shared:
    """Forecast the aggregates from today and from every past origin.

    Args:
        group_demand: demand of the aggregates (G, T), each row NaN up to its first sale; as wide
            as every piece's, also where there are no aggregates (0, T).
        calendar: of the last column.
        horizon: H, periods to forecast.
        settings: see there.
        launch: curves that new items borrow from, or None.
        launch_then: as they were at the held-out origin, row by row; None: there were none.
        sample: demand matrix of some ``settings.lightgbm_series`` random series, for LightGBM;
            None does without it.

    Raises:
        LightGBMMissing: if it is asked for and not installed.
        ValueError: if the horizon is not at least one period, or longer than
            ``settings.most_horizon_days``.
    """
    most = settings.most_horizon_days // calendar.step_days
    if not 1 <= horizon <= most:
        raise ValueError(f"the horizon must lie between 1 and {most} periods")
    demand, _ = sound_demand(group_demand)
    periods = demand.shape[1]
    step = group_horizon(calendar, calendar.periods(settings.origin_days))
    moments = origins(periods, calendar, settings)
    past = tuple(prophet_means(demand, known, calendar, step, settings) for known in moments)
    now = prophet_means(demand, periods, calendar, group_horizon(calendar, horizon), settings)
    learnt = sound_demand(sample)[0] if sample is not None else None
    boosted = boosted_models(learnt, (periods, *moments), calendar, settings)
    return Shared(calendar, horizon, settings, demand, (now, *past), boosted, launch, launch_then)


def selection_scores(series: Series, shared: Shared) -> SelectionScores:
    """Score every subset of members on the older origins; add up over all pieces.

    By cleaned demand, unlike the held-out origin, which is judged by what was really sold: which
    members suit a class should not hang on who happened to be hit by a bulk order.
    """
    demand, _ = _sound(series, shared)
    sums, levels = SubsetSums.none(max(len(shared.origins) - 1, 0)), LevelCounts.none()
    comebacks = ComebackCounts.none()
    for origin, known in enumerate(shared.origins[1:]):
        then = moment_of(demand, series.group, shared, origin + 2)
        actual = demand[:, known : known + then.horizon]
        best = _best_of_inactive(demand, then)
        comebacks += ComebackCounts.of(best[best > 0], actual[best > 0], shared.calendar)
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
        borrows, borrowed = _borrowed(demand, then, series.lookalike, shared.launch_then)
        for mask in range(1, shared.present + 1):
            share = weights(np.full(len(demand), mask), then.members.usable)
            mean = combine(then.members.mean, share, then.horizon)
            mean[borrows] = borrowed
            levels.add(mask, then.code, errors, mean, actual, shared.calendar, shared.settings)
    held_out = shared.origins[0] if shared.origins else 0
    return SelectionScores(
        shared.calendar,
        shared.present,
        sums,
        levels,
        _rates(demand, held_out, shared),
        _rates(demand, demand.shape[1], shared),
        comebacks,
    )


def choose(scores: SelectionScores, settings: ForecastSettings) -> Choice:
    """From the scores of all pieces, what every class is forecast by."""
    members = choose_members(scores.subsets, settings, scores.present)
    return Choice(
        members,
        scores.levels.cv2(members.masks, scores.calendar, settings),
        scores.rates_then.median,
        scores.rates_now.median,
        scores.comebacks.found(scores.calendar, settings),
    )


def forecast(series: Series, shared: Shared, choice: Choice) -> SeriesForecasts:
    """Forecast a piece, and say how good the same would have been from the held-out origin."""
    demand, unsound = _sound(series, shared)
    now = moment_of(demand, series.group, shared, 0)
    mean, share = _ensemble(
        demand, now, series.lookalike, shared.launch, shared, choice, choice.usual_now
    )
    spread = _spread(demand, now, mean, shared, choice)
    if series.promotion is not None:
        mean *= series.promotion
    failure = [unsound.get(row, now.members.failure.get(row)) for row in range(len(demand))]
    method, reason = _explained(now.pattern, share, series.lookalike, shared, choice)
    if choice.comeback.rate > 0:
        for row in np.flatnonzero(_best_of_inactive(demand, now)).tolist():
            reason[row] = MethodReason.COMEBACK
    for row in unsound:
        reason[row] = MethodReason.UNUSABLE
    accuracy = AccuracySums.none(shared.calendar, shared.settings.quantile_levels)
    if shared.origins:
        judge(accuracy, series, demand, *held_out_forecast(series, shared, choice), shared)
    names = now.pattern.demand_class
    return SeriesForecasts(mean, spread, names, method, reason, failure, accuracy)


def class_methods(choice: Choice) -> dict[str, str]:
    """What each class is averaged from, such as ``prophet+top_down+tsb``."""
    masks = choice.members.masks
    return {name: "+".join(mask_members(m)) for name, m in zip(CLASSES, masks, strict=True)}


def held_out_forecast(
    series: Series, shared: Shared, choice: Choice
) -> tuple[Moment, Floats, Floats]:
    """What would have been forecast from the held-out origin: that, mean and dispersion (n, H).

    With the promotions of the time in the mean, as in a forecast of today.
    """
    demand, _ = _sound(series, shared)
    then = moment_of(demand, series.group, shared, 1)
    mean, _ = _ensemble(
        demand, then, series.lookalike, shared.launch_then, shared, choice, choice.usual_then
    )
    return then, mean * lift_of(series), _spread(demand, then, mean, shared, choice)


def _sound(series: Series, shared: Shared) -> tuple[Floats, dict[int, str]]:
    periods, wanted = series.demand.shape[1], shared.group_demand.shape[1]
    if periods != wanted:
        raise ValueError(f"the piece has {periods} periods, its aggregates {wanted}")
    return sound_demand(series.demand)


def _rates(demand: Floats, known: int, shared: Shared) -> RateCounts:
    """Of the series that were neither new nor inactive."""
    then = pattern(demand, known, shared.calendar, shared.settings)
    rate = trailing_mean(demand, known, known)
    return RateCounts.of(rate[(then.age > 0) & (then.code < NEW)])


def _best_of_inactive(demand: Floats, moment: Moment) -> Floats:
    """Units in the best period so far of the series that are inactive (n,), 0 for others."""
    inactive = (moment.pattern.code == INACTIVE) & (moment.pattern.age > 0)
    best = np.zeros(len(demand))
    best[inactive] = np.nanmax(demand[inactive, : moment.known], axis=1, initial=0.0)
    return best


def _spread(demand: Floats, moment: Moment, mean: Floats, shared: Shared, choice: Choice) -> Floats:
    errors = rolling_errors(demand, moment.known, shared.calendar, shared.settings)
    cv2 = choice.cv2[moment.pattern.code]
    answer = dispersion(errors, cv2, moment.horizon, shared.settings)
    if choice.comeback.rate > 0:
        back = _best_of_inactive(demand, moment) > 0
        answer[back] = choice.comeback.dispersion(mean[back])
    return answer


def _ensemble(
    demand: Floats,
    moment: Moment,
    lookalike: Ints,
    launch: LaunchCurves | None,
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
    own = shrunken_mean(demand[is_new], moment.known, usual, prior)[:, None]
    mean[is_new] = own * moment.members.shape[is_new]
    borrows, borrowed = _borrowed(demand, moment, lookalike, launch)
    mean[borrows] = borrowed
    least = np.minimum(choice.comeback.rate, _best_of_inactive(demand, moment))
    mean = np.maximum(mean, least[:, None] * moment.members.shape)
    return np.maximum(mean, 0.0), share


def _borrowed(
    demand: Floats, moment: Moment, lookalike: Ints, launch: LaunchCurves | None
) -> tuple[Ints, Floats]:
    """The new series that follow a launch curve, and their mean (k, H)."""
    if launch is None:
        return np.zeros(0, np.int64), np.zeros((0, moment.horizon))
    rows = np.flatnonzero((moment.pattern.code == NEW) & (lookalike >= 0))
    curve = launch.forecast(demand[rows, : moment.known], lookalike[rows], moment.horizon)
    return rows, curve * moment.members.shape[rows]


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
