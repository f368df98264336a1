"""The evaluation: net the returns, value the customers, forecast, decide."""

import asyncio
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.returns import net_returns
from app.models import Evaluation
from app.queries import history, inventory
from app.queries.positions import positions
from app.services.deciding import judge, save_verdicts
from app.services.forecasting import forecast_all, save_forecasts
from app.services.jobs import Progress, Sessions
from app.services.policies import policy_in_force
from app.services.valuation import save_valuation, value

STEPS = 5


class NothingToEvaluate(Exception):
    """There are no sales yet."""


async def evaluate(
    sessions: Sessions,
    progress: Progress,
    *,
    as_of: date | None,
    processes: int,
    currency: str,
) -> dict[str, Any]:
    """Recompute everything that follows from sales, stock and policy as of a day.

    Values, forecasts and verdicts come into force together, in one last transaction: whoever
    reads sees those of one evaluation, the last that has ended, whatever its day. One that is
    killed leaves nothing behind and can simply be run again.

    Raises:
        NothingToEvaluate: without sales up to that day.
    """
    await progress("reading sales", 0, STEPS)
    async with sessions() as session:
        in_force = await policy_in_force(session)
        day, lines = await _sales(session, as_of)
        categories = await history.categories(session)
        stock_day = as_of or await inventory.last_data_day(session) or day
        stock = await positions(session, stock_day, price_weeks=in_force.policy.price_weeks)
    purchases, returns = await asyncio.to_thread(_net, lines)
    del lines  # a million lines, and another million in purchases
    policy = in_force.policy
    await progress("valuing customers", 1, STEPS)
    valuation = await asyncio.to_thread(value, purchases, categories, as_of=day, policy=policy)
    # Order lists look as far ahead as an order takes to come and has to last.
    horizon = max(policy.staple_horizon_weeks, policy.lead_time_weeks + policy.order_review_weeks)
    forecasts = await forecast_all(
        purchases, progress, as_of=day, horizon=horizon, processes=processes
    )
    await progress("deciding", 3, STEPS)
    judged = await asyncio.to_thread(
        judge, stock, forecasts, valuation, as_of=day, in_force=in_force, currency=currency
    )
    await progress("saving", 4, STEPS)
    async with sessions.begin() as session:
        await save_valuation(session, valuation, as_of=day)
        summary = {
            "as_of": day.isoformat(),
            "customers": len(valuation.customers) if valuation else 0,
            "returns": returns,
            "forecasts": await save_forecasts(session, forecasts, as_of=day, horizon=horizon),
            "without_list_price": len(stock) - len(judged),
            "decisions": await save_verdicts(session, judged, as_of=day),
        }
        await _record(session, day, in_force.version, summary)
    await progress("done", STEPS, STEPS)
    return summary


async def _sales(session: AsyncSession, as_of: date | None) -> tuple[date, pd.DataFrame]:
    """The day of the evaluation, and all sales lines up to it."""
    day = as_of or await inventory.last_sale_day(session)
    if day is None:
        raise NothingToEvaluate("import sales first")
    lines = await history.sales_lines(session, day)
    if not (lines["quantity"] > 0).any():
        raise NothingToEvaluate(f"there are no sales up to {day}")
    return day, lines


def _net(lines: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Purchase lines with what was returned taken off, and how many returns that settled."""
    netted = net_returns(lines)
    kept = netted.lines[netted.lines["net_quantity"] > 0]
    returned = float(-lines.loc[lines["quantity"] < 0, "quantity"].sum())
    return kept, {"units": returned, "units_matching_no_purchase": netted.unmatched_units}


async def _record(session: AsyncSession, day: date, version: int, summary: dict[str, Any]) -> None:
    session.add(Evaluation(as_of=day, policy_version=version, summary=summary))
    await session.flush()
