"""The evaluation: net the returns, value the customers, forecast, decide."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.returns import net_returns
from app.models import Evaluation
from app.queries import forecast_plans, forecasts, history, inventory
from app.queries.positions import positions
from app.services.deciding import judge, save_verdicts
from app.services.forecasting import runs
from app.services.forecasting.planning import NothingToForecast, Order
from app.services.forecasting.running import Workers
from app.services.jobs import Progress, Sessions
from app.services.policies import policy_in_force
from app.services.sell_through.listing import renew_list
from app.services.valuation import save_valuation, value

STEPS = 5
NO_FORECASTS = pd.DataFrame(
    {name: pd.Series(dtype=object) for name in ("sku_id", "location_id", "yhat")}
    | {name: pd.Series(dtype=float) for name in ("level_cv2", "weekly_mean")}
)


class NothingToEvaluate(Exception):
    """There are no sales yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """What identified customers have bought and kept, and what came of all returns."""

    lines: pd.DataFrame  # with net_quantity > 0
    returns: dict[str, float]


async def evaluate(
    sessions: Sessions,
    progress: Progress,
    *,
    as_of: date | None,
    processes: int,
    currency: str,
    country: str = "JP",
) -> dict[str, Any]:
    """Recompute everything that follows from sales, stock and policy as of a day.

    Values, forecasts and verdicts come into force together, in one last transaction: whoever
    reads sees those of one evaluation, the last that has ended, whatever its day. One that is
    killed leaves nothing in force and can simply be run again.

    Raises:
        NothingToEvaluate: without sales up to that day.
    """
    await progress("reading sales", 0, STEPS)
    async with sessions() as session:
        in_force = await policy_in_force(session)
        day = await _day(session, as_of)
        lines = await history.sales_lines(session, day, of_customers=True)
        _, returned = await history.totals(session, day)
        categories = await history.categories(session)
        stock_day = as_of or await inventory.last_data_day(session) or day
        stock = await positions(session, stock_day, price_weeks=in_force.policy.price_weeks)
    purchases = await asyncio.to_thread(_net, lines, returned)
    del lines  # a million lines, and another million in purchases
    policy = in_force.policy
    await progress("valuing customers", 1, STEPS)
    valuation = await asyncio.to_thread(
        value, purchases.lines, categories, as_of=day, policy=policy
    )
    returns = purchases.returns
    del purchases
    order = Order.under(policy, as_of=day, country=country)
    computed = await _computed(sessions, progress, order, Workers(processes=processes))
    await progress("deciding", 3, STEPS)
    async with sessions() as session:
        weeks = await _weeks(session, computed)
    judged = await asyncio.to_thread(
        judge, stock, weeks, valuation, as_of=day, in_force=in_force, currency=currency
    )
    await progress("saving", 4, STEPS)
    async with sessions.begin() as session:
        await save_valuation(session, valuation, as_of=day)
        summary = {
            "as_of": day.isoformat(),
            "customers": len(valuation.customers) if valuation else 0,
            "returns": returns,
            "forecasts": await _put_in_force(session, computed),
            "without_list_price": len(stock) - len(judged),
            "decisions": await save_verdicts(session, judged, as_of=day),
            "sell_through": await renew_list(session),
        }
        await _record(session, day, in_force.version, summary)
    await progress("done", STEPS, STEPS)
    return summary


async def _day(session: AsyncSession, as_of: date | None) -> date:
    """The day of the evaluation, up to which something has been sold."""
    day = as_of or await inventory.last_sale_day(session)
    if day is None:
        raise NothingToEvaluate("import sales first")
    bought, _ = await history.totals(session, day)
    if not bought > 0:
        raise NothingToEvaluate(f"there are no sales up to {day}")
    return day


def _net(lines: pd.DataFrame, returned: float) -> Purchases:
    """Purchase lines with what was returned taken off, and how many returns that settled.

    Args:
        lines: of identified customers.
        returned: units, those of guests as well: these match no purchase.
    """
    netted = net_returns(lines)
    of_customers = float(-lines.loc[lines["quantity"] < 0, "quantity"].sum())
    unmatched = netted.unmatched_units + returned - of_customers
    return Purchases(
        lines=netted.lines[netted.lines["net_quantity"] > 0],
        returns={"units": returned, "units_matching_no_purchase": unmatched},
    )


async def _computed(
    sessions: Sessions, progress: Progress, order: Order, workers: Workers
) -> runs.Computed | None:
    """The forecasts, not in force yet; None where everything has stopped selling years ago."""
    try:
        return await runs.compute(sessions, progress, order, workers)
    except NothingToForecast:
        return None


async def _weeks(session: AsyncSession, computed: runs.Computed | None) -> pd.DataFrame:
    if computed is None:
        return NO_FORECASTS
    plan = computed.plan
    return await forecasts.drafted_weeks(
        session, plan.run_id, horizon=plan.horizon, step_days=plan.calendar.step_days
    )


async def _put_in_force(session: AsyncSession, computed: runs.Computed | None) -> dict[str, Any]:
    if computed is None:
        await forecast_plans.let_all_go(session)
        return {"series": 0}
    return await runs.finish(session, computed)


async def _record(session: AsyncSession, day: date, version: int, summary: dict[str, Any]) -> None:
    session.add(Evaluation(as_of=day, policy_version=version, summary=summary))
    await session.flush()
