"""The methods that a forecast is averaged from, all of them for all series at once."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.batched_prophet import prophet_mean
from app.domain.forecasting.boosted import Boosted, boosted_mean
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.flat_rates import ages, imapa, tsb
from app.domain.forecasting.settings import ForecastSettings
from app.domain.forecasting.top_down import recent_units, top_down

WEEK = 7


class Member(StrEnum):
    """What an ensemble may consist of; the position is the bit of a member in a mask.

    Those that know only a rate take the course of a week from the aggregate of the series.
    """

    PROPHET = "prophet"  # batched Prophet of the series itself, damped trend
    TOP_DOWN = "top_down"  # Prophet of its category at the location, shared out
    TSB = "tsb"  # Teunter-Syntetos-Babai
    IMAPA = "imapa"  # mean of several lengths of bucket, up to one that most often holds a sale
    LIGHTGBM = "lightgbm"  # one boosted model of all series, where it is asked for


MEMBERS = tuple(Member)
ALL = (1 << len(MEMBERS)) - 1


def bit(member: Member) -> int:
    """The mask of an ensemble of one."""
    return 1 << MEMBERS.index(member)


def present_mask(has_boosted: bool) -> int:
    """The mask of all members that a run has."""
    return ALL if has_boosted else ALL & ~bit(Member.LIGHTGBM)


def mask_members(mask: int) -> tuple[Member, ...]:
    """Who takes part in the ensemble of this mask."""
    return tuple(m for m in MEMBERS if mask & bit(m))


@dataclass(frozen=True, slots=True)
class MemberForecasts:
    """Forecasts of every member from one origin.

    Attributes:
        mean: by member, in the order of ``MEMBERS``: units per period, (n, H) or, where every
            period has the same, (n, 1).
        shape: how demand moves within every week to come, mean 1: (n, H), or (n, 1) if it does not.
        usable: mask (n,) of the members that can say something about the series.
        failure: what went wrong, by row; most often nothing.
    """

    mean: tuple[Floats, ...]
    shape: Floats
    usable: Ints
    failure: dict[int, str]

    def stacked(self, horizon: int) -> Floats:
        """All of them (M, n, H)."""
        n = len(self.usable)
        return np.stack([np.broadcast_to(mean, (n, horizon)) for mean in self.mean])


def calendar_at(calendar: Calendar, periods_ago: int) -> Calendar:
    """The calendar as it was so many periods ago."""
    past = calendar.as_of - timedelta(days=periods_ago * calendar.step_days)
    return Calendar(past, calendar.step_days)


def per_period(daily_weight: float, calendar: Calendar) -> float:
    """Smoothing weight of a period that forgets as a daily weight does."""
    return float(1.0 - (1.0 - daily_weight) ** calendar.step_days)


def prophet_means(
    demand: Floats, known: int, calendar: Calendar, horizon: int, settings: ForecastSettings
) -> Floats:
    """Batched Prophet after the first ``known`` periods (n, H), NaN where nothing is known."""
    if known == 0:
        return np.full((len(demand), horizon), np.nan)
    past = np.ascontiguousarray(demand[:, :known])
    then = calendar_at(calendar, demand.shape[1] - known)
    return prophet_mean(past, calendar=then, horizon=horizon, settings=settings)


def group_horizon(calendar: Calendar, horizon: int) -> int:
    """Periods that aggregates are forecast for: whole weeks of days."""
    return -(-horizon // WEEK) * WEEK if calendar.step_days == 1 else horizon


def week_shape(
    group_demand: Floats, group_forecast: Floats, known: int, settings: ForecastSettings
) -> Floats:
    """How each aggregate's demand moves within every week to come, mean 1 (G, H).

    A single item sells too little to show that Saturdays are busy; its category at the location
    does. Small aggregates are drawn towards an even week.

    Args:
        group_demand: daily demand of the aggregates (G, T).
        group_forecast: what is forecast of them (G, H), whole weeks.
        known: days that are looked at.
        settings: ``mean_days`` and ``shape_units``.
    """
    groups, horizon = group_forecast.shape
    weeks = group_forecast.reshape(groups, horizon // WEEK, WEEK)
    level = weeks.mean(axis=2, keepdims=True)
    shape = np.divide(weeks, level, out=np.ones_like(weeks), where=level > 0)
    units = recent_units(group_demand, known, settings.mean_days)
    trust = (units / (units + settings.shape_units))[:, None, None]
    answer: Floats = (1 + trust * (shape - 1)).reshape(groups, horizon)
    return answer


def member_forecasts(
    demand: Floats,
    known: int,
    group: Ints,
    group_demand: Floats,
    group_forecast: Floats,
    boosted: Boosted | None,
    *,
    horizon: int,
    calendar: Calendar,
    settings: ForecastSettings,
) -> MemberForecasts:
    """What every member forecasts after the first ``known`` periods.

    Args:
        demand: demand matrix (n, T), each row NaN up to its first sale.
        known: periods that are looked at, 0 … T.
        group: row of its aggregate (n,), -1 where it belongs to none.
        group_demand: the same of the aggregates (G, T).
        group_forecast: what is forecast of them (G, `group_horizon`).
        boosted: what LightGBM has learnt up to then, or None.
        horizon: H.
        calendar: of the whole matrix.
        settings: see there.
    """
    window = calendar.periods(settings.mean_days)
    prophet = prophet_means(demand, known, calendar, horizon, settings)
    ahead = np.ascontiguousarray(group_forecast[:, :horizon])
    shared_out = top_down(demand, known, group, group_demand, ahead, window)
    is_number = np.isfinite(prophet).all(axis=1)
    old_enough = ages(demand, known) >= calendar.periods(settings.prophet_least_days)
    usable = np.full(len(demand), ALL)
    usable -= bit(Member.PROPHET) * ~(is_number & old_enough)
    usable -= bit(Member.TOP_DOWN) * ~((group >= 0) & np.isfinite(shared_out).all(axis=1))
    prophet[~is_number] = 0.0
    failed = np.flatnonzero(~is_number & old_enough)
    rates = (
        tsb(
            demand,
            known,
            per_period(settings.tsb_size_weight, calendar),
            per_period(settings.tsb_chance_weight, calendar),
            calendar.periods(settings.warm_up_days),
        ),
        imapa(demand, known),
    )
    shape = np.ones((len(demand), 1))
    if calendar.step_days == 1 and len(group_forecast):
        of_groups = week_shape(group_demand, group_forecast, known, settings)[:, :horizon]
        shape = np.where((group >= 0)[:, None], of_groups[group], 1.0)
    by_trees = np.zeros((len(demand), 1))
    if boosted is None:
        usable &= present_mask(has_boosted=False)
    else:
        by_trees = boosted_mean(boosted, demand, known, horizon, calendar)
    flat = [rate[:, None] * shape for rate in rates]
    return MemberForecasts(
        (prophet, np.nan_to_num(shared_out), *flat, by_trees),
        shape,
        usable,
        {int(row): "Prophet's forecast is not a number." for row in failed},
    )
