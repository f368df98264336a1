"""What a run is to forecast, and all that its workers need to know of it."""

import math
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.demand import Floats
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.launch_curves import LaunchCurves, launch_curves
from app.domain.forecasting.outliers import BULK_SPREADS, Usual, damped, suspects
from app.domain.forecasting.settings import ForecastSettings
from app.domain.forecasting.true_demand import weekday_profile
from app.domain.policy import DEFAULT, Policy
from app.models import ForecastPartition, ForecastRun
from app.queries import bulk_orders, forecast_plans, launches, promoted_sellers
from app.queries.binary_copy import Records
from app.queries.forecast_partitions import Slice

PARTITION_SERIES = 5_000  # at most; the same for every number of workers, see the package
SOLD_WITHIN_DAYS = 520 * 7  # what has not sold for longer is no series any more
# Looked back; one sale mistyped as of 1900 must not cost gigabytes. In days, by days of a period.
HISTORY_DAYS = {1: 4 * 365 + 1, 7: SOLD_WITHIN_DAYS}


class NothingToForecast(Exception):
    """Nothing has sold lately of what is to be forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants forecast.

    Attributes:
        as_of: last day of history.
        horizon_weeks: how far ahead.
        step_days: days in a period, 1 or 7.
        country: whose holidays, ISO 3166.
        sku_ids: only these; None: all.
        location_ids: only these; None: all.
        elasticity: by which promotions are taken out of the history and put into the forecast.
        elasticity_sd: its standard deviation.
        lightgbm: whether LightGBM is one of the methods.
        own_regressors: most series that are forecast by a Prophet of their own.
        partition_series: most series that one worker forecasts at once. What is summed up over
            partitions differs in its last digits with it, but with nothing else.
    """

    as_of: date
    horizon_weeks: int
    step_days: int
    country: str
    sku_ids: list[str] | None = None
    location_ids: list[str] | None = None
    elasticity: float = DEFAULT.elasticity
    elasticity_sd: float = DEFAULT.elasticity_sd
    lightgbm: bool = bool(DEFAULT.forecast_lightgbm)
    own_regressors: int = DEFAULT.forecast_own_regressors
    partition_series: int = PARTITION_SERIES

    @classmethod
    def under(cls, policy: Policy, *, as_of: date, country: str) -> "Order":
        """All series, as the policy wants them and as far ahead as it needs."""
        return cls(
            as_of=as_of,
            horizon_weeks=policy.horizon_weeks,
            step_days=policy.forecast_step_days,
            country=country,
            elasticity=policy.elasticity,
            elasticity_sd=policy.elasticity_sd,
            lightgbm=bool(policy.forecast_lightgbm),
            own_regressors=policy.forecast_own_regressors,
        )

    @property
    def is_for_some(self) -> bool:
        return self.sku_ids is not None or self.location_ids is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Series that one worker forecasts at once."""

    number: int
    slice: Slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run as it was planned, in the database and here.

    ``group_demand`` has a row for every location and top-level category, see ``pieces.Shared``,
    which takes it to the workers: `for_workers` leaves it out;
    ``usual`` and ``launch`` are what single series borrow from all, made once lest they depend on
    the partitions. They are of all items, also in a run for some.
    """

    run_id: int
    calendar: Calendar
    horizon: int  # periods
    history: int  # periods
    settings: ForecastSettings
    partitions: tuple[Partition, ...]
    usual: Usual
    elasticity: float
    elasticity_sd: float
    own: tuple[int, ...]  # numbers of the series with a Prophet of their own
    launch: LaunchCurves | None = field(repr=False)
    launch_then: LaunchCurves | None = field(repr=False)  # as of the held-out origin
    profile: Floats = field(repr=False)  # usual demand of each period by weekday, mean 1
    group_demand: Floats = field(repr=False)

    def for_workers(self) -> "Plan":
        """The plan without what the workers get elsewhere; it is sent with every partition."""
        return replace(self, group_demand=np.zeros((0, 0)))

    @property
    def series(self) -> int:
        return sum(partition.slice.series for partition in self.partitions)


async def plan(session: AsyncSession, order: Order) -> Plan:
    """Plan a run; runs that were begun before and have not ended are given up.

    Raises:
        NothingToForecast: no series of those asked for has sold within the history looked at.
    """
    await forecast_plans.clear_up(session)
    run = ForecastRun(
        as_of=order.as_of,
        horizon_weeks=order.horizon_weeks,
        step_days=order.step_days,
        sku_ids=order.sku_ids,
        location_ids=order.location_ids,
    )
    session.add(run)
    await session.flush()
    run_id = run.forecast_run_id
    lately = order.as_of - timedelta(days=SOLD_WITHIN_DAYS)
    total = await forecast_plans.plan_series(session, run, since=lately)
    earliest = order.as_of - timedelta(days=HISTORY_DAYS[order.step_days] - 1)
    first = await forecast_plans.first_day(session, since=earliest, as_of=order.as_of)
    if total == 0 or first is None:
        raise NothingToForecast(_why_nothing(order))
    history = (order.as_of - first).days // order.step_days + 1
    since = order.as_of - timedelta(days=history * order.step_days - 1)
    parts = await forecast_plans.plan_partitions(
        session, run_id, total=total, size=order.partition_series
    )
    sold = await forecast_plans.group_sales(
        session, run_id, as_of=order.as_of, since=since, step_days=order.step_days
    )
    groups = await forecast_plans.group_count(session, run_id)
    settings = ForecastSettings(lightgbm=order.lightgbm, own_regressors=order.own_regressors)
    usual = await bulk_orders.usual_amounts(session, since=since, as_of=order.as_of)
    launch, launch_then = await _launch_curves(session, order, usual, settings.origin_days)
    group_demand = _group_demand(sold, (groups, history), usual, order.step_days)
    return Plan(
        run_id=run_id,
        calendar=Calendar(order.as_of, order.step_days),
        horizon=order.horizon_weeks * 7 // order.step_days,
        history=history,
        settings=replace(settings, prophet=replace(settings.prophet, country=order.country)),
        partitions=tuple(_partition(part, since, order) for part in parts),
        usual=usual,
        elasticity=order.elasticity,
        elasticity_sd=order.elasticity_sd,
        own=await _own(session, run, since, settings),
        launch=launch,
        launch_then=launch_then,
        profile=weekday_profile(group_demand, step_days=order.step_days),
        group_demand=group_demand,
    )


def _partition(part: ForecastPartition, since: date, order: Order) -> Partition:
    return Partition(
        number=part.partition_number,
        slice=Slice(
            run_id=part.forecast_run_id,
            first=part.first_number,
            last=part.last_number,
            since=since,
            as_of=order.as_of,
            step_days=order.step_days,
        ),
    )


async def _own(
    session: AsyncSession, run: ForecastRun, since: date, settings: ForecastSettings
) -> tuple[int, ...]:
    """The series that are to have a Prophet of their own."""
    if not settings.own_regressors:
        return ()
    return await promoted_sellers.promoted_sellers(
        session,
        run,
        since=since,
        most=settings.own_regressors,
        least_days=settings.own_least_days,
        recent_days=settings.own_recent_days,
        least_units=settings.own_least_units,
    )


async def _launch_curves(
    session: AsyncSession, order: Order, usual: Usual, origin_days: int
) -> tuple[LaunchCurves | None, LaunchCurves | None]:
    """Of today, and of the held-out origin in the same rows."""
    most = math.exp(usual.log_mean + BULK_SPREADS * usual.log_sd)

    async def until(day: date) -> LaunchCurves | None:
        days = await launches.launch_days(session, as_of=day, most_units=most)
        return launch_curves(days, step_days=order.step_days)

    now = await until(order.as_of)
    if now is None:
        return None, None
    then = await until(order.as_of - timedelta(days=origin_days))
    return now, None if then is None else then.in_rows_of(now)


def _why_nothing(order: Order) -> str:
    some = " of what was asked for" if order.is_for_some else ""
    return f"nothing{some} has sold lately, up to {order.as_of}"


def _group_demand(sold: Records, shape: tuple[int, int], usual: Usual, step_days: int) -> Floats:
    """Units by group and period, without what even whole groups never sell."""
    demand = np.zeros(shape)
    demand[sold["group"], shape[1] - 1 + sold["offset"]] = sold["units"]
    np.maximum(demand, 0.0, out=demand)
    demand[~np.maximum.accumulate(demand > 0, axis=1)] = np.nan
    orders_unknown = np.full(len(suspects(demand, usual)[0]), np.nan)
    return damped(demand, usual, orders_unknown, step_days=step_days).demand
