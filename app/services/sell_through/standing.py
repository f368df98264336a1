"""Where some series stand: their stock and the demand that it will meet from today on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from app.domain.forecasting.promotions import DEEPEST
from app.domain.policy import Policy
from app.domain.policy_scopes import ScopedPolicies
from app.domain.sell_through.days import Demand, daily_demand
from app.domain.sell_through.price_response import Prices, demand_factors
from app.domain.sell_through.stock_left import Floats
from app.queries.sell_through import Row, reals

OLD_DAYS = 7  # since the count, in which stock has changed that nobody has looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Series, and what is known of them as of the end of a day each.

    Attributes:
        rows: from ``queries.sell_through``.
        today: day (n,) whose end the stock is of, and after which demand begins.
        stock: units (n,) on hand, what is negative or was never counted as none.
        demand: of the n series from the day after on.
    """

    rows: Sequence[Row]
    today: list[date]
    stock: Floats
    demand: Demand

    @property
    def is_outdated(self) -> np.typing.NDArray[np.bool_]:
        """Whether all that a series' forecast tells (n,) lies before today."""
        has_forecast = np.array([row["starts_on"] is not None for row in self.rows], np.bool_)
        return has_forecast & np.isnan(self.demand.mean).all(axis=1)

    @property
    def forecast_days(self) -> tuple[date, date] | None:
        """The first and the last day of any forecast; None without one."""
        spans = [
            (row["starts_on"], row["starts_on"] + timedelta(days=row["step_days"] * row["periods"]))
            for row in self.rows
            if row["starts_on"] is not None
        ]
        if not spans:
            return None
        first, after = (list(days) for days in zip(*spans, strict=True))
        return min(first), max(after) - timedelta(days=1)

    def some(self, rows: np.typing.NDArray[np.int64]) -> "Standing":
        return Standing(
            rows=[self.rows[row] for row in rows],
            today=[self.today[row] for row in rows],
            stock=self.stock[rows],
            demand=self.demand.at(rows),
        )


def standing(rows: Sequence[Row], *, together: bool) -> Standing:
    """Stock and demand of series, each as of its own day, or ``together`` as of one.

    The own day is that of the last stock count, or of the last sales the forecast has seen where
    they are later: demand before the count has already been taken off the stock. Together they
    begin with the first of these days that no forecast begins after; what was counted later meets
    no demand until then, so that a count dated far ahead by mistake harms its own series only.
    """
    own = [_today(row) for row in rows]
    today = own
    if together and own:
        starts = [row["starts_on"] for row in rows if row["starts_on"] is not None]
        floor = max(starts) - timedelta(days=1) if starts else date.min
        own = [max(day, floor) for day in own]
        today = [min(own)] * len(own)
    later = [(day - first).days for day, first in zip(own, today, strict=True)]
    counts = [max(row["on_hand"] or 0, 0) for row in rows]
    return Standing(
        rows=rows,
        today=today,
        stock=np.array(counts, np.float64),
        demand=demand_after(rows, today).paced().after(np.array(later, np.int64)),
    )


def _today(row: Row) -> date:
    counted: date | None = row["counted_on"]
    starts: date | None = row["starts_on"]
    days = [counted, starts - timedelta(days=1) if starts else None]
    return max(day for day in days if day is not None)


def demand_after(rows: Sequence[Row], today: Sequence[date]) -> Demand:
    """Forecasts by day; they may differ in their periods and in how far they reach."""
    kinds: dict[tuple[int, int], list[int]] = {}
    for number, row in enumerate(rows):
        if row["yhat"] is not None:
            kinds.setdefault((row["step_days"], len(row["yhat"])), []).append(number)
    parts = []
    for (step_days, _), numbers in kinds.items():
        part = daily_demand(
            reals([rows[n]["yhat"] for n in numbers]),
            reals([rows[n]["sum_variance"] for n in numbers]),
            step_days=step_days,
            skipped=np.array([(today[n] - rows[n]["starts_on"]).days + 1 for n in numbers]),
        )
        parts.append((numbers, part))
    days = max((part.mean.shape[1] for _, part in parts), default=0)
    mean, variance = np.full((2, len(rows), days), np.nan)
    for numbers, part in parts:
        reach = part.mean.shape[1]
        mean[numbers, :reach], variance[numbers, :reach] = part.mean, part.variance
    return Demand(mean, variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """By when stock should be gone, in days from today (n,); NaN where no end is known."""

    season_end: Floats
    target: Floats
    tolerance: np.typing.NDArray[np.int64]
    clearance: np.typing.NDArray[np.int64]


def targets(at: Standing, policies: ScopedPolicies) -> Targets:
    """The target dates of every series, by the policy of its season or category."""
    weeks = {
        key: [
            round(7 * policies.value(name, *key))
            for name in ("clearance_weeks", "sell_out_tolerance_weeks")
        ]
        for key in {(row["category"], row["season_code"]) for row in at.rows}
    }
    windows = np.array([weeks[row["category"], row["season_code"]] for row in at.rows], np.int64)
    windows = windows.reshape(-1, 2)
    ends = [
        np.nan if row["sales_end_on"] is None else (row["sales_end_on"] - today).days
        for row, today in zip(at.rows, at.today, strict=True)
    ]
    season_end = np.array(ends, np.float64)
    return Targets(
        season_end=season_end,
        target=season_end - windows[:, 0],
        tolerance=windows[:, 1],
        clearance=windows[:, 0],
    )


def prices(at: Standing) -> Prices:
    """The prices that the forecasts count on, day by day; without a verdict the full price."""
    days = at.demand.mean.shape[1]
    promotion, is_promoted = np.zeros((len(at.rows), days)), np.zeros(len(at.rows), np.bool_)
    for number, (row, today) in enumerate(zip(at.rows, at.today, strict=True)):
        if row["promotion_depth"] is None:
            continue
        now, *ahead = np.minimum(reals([row["promotion_depth"]])[0], DEEPEST)
        daily = np.repeat(ahead, row["step_days"])[(today - row["starts_on"]).days + 1 :][:days]
        promotion[number, : len(daily)] = daily
        is_promoted[number] = now > 0
    return Prices(
        verdict=np.array([row["current_depth"] or 0.0 for row in at.rows]),
        is_promoted=is_promoted,
        promotion=promotion,
    )


def at_depth(at: Standing, known: Prices, depth: float, policy: Policy) -> list[Demand]:
    """Demand at another discount, once for every elasticity that may be the true one."""
    factors = demand_factors(
        known.tried(depth),
        known.counted_on,
        elasticity=policy.elasticity,
        elasticity_sd=policy.elasticity_sd,
    )
    return [at.demand.times(factor) for factor in factors]


def has_old_count(row: Row, today: date) -> bool:
    """Whether sales of more than a week have passed since the stock was counted."""
    counted: date | None = row["counted_on"]
    return counted is not None and (today - counted).days > OLD_DAYS


def doubts(at: Standing, *, depth: float | None, policy: Policy) -> dict[str, bool]:
    """What is doubtful about figures that rest on these series, see ``data_flags``."""
    rows = at.rows
    found: Mapping[str, Any] = {
        "is_derived": any(row["is_derived"] for row in rows),
        "is_negative": any(row["is_negative"] for row in rows),
        "is_stale": any(row["is_stale"] for row in rows),
        "has_no_count": not rows or any(row["on_hand"] is None for row in rows),
        "has_no_forecast": not rows or any(row["starts_on"] is None for row in rows),
        "has_old_forecast": bool(at.is_outdated.any()),
        "has_old_count": any(map(has_old_count, rows, at.today)),
        "is_estimated": any(row["is_estimated"] for row in rows),
        "is_new": any(row["is_new"] for row in rows),
        "is_borrowed": any(row["is_borrowed"] for row in rows),
    }
    if depth is None:
        return dict(found)
    allowed = [row["max_discount_depth"] for row in rows]
    deepest = min((most for most in allowed if most is not None), default=1.0)
    return {
        **found,
        "lacks_depth": any(row["current_depth"] is None for row in rows),
        "is_too_deep": depth > min(deepest, policy.max_depth) + 1e-9,
    }
