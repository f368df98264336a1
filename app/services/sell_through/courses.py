"""The course of a stock as it is told: a curve with its band, the dates, the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from app.domain.demand import Ints
from app.domain.sell_through.outlook import (
    BAND,
    CHANCES,
    NEVER,
    Outlook,
    at_day,
    left_quantile,
    sell_out_day,
)
from app.domain.sell_through.stock_left import Floats
from app.domain.sell_through.target import (
    VERDICT,
    VERDICT_TEXT,
    SellOutVerdict,
    VerdictReason,
    judge_sell_out,
)
from app.services.sell_through.standing import Targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What becomes of one stock.

    Attributes:
        today: the day at whose end it stands as it is.
        stock: units now.
        is_counted: whether that is known at all.
        days: days from today (D,) at whose ends it is looked at.
        demand: units expected to be asked for up to then (D,).
        seen: its outlook, one row.
        low: the units (D,) of which at most so many are left in one case of ten.
        high: the same in nine of ten.
    """

    today: date
    stock: float
    is_counted: bool
    days: Ints
    demand: Floats
    seen: Outlook
    low: Floats
    high: Floats


def course(
    today: date, stock: float, days: Ints, demand: Floats, seen: Outlook, *, is_counted: bool
) -> Course:
    """The course of one stock from its outlook; see `Course`."""
    heap, shape = np.array([stock]), (1, len(days))
    unknown = np.isnan(seen.sold_out[0])
    bounds = [left_quantile(seen.left_at_most, heap, chance, shape=shape)[0] for chance in BAND]
    low, high = (
        np.where(unknown, np.nan, np.minimum.accumulate(bound)) if len(days) else bound
        for bound in bounds
    )
    return Course(
        today=today,
        stock=stock,
        is_counted=is_counted,
        days=days,
        demand=demand,
        seen=seen,
        low=low,
        high=high,
    )


def sell_out_dates(of: Course) -> dict[str, date | None]:
    """The dates at which the stock is gone with a chance of 10, 50 and 90 %; None: not so soon."""
    return {f"p{chance * 100:g}": _sell_out(of, chance) for chance in CHANCES}


def _sell_out(of: Course, chance: float) -> date | None:
    if not of.is_counted:
        return None
    if of.stock <= 0:
        return of.today
    column = int(sell_out_day(of.seen.sold_out, chance)[0])
    return None if column == NEVER else day_after(of.today, float(of.days[column - 1]))


def day_after(today: date, days: float) -> date | None:
    """The day so many days from one; None where it is not known or no calendar has it."""
    if np.isnan(days):
        return None
    ordinal = today.toordinal() + int(days)
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None


def curve(of: Course, *, step_days: int) -> list[dict[str, Any]]:
    """The points of the curve, every so many days."""
    left, gone = of.seen.expected_left[0], of.seen.sold_out[0]
    points = []
    for column, day in enumerate(of.days.tolist()):
        if day % step_days or np.isnan(left[column]):
            continue
        points.append(
            {
                "on": of.today + timedelta(days=day),
                "expected_demand": float(of.demand[column]),
                "expected_left": float(left[column]),
                "left_low": float(of.low[column]),
                "left_high": float(of.high[column]),
                "sold_out_probability": float(gone[column]),
                "sell_through_rate": 1 - float(left[column]) / of.stock if of.stock > 0 else None,
            }
        )
    return points


def told(of: Course, *, step_days: int) -> dict[str, Any]:
    return {"sell_out_on": sell_out_dates(of), "curve": curve(of, step_days=step_days)}


def told_to_the_end(
    of: Course, row: int, by: Targets, forecast: tuple[date, date] | None, *, step_days: int
) -> dict[str, Any]:
    """The same with what the end of the season will see, and the verdict.

    Args:
        of: the course, looked at every day.
        row: whose targets hold for it.
        by: the targets.
        forecast: its first and last day, wherever they lie; None without one.
        step_days: between two points of the curve.
    """
    end, now = by.season_end[row : row + 1], np.array([of.stock])
    day = np.nan_to_num(end).astype(np.int64)
    nothing = np.array([0.0 if of.stock > 0 else 1.0])
    judged = judge_sell_out(
        of.seen.sold_out,
        has_stock=now > 0,
        season_end=end,
        target=by.target[row : row + 1],
        tolerance=by.tolerance[row : row + 1],
        is_outdated=np.array([forecast is not None]),
    )
    dates = sell_out_dates(of)
    target = day_after(of.today, float(by.target[row]))
    half = dates["p50"]
    # a date beyond all that is known is no measure of how early it is gone; often it means none
    is_near = by.target[row] <= np.isfinite(of.seen.sold_out[0]).sum()

    def then(values: Floats, before: Floats) -> float | None:
        if np.isnan(end[0]) or not of.is_counted:
            return None
        return known(at_day(values, day, before)[0])

    return {
        **told(of, step_days=step_days),
        "sold_out_by_season_end_probability": then(of.seen.sold_out, nothing),
        "units_left_at_season_end": then(of.seen.expected_left, now),
        "units_left_low": then(of.low[None], now),
        "units_left_high": then(of.high[None], now),
        "early_probability": known(judged.early[0]),
        "on_time_probability": known(judged.on_time[0]),
        "late_probability": known(judged.late[0]),
        "days_late": (half - target).days if half and is_near and target and of.stock > 0 else None,
        **words(str(judged.reason[0]), today=of.today, forecast=forecast),
    }


def words(
    code: str, *, today: date | None = None, forecast: tuple[date, date] | None = None
) -> dict[str, str]:
    """A verdict and its reason, in Japanese and English too."""
    reason = VerdictReason(code)
    first, last = forecast or (None, None)
    ja, en = (
        sentence.format(today=today, first=first, last=last) for sentence in VERDICT_TEXT[reason]
    )
    return {
        "verdict": VERDICT.get(reason, SellOutVerdict.CANNOT_TELL).value,
        "verdict_reason": reason.value,
        "verdict_ja": ja,
        "verdict_en": en,
    }


def known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def middle_dates(draws: Sequence[Course]) -> dict[str, date | None]:
    """The first and the last of the days on which the draws are gone in one case of two.

    The last is None where one of them is not gone by then.
    """
    dates = [_sell_out(draw, 0.5) for draw in draws]
    gone = [day for day in dates if day is not None]
    return {
        "earliest": min(gone, default=None),
        "latest": max(gone) if len(gone) == len(dates) and gone else None,
    }
