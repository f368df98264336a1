"""What a run meets in single series that somebody should know; listed under the run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import numpy as np

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.outliers import Damped
from app.domain.forecasting.pieces import SeriesForecasts
from app.domain.forecasting.promotions import Promotions
from app.domain.forecasting.true_demand import TrueDemand


class FindingCode(StrEnum):
    """What was met. Bulk orders and outliers have the codes of `outliers.OutlierCode`."""

    STOCKOUT = "stockout"  # 欠品: part of its demand is estimated
    NEVER_IN_STOCK = "never_in_stock"  # no day with goods: nothing can be learnt from its sales
    PROMOTION = "promotion"  # 販促予定: a known promotion is in the forecast
    BORROWED = "borrowed"  # 新商品: forecast like similar items when they were new
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was met in a series that somebody should know."""

    row: int  # of the piece
    code: str
    detail: dict[str, Any]
    found_on: date | None = None


def of_damped(damped: Damped, calendar: Calendar) -> Iterator[Finding]:
    """Bulk orders and outliers, on the last day of their period."""
    periods = damped.demand.shape[1]
    days = calendar.ends(damped.cells[1] - periods + 1)
    rows = damped.cells[0].tolist()
    for row, day, units, used, code in zip(
        rows, days, damped.units.tolist(), damped.used.tolist(), damped.codes, strict=True
    ):
        detail = {"units": units, "used_units": round(used, 2)}
        yield Finding(row=row, code=code.value, detail=detail, found_on=day.date())


def of_stockouts(estimated: TrueDemand) -> Iterator[Finding]:
    """Series part of whose demand is estimated, and those of which nothing can be."""
    for row in np.flatnonzero(estimated.unmet > 0).tolist():
        detail = {
            "unmet_units": round(float(estimated.unmet[row]), 1),
            "estimated_share": round(float(estimated.estimated_share[row]), 4),
        }
        yield Finding(row=row, code=FindingCode.STOCKOUT, detail=detail)
    for row in np.flatnonzero(estimated.is_all_censored).tolist():
        yield Finding(row=row, code=FindingCode.NEVER_IN_STOCK, detail={})


def of_promotions(promotions: Promotions, calendar: Calendar) -> Iterator[Finding]:
    """Promotions that the forecast knows of, on their first day."""
    for row, first, last, lift in promotions.coming():
        start = calendar.as_of + timedelta(days=calendar.step_days * (first - 1) + 1)
        end = calendar.as_of + timedelta(days=calendar.step_days * last)
        detail = {"last_on": end.isoformat(), "lift": round(lift, 3)}
        yield Finding(row=row, code=FindingCode.PROMOTION, detail=detail, found_on=start)


def of_forecasts(found: SeriesForecasts, borrowed_from: list[str]) -> Iterator[Finding]:
    """New items and from whom they borrow, and failures."""
    for row, failure in enumerate(found.failure):
        if found.reason[row] == MethodReason.BORROWED:
            detail = {"from": borrowed_from[row]}
            yield Finding(row=row, code=FindingCode.BORROWED, detail=detail)
        if failure is not None:
            yield Finding(row=row, code=FindingCode.FAILED, detail={"failure": failure})
