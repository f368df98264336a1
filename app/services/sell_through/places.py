"""The sell-through of a location: all its stock together, or category by category."""

import asyncio
from collections import Counter
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.data_flags import data_flags
from app.domain.demand import Ints
from app.domain.policy_scopes import ScopedPolicies
from app.domain.sell_through.outlook import at_day
from app.domain.sell_through.stock_left import Floats, expected_sales
from app.queries import sell_through as queries
from app.queries.selection import Selection
from app.services.policies import scoped_policies
from app.services.sell_through.courses import day_after, middle_dates, told
from app.services.sell_through.items import (
    HISTORY_DAYS,
    Heap,
    heap,
    last_history_day,
)
from app.services.sell_through.listing import listed
from app.services.sell_through.standing import Standing, doubts, standing, targets


async def place_sell_through(
    session: AsyncSession,
    selection: Selection,
    *,
    by_category: bool,
    depth: float | None,
    step_days: int,
) -> list[dict[str, Any]]:
    """The sell-through of all stock of the selection, or of each of its categories.

    Args:
        session: of the database.
        selection: a location, perhaps of some items only.
        by_category: one answer a category, those without any last; else one for all.
        depth: a discount to be tried besides the prices in force.
        step_days: between two points of the curve; sell-out dates are as fine.
    """
    rows = await queries.series_of(session, selection, with_depth=depth is not None)
    if not rows:
        return []
    policies = await scoped_policies(session)
    at = standing(rows, together=True)
    histories = await queries.daily_totals(
        session,
        selection,
        until=last_history_day(at),
        days=HISTORY_DAYS,
        by_category=by_category,
    )
    return await asyncio.to_thread(
        _groups, at, histories, policies, by_category=by_category, depth=depth, step=step_days
    )


def _groups(
    at: Standing,
    histories: dict[str | None, Floats],
    policies: ScopedPolicies,
    *,
    by_category: bool,
    depth: float | None,
    step: int,
) -> list[dict[str, Any]]:
    names = [row["category"] if by_category else None for row in at.rows]
    groups = sorted(set(names), key=lambda name: (name is None, name or ""))
    answers = []
    for group in groups:
        rows = np.flatnonzero([name == group for name in names])
        history = histories.get(group, np.full(HISTORY_DAYS, np.nan))
        whole = heap(at.some(rows), history, policies.tenant)
        told_of = _group(whole, policies, depth=depth, step=step)
        answers.append({"category": group, **told_of})
    return answers


def _group(
    whole: Heap, policies: ScopedPolicies, *, depth: float | None, step: int
) -> dict[str, Any]:
    at, policy = whole.at, policies.tenant
    by = targets(at, policies)
    reach = at.demand.reach
    columns = np.arange(step - 1, reach, step)
    is_counted = [row["on_hand"] is not None for row in at.rows]
    counts = [row["on_hand"] for row in at.rows if row["on_hand"] is not None]
    verdicts = Counter(
        listed([row for row in at.rows if row["on_hand"] is not None], policies)["verdict"]
        if any(is_counted)
        else []
    )
    left, is_told = _left_at_ends(at, by.season_end)
    has_end = ~np.isnan(by.season_end)
    flags, past = doubts(at, depth=depth, policy=policy), at.forecast_days
    return {
        "as_of": at.today[0],
        "skus": len({row["sku_id"] for row in at.rows}),
        "on_hand": sum(counts),
        "sold_out_units": int(whole.sold_out_units),
        "horizon_ends_on": day_after(at.today[0], reach) if reach else past and past[1],
        "units_left_at_season_end": float(left.sum()) if is_told.any() else None,
        "units_without_season_end": int(at.stock[~has_end].sum()),
        "units_beyond_horizon": int(at.stock[has_end & ~is_told].sum()),
        "verdicts": {name: verdicts.get(name, 0) for name in VERDICTS},
        **told(whole.course([at.demand], columns), step_days=step),
        "what_if": None if depth is None else _what_if(whole, depth, columns, policies, step),
        "data_flags": data_flags(flags),
    }


VERDICTS = ("early", "on_time", "late", "cannot_tell")


def _left_at_ends(at: Standing, season_end: Floats) -> tuple[Floats, np.typing.NDArray[np.bool_]]:
    """Units expected to be left of each series at its own end, 0 where not known; and if known."""
    end = np.nan_to_num(season_end).astype(np.int64)
    nothing = np.zeros(len(end))
    mean = at_day(at.demand.mean, end, nothing)
    variance = at_day(at.demand.variance, end, nothing)
    is_told = ~np.isnan(season_end) & ~np.isnan(mean)
    left = at.stock - expected_sales(at.stock, np.nan_to_num(mean), np.nan_to_num(variance))
    return np.where(is_told, left, 0.0), is_told


def _what_if(
    whole: Heap, depth: float, columns: Ints, policies: ScopedPolicies, step: int
) -> dict[str, Any]:
    draws, about = whole.what_if(depth, policies.tenant)
    return {
        **about,
        "sell_out_p50": middle_dates([whole.course([draw], columns) for draw in draws]),
        **told(whole.course(draws, columns), step_days=step),
    }
