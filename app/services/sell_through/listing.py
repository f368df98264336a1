"""The sell-through of every series that has stock, computed at once and kept for lists."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.data_flags import data_flags
from app.domain.policy_scopes import ScopedPolicies
from app.domain.sell_through.days import Demand
from app.domain.sell_through.outlook import (
    BAND,
    CHANCES,
    NEVER,
    at_day,
    left_quantile,
    outlook,
    sell_out_day,
    steady,
)
from app.domain.sell_through.stock_left import Floats, chance_of_demand
from app.domain.sell_through.target import VERDICT, SellOutVerdict, VerdictReason, judge_sell_out
from app.queries import sell_through as queries
from app.queries.sell_through import Row
from app.queries.staging import copy_rows
from app.services.policies import scoped_policies
from app.services.sell_through.courses import day_after
from app.services.sell_through.standing import (
    Standing,
    Targets,
    has_old_count,
    standing,
    targets,
)


async def renew_list(session: AsyncSession) -> dict[str, int]:
    """Put the sell-through of every series in force instead of that before.

    It follows from the stock, forecasts and policies that the session sees.

    Returns:
        How many there are of each verdict.
    """
    policies = await scoped_policies(session)
    parts = [
        await asyncio.to_thread(listed, rows, policies)
        async for rows in queries.all_stocks(session)
    ]
    await queries.forget_list(session)
    if not parts:
        return {}
    rows = pl.concat(parts)
    await copy_rows(session, "sell_through", rows)
    counts = rows["verdict"].value_counts(sort=True)
    return dict(zip(counts["verdict"].to_list(), counts["count"].to_list(), strict=True))


def listed(rows: Sequence[Row], policies: ScopedPolicies) -> pl.DataFrame:
    """Rows of the table ``sell_through``, of series that have a stock count."""
    at = standing(rows, together=False)
    by = targets(at, policies)
    units = at.stock[:, None]
    has_stock = at.stock > 0
    sold_out = steady(chance_of_demand(units, at.demand.mean, at.demand.variance))
    sold_out = np.where(np.isnan(at.demand.mean), np.nan, sold_out)
    judged = judge_sell_out(
        sold_out,
        has_stock=has_stock,
        season_end=by.season_end,
        target=by.target,
        tolerance=by.tolerance,
        is_outdated=at.is_outdated,
    )
    out = [np.where(has_stock, sell_out_day(sold_out, chance), 0) for chance in CHANCES]
    dates = [_dates(at.today, np.where(day == NEVER, np.nan, day)) for day in out]
    is_near = by.target <= (~np.isnan(at.demand.mean)).sum(axis=1)
    late = np.where(has_stock & is_near & (out[1] != NEVER), out[1] - by.target, np.nan)
    left, low, high = _left(at, by)
    before = np.where(has_stock, 0.0, 1.0)
    return pl.DataFrame(
        {
            "sku_id": [row["sku_id"] for row in rows],
            "location_id": [row["location_id"] for row in rows],
            "as_of": at.today,
            "on_hand": [row["on_hand"] for row in rows],
            "sell_out_p10": dates[0],
            "sell_out_p50": dates[1],
            "sell_out_p90": dates[2],
            "season_ends_on": _dates(at.today, by.season_end),
            "target_on": _dates(at.today, by.target),
            "days_late": _whole(late),
            "sold_out_probability": _maybe(_at_end(sold_out, by, before)),
            "units_left": _maybe(left),
            "units_left_low": _maybe(low),
            "units_left_high": _maybe(high),
            "late_probability": _maybe(judged.late),
            "verdict": [_verdict(str(code)) for code in judged.reason],
            "verdict_reason": judged.reason.astype(object).tolist(),
            "data_flags": ["{" + ",".join(data_flags(doubts)) + "}" for doubts in _doubts(at, by)],
        },
        schema_overrides={
            **dict.fromkeys(("sell_out_p10", "sell_out_p50", "sell_out_p90"), pl.Date),
            **dict.fromkeys(("season_ends_on", "target_on"), pl.Date),
            "days_late": pl.Int32,
            **dict.fromkeys(("sold_out_probability", "late_probability"), pl.Float64),
            **dict.fromkeys(("units_left", "units_left_low", "units_left_high"), pl.Float64),
        },
    )


def _left(at: Standing, by: Targets) -> tuple[Floats, Floats, Floats]:
    """Units left when each season ends: expected, and the band."""
    end = np.nan_to_num(by.season_end).astype(np.int64)
    nothing = np.zeros(len(end))
    then = Demand(
        at_day(at.demand.mean, end, nothing)[:, None],
        at_day(at.demand.variance, end, nothing)[:, None],
    )
    seen = outlook(at.stock, [then])
    is_known = ~np.isnan(by.season_end) & ~np.isnan(then.mean[:, 0])
    shape = (len(end), 1)
    band = [left_quantile(seen.left_at_most, at.stock, p, shape=shape)[:, 0] for p in BAND]
    expected = seen.expected_left[:, 0]
    left, low, high = (np.where(is_known, values, np.nan) for values in (expected, *band))
    return left, low, high


def _at_end(values: Floats, by: Targets, before: Floats) -> Floats:
    end = np.nan_to_num(by.season_end).astype(np.int64)
    return np.where(np.isnan(by.season_end), np.nan, at_day(values, end, before))


def _doubts(at: Standing, by: Targets) -> list[dict[str, Any]]:
    reach = (~np.isnan(at.demand.mean)).sum(axis=1)
    old = at.is_outdated.tolist()
    facts = zip(at.rows, at.today, by.season_end.tolist(), reach.tolist(), old, strict=True)
    return [
        {
            **{name: row[name] for name in ("is_derived", "is_negative", "is_stale")},
            **{name: row[name] for name in ("is_estimated", "is_new", "is_borrowed")},
            "has_old_count": has_old_count(row, today),
            "has_no_forecast": row["starts_on"] is None,
            "has_old_forecast": is_outdated,
            "is_past_end": end <= 0,
            "is_beyond_horizon": 0 < known < end,
        }
        for row, today, end, known, is_outdated in facts
    ]


def _verdict(code: str) -> str:
    return VERDICT.get(VerdictReason(code), SellOutVerdict.CANNOT_TELL).value


def _dates(today: list[date], days: Floats) -> list[date | None]:
    return [day_after(day, after) for day, after in zip(today, days.tolist(), strict=True)]


def _whole(values: Floats) -> list[int | None]:
    return [None if np.isnan(value) else int(value) for value in values]


def _maybe(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
