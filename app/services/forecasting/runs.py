"""A forecast run from its plan to the moment its forecasts come into force."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial, reduce
from operator import add
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import address_of
from app.domain.demand import Floats
from app.domain.forecasting import engine
from app.domain.forecasting.accuracy import AccuracySums
from app.domain.forecasting.boosted import installed_lightgbm
from app.domain.forecasting.kept_choice import kept
from app.domain.forecasting.members import mask_members
from app.domain.forecasting.pattern import CLASSES
from app.domain.forecasting.pieces import Choice
from app.domain.forecasting.prophet_backend import Audit
from app.models import ForecastAccuracy, ForecastRun, RunStatus
from app.queries import forecast_plans, inventory
from app.queries.forecast_partitions import RunIsOver
from app.services.forecasting import partitions
from app.services.forecasting.choosing import KnownChoice, choose, known_choice
from app.services.forecasting.partitions import Done, Workplace
from app.services.forecasting.planning import NothingToForecast, Order, Plan, plan
from app.services.forecasting.running import Crew, Workers
from app.services.jobs import Progress, Sessions
from app.services.policies import policy_in_force
from app.services.sell_through.listing import renew_list

LEAD_TIME = "lead_time"  # in place of a model: totals over a lead time, forecast by the ensemble
FINDINGS_KEPT = 10  # runs whose findings are kept; they are as many as a shop has odd days
MOST_FAILURES = 100  # told in a summary; all of them are findings
STEP = "forecasting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A run whose partitions are all written, but not in force yet."""

    plan: Plan
    choice: Choice
    accuracy: list[dict[str, Any]]  # columns of forecast_accuracy
    summary: dict[str, Any]


async def forecast_demand(
    sessions: Sessions,
    progress: Progress,
    *,
    today: date,
    as_of: date | None,
    horizon_weeks: int | None,
    sku_ids: list[str] | None,
    location_ids: list[str] | None,
    in_force: bool = True,
    workers: Workers,
    country: str,
) -> dict[str, Any]:
    """Forecast all series or some, and put the forecasts in force.

    Args:
        sessions: the database.
        progress: told the partitions done, in both passes together.
        today: sales after it do not count.
        as_of: last day of history; None: the last day with sales.
        horizon_weeks: how far ahead; None: as far as the policy needs.
        sku_ids: only these; None: all.
        location_ids: only these; None: all.
        in_force: whether to put the forecasts in force, or only to measure and tell.
        workers: who computes.
        country: whose holidays.

    Raises:
        NothingToForecast: nothing of it has sold.
    """
    async with sessions() as session:
        policy = (await policy_in_force(session)).policy
        last = await inventory.last_sale_day(session)
    if last is None:
        raise NothingToForecast("import sales first")
    usual = Order.under(policy, as_of=as_of or min(last, today), country=country)
    order = replace(
        usual,
        horizon_weeks=horizon_weeks or usual.horizon_weeks,
        sku_ids=sku_ids,
        location_ids=location_ids,
    )
    computed = await compute(sessions, progress, order, workers)
    async with sessions.begin() as session:
        summary = await finish(session, computed, in_force=in_force)
        if in_force:
            await renew_list(session)
    await progress("done", 1, 1)
    return summary


async def compute(
    sessions: Sessions, progress: Progress, order: Order, workers: Workers
) -> Computed:
    """Plan a run and have its partitions forecast; `finish` puts it in force.

    A run that is killed on the way leaves nothing in force, and the next one clears up after it.

    Raises:
        NothingToForecast: nothing of it has sold.
        LightGBMMissing: LightGBM is asked for and not installed.
    """
    if order.lightgbm:
        installed_lightgbm()
    await progress(STEP, 0, 1)
    began = datetime.now(UTC)
    async with sessions.begin() as session:
        known = await known_choice(session, order)
        planned = await plan(session, order)
    url = address_of(sessions)
    loop = asyncio.get_running_loop()

    def report(done: int) -> None:
        told = progress(STEP, done, 2 * len(planned.partitions))
        asyncio.run_coroutine_threadsafe(told, loop).result()

    try:
        return await asyncio.to_thread(_computed, planned, known, url, workers, report, began)
    except Exception:
        with suppress(Exception):  # what went wrong first is what is told
            async with sessions.begin() as session:
                await forecast_plans.clear_up(session, planned.run_id)
        raise


def _computed(
    planned: Plan,
    known: KnownChoice | None,
    url: str,
    workers: Workers,
    report: Callable[[int], None],
    began: datetime,
) -> Computed:
    parts = planned.partitions

    def report_second(done: int) -> None:
        report(len(parts) + done)

    with workers.at_work(len(parts)) as crew:
        shared = engine.prepare_shared(
            planned.group_demand,
            calendar=planned.calendar,
            horizon=planned.horizon,
            settings=planned.settings,
            launch=planned.launch,
            launch_then=planned.launch_then,
            sample=_sample(planned, url, crew) if planned.settings.lightgbm else None,
        )
        place = Workplace(url=url, plan=planned.for_workers(), shared=shared)
        choice = known.choice if known else choose(crew, place, report)
        work = partial(partitions.forecast, place, choice)
        done = crew.run(work, parts, progress=report_second)
        written = sorted(done, key=lambda one: one.number)
    accuracy = _accuracy(reduce(add, (one.accuracy for one in written)))
    summary = _summary(planned, choice, written) | {
        "chosen_by_run": known.forecast_run_id if known else None,
        "seconds": round((datetime.now(UTC) - began).total_seconds(), 1),
    }
    return Computed(plan=planned, choice=choice, accuracy=accuracy, summary=summary)


def _sample(planned: Plan, url: str, crew: Crew) -> Floats:
    """The demand that LightGBM learns from, in the order of the series."""
    work = partial(partitions.sample, url, planned)
    read = crew.run(work, planned.partitions, progress=lambda _: None)
    return np.concatenate([one.demand for one in sorted(read, key=lambda one: one.number)])


def _accuracy(sums: AccuracySums) -> list[dict[str, Any]]:
    """What was measured, as it is stored: by model, class and horizon."""
    key = ("model", "demand_class", "first_day", "last_day")
    stored = [
        {
            "model": row["model"],
            "demand_class": row["demand_class"],
            "horizon": f"{row['first_day']}-{row['last_day']}",
            "measures": {name: row[name] for name in row if name not in key},
        }
        for row in sums.rows()
    ]
    lead_times: dict[tuple[str, int], dict[str, Any]] = {}
    for row in sums.lead_time_rows():
        measures = lead_times.setdefault((row["demand_class"], row["days"]), {"levels": {}})
        measures["series"] = row["series"]
        measures["levels"][f"{row['level']:g}"] = {
            name: row[name] for name in ("coverage", "pinball", "stock", "units")
        }
    return stored + [
        {
            "model": LEAD_TIME,
            "demand_class": demand_class,
            "horizon": f"1-{days}",
            "measures": measures,
        }
        for (demand_class, days), measures in lead_times.items()
    ]


def _summary(planned: Plan, choice: Choice, written: Sequence[Done]) -> dict[str, Any]:
    counts = {
        name: dict(sum((one.counts[name] for one in written), Counter[str]()).most_common())
        for name in ("classes", "methods", "reasons", "findings")
    }
    failures = [failure for one in written for failure in one.failures]
    units = sum(one.units for one in written)
    estimated = sum(one.estimated_units for one in written)
    return {
        "series": planned.series,
        "partitions": len(planned.partitions),
        "history_periods": planned.history,
        **counts,
        "members": {
            name: {"members": [str(member) for member in mask_members(mask)], "reason": str(reason)}
            for name, mask, reason in zip(
                CLASSES, choice.members.masks, choice.members.reasons, strict=True
            )
        },
        "top_down_bias": round(choice.members.top_down_bias, 4),
        "top_down_dropped": choice.members.top_down_dropped,
        "estimated_share": round(estimated / units, 4) if units else 0.0,
        "audit": sum((one.audit for one in written), Audit()).told(),
        "failed": len(failures),
        "failures": {f"{sku} {place}": why for sku, place, why in failures[:MOST_FAILURES]},
    }


async def finish(
    session: AsyncSession, computed: Computed, *, in_force: bool = True
) -> dict[str, Any]:
    """Put a run's forecasts in force, in the caller's transaction; return its summary.

    Not ``in_force``, what was measured and found is kept, and the forecasts are not.

    Raises:
        RunIsOver: if the run was given up meanwhile, or not all of it is there.
    """
    run_id = computed.plan.run_id
    run = await session.get(ForecastRun, run_id, with_for_update=True)
    if run is None or run.status != RunStatus.RUNNING:
        raise RunIsOver(f"forecast run {run_id} was given up")
    missing = await forecast_plans.undone(session, run_id)
    if missing:
        raise RunIsOver(f"{missing} series of forecast run {run_id} were lost; run it again")
    if in_force:
        await forecast_plans.put_in_force(session, run)
    session.add_all(
        ForecastAccuracy(forecast_run_id=run_id, **measured) for measured in computed.accuracy
    )
    run.summary = computed.summary | {"in_force": in_force}
    is_whole = in_force and not (run.sku_ids or run.location_ids)
    run.choice = kept(computed.choice) if is_whole else None
    run.status = RunStatus.FINISHED
    run.finished_at = datetime.now(UTC)
    await session.flush()
    await forecast_plans.drop_workings(session, run_id)
    await forecast_plans.forget_findings(session, keep=FINDINGS_KEPT)
    return {"forecast_run_id": run_id, "as_of": run.as_of.isoformat(), **run.summary}
