"""The sell-through of a SKU or a style, at one location or at all of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.data_flags import data_flags
from app.domain.demand import Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings
from app.domain.policy import Policy
from app.domain.policy_scopes import ScopedPolicies
from app.domain.sell_through.days import Demand
from app.domain.sell_through.outlook import outlook
from app.domain.sell_through.own_past import dispersion_together
from app.domain.sell_through.price_response import Prices, demand_factors
from app.domain.sell_through.stock_left import Floats
from app.domain.sell_through.together import outlook_together
from app.queries import sell_through as queries
from app.queries.selection import Selection
from app.queries.sell_through import Row
from app.services.policies import scoped_policies
from app.services.sell_through.courses import (
    Course,
    course,
    day_after,
    middle_dates,
    told_to_the_end,
    words,
)
from app.services.sell_through.standing import (
    Standing,
    Targets,
    at_depth,
    doubts,
    prices,
    standing,
    targets,
)

HISTORY_DAYS = 730  # of sales together, from which it is read how unsure their demand is
NO_DATES: dict[str, date | None] = {"p10": None, "p50": None, "p90": None}


async def item_sell_through(
    session: AsyncSession,
    selection: Selection,
    *,
    ends_on: date | None,
    depth: float | None,
    step_days: int,
) -> dict[str, Any]:
    """When the stock of the selection is sold out, what is left of it, and is that in time.

    One series meets its own demand. Several are not fungible: see ``domain.sell_through.together``;
    they count as sold out when no more is left than the policy's share of their stock.

    Args:
        session: of the database.
        selection: a SKU or a style, perhaps at one location only.
        ends_on: a last day of sales to judge by; None: that of the master.
        depth: a discount to be tried besides the price in force.
        step_days: between two points of the curve.
    """
    found = await queries.series_of(session, selection, with_depth=depth is not None)
    rows: list[Row] = [
        row if ends_on is None else {**row, "sales_end_on": ends_on} for row in found
    ]
    policies = await scoped_policies(session)
    if not rows:
        return _of_nothing()
    at = standing(rows, together=True)
    history = None
    if len(rows) > 1:
        history = await history_of(session, selection, rows, until=last_history_day(at))
    return await asyncio.to_thread(_item, at, history, policies, depth, step_days)


async def history_of(
    session: AsyncSession, selection: Selection, rows: Sequence[Row], *, until: date
) -> Floats:
    """What these series sold together on each day up to one, NaN before the first sale."""
    found = await queries.daily_totals(
        session,
        selection,
        sku_ids=sorted({row["sku_id"] for row in rows}),
        until=until,
        days=HISTORY_DAYS,
    )
    return found.get(None, np.full(HISTORY_DAYS, np.nan))


def last_history_day(at: Standing) -> date:
    """The last day of the sales that the forecast has seen."""
    starts = [row["starts_on"] for row in at.rows if row["starts_on"] is not None]
    return max(starts) - timedelta(days=1) if starts else at.today[0]


def _of_nothing() -> dict[str, Any]:
    """Of an item that lies nowhere and has no forecast."""
    unknown = (
        *("as_of", "counted_on", "forecast_run_id", "horizon_ends_on", "on_hand"),
        *("season_ends_on", "target_on", "clearance_days", "tolerance_days", "what_if"),
        *("sold_out_by_season_end_probability", "units_left_at_season_end", "units_left_low"),
        *("units_left_high", "early_probability", "on_time_probability", "late_probability"),
        "days_late",
    )
    return {
        **dict.fromkeys(unknown),
        "skus": 0,
        "locations": 0,
        "sold_out_units": 0,
        "sell_out_on": NO_DATES,
        "curve": [],
        **words("no_stock"),
        "data_flags": data_flags({"has_no_count": True, "has_no_forecast": True}),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Series looked at as one stock: how they are brought together."""

    at: Standing
    dispersion: Floats | None  # of several together; None: there is but one
    sold_out_units: float

    def course(self, draws: Sequence[Demand], columns: Ints | None = None) -> Course:
        """Its course under demand, of which there may be several draws; at all days or some."""
        at = self.at
        days = np.arange(at.demand.mean.shape[1]) if columns is None else columns
        seen_draws = [draw.on(days) for draw in draws]
        in_stock = np.flatnonzero(at.stock > 0)
        if self.dispersion is None:
            seen = outlook(at.stock, seen_draws)
        elif len(in_stock) == 1:  # of several that were looked at
            only = [draw.at(in_stock) for draw in seen_draws]
            seen = outlook(at.stock[in_stock], only, sold_out_units=self.sold_out_units)
        else:
            seen = outlook_together(
                at.stock, seen_draws, self.dispersion[days], sold_out_units=self.sold_out_units
            )
        return course(
            at.today[0],
            float(at.stock.sum()),
            days + 1,
            np.nansum(np.mean([draw.mean for draw in seen_draws], axis=0), axis=0),
            seen,
            is_counted=any(row["on_hand"] is not None for row in at.rows),
        )

    def what_if(self, depth: float, policy: Policy) -> "tuple[list[Demand], dict[str, Any]]":
        """Demand at another discount, a draw for each elasticity, and what is told about it."""
        known = prices(self.at)
        draws = at_depth(self.at, known, depth, policy)
        return draws, {
            "depth": depth,
            "elasticity": policy.elasticity,
            "elasticity_sd": policy.elasticity_sd,
            **_on_average(self.at.demand, draws, known, depth, policy),
        }


def _on_average(
    now: Demand, draws: Sequence[Demand], known: Prices, depth: float, policy: Policy
) -> dict[str, Any]:
    """The price that a forecast counts on and what another does to demand, by demand of a day."""
    daily = np.nan_to_num(np.diff(now.mean, axis=1, prepend=0.0))
    total = daily.sum()
    if total > 0:
        current = float((daily * known.counted_on).sum() / total)
        factors = [np.nan_to_num(d.mean).max(axis=1).sum() / total for d in draws]
    else:  # nothing is asked for: what it would be on a day without promotion
        current = float(known.usual.mean())
        factors = list(
            demand_factors(
                depth,
                known.usual,
                elasticity=policy.elasticity,
                elasticity_sd=policy.elasticity_sd,
            ).mean(axis=1)
        )
    names = ("low", "middle", "high")
    return {
        "current_depth": current,
        "demand_factor": dict(zip(names, sorted(factors), strict=True)),
    }


def heap(at: Standing, history: Floats | None, policy: Policy) -> Heap:
    """Bring the series together, by the ``history`` of their sales together."""
    if history is None:
        return Heap(at=at, dispersion=None, sold_out_units=0.0)
    ratio = dispersion_together(history, Calendar(at.today[0]), at.demand, ForecastSettings())
    few = float(np.floor(policy.sold_out_share * at.stock.sum()))
    return Heap(at=at, dispersion=ratio, sold_out_units=few)


def _item(
    at: Standing,
    history: Floats | None,
    policies: ScopedPolicies,
    depth: float | None,
    step_days: int,
) -> dict[str, Any]:
    policy, by = policies.tenant, targets(at, policies)
    last = _last_to_end(at, by)
    whole = heap(at, history, policy)
    now = whole.course([at.demand])
    end = by.season_end[last]
    flags = doubts(at, depth=depth, policy=policy)
    reach = at.demand.reach
    flags |= {
        "is_past_end": bool(end <= 0),
        "is_beyond_horizon": bool(0 < reach < end),
        "has_several_ends": len(set(_ends(at))) > 1,
    }
    counts = [row["on_hand"] for row in at.rows if row["on_hand"] is not None]
    runs = [row["forecast_run_id"] for row in at.rows if row["forecast_run_id"] is not None]
    today, has_end, past = at.today[0], not np.isnan(end), at.forecast_days
    return {
        "as_of": today,
        "counted_on": max((r["counted_on"] for r in at.rows if r["counted_on"]), default=None),
        "forecast_run_id": max(runs, default=None),
        "horizon_ends_on": day_after(today, reach) if reach else past and past[1],
        "skus": len({row["sku_id"] for row in at.rows}),
        "locations": len({row["location_id"] for row in at.rows}),
        "on_hand": sum(counts) if counts else None,
        "sold_out_units": int(whole.sold_out_units),
        "season_ends_on": day_after(today, end),
        "target_on": day_after(today, float(by.target[last])),
        "clearance_days": int(by.clearance[last]) if has_end else None,
        "tolerance_days": int(by.tolerance[last]) if has_end else None,
        **told_to_the_end(now, last, by, at.forecast_days, step_days=step_days),
        "what_if": (
            None if depth is None else _what_if(whole, depth, last, by, policy, step_days=step_days)
        ),
        "data_flags": data_flags(flags),
    }


def _ends(at: Standing) -> list[date | None]:
    """Ends of sales of what is in stock, or of all where nothing is."""
    ends = [row["sales_end_on"] for row in at.rows]
    in_stock = [end for end, units in zip(ends, at.stock, strict=True) if units > 0]
    return in_stock or ends


def _last_to_end(at: Standing, by: Targets) -> int:
    """The series whose sales end last, among those in stock; one without an end where none has."""
    in_stock = at.stock > 0 if (at.stock > 0).any() else np.ones(len(at.stock), np.bool_)
    ends = np.where(in_stock & ~np.isnan(by.season_end), by.season_end, -np.inf)
    return int(np.argmax(ends if np.isfinite(ends).any() else in_stock))


def _what_if(
    whole: Heap, depth: float, last: int, by: Targets, policy: Policy, *, step_days: int
) -> dict[str, Any]:
    draws, about = whole.what_if(depth, policy)
    return {
        **about,
        "sell_out_p50": middle_dates([whole.course([draw]) for draw in draws]),
        **told_to_the_end(
            whole.course(draws), last, by, whole.at.forecast_days, step_days=step_days
        ),
    }
