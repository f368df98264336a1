"""The demand of a style's SKUs together, and how unsure that is by their own past together."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.data_flags import data_flags
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings
from app.domain.forecasting.stored import quantiles
from app.domain.sell_through.days import Demand
from app.domain.sell_through.own_past import dispersion_together
from app.domain.sell_through.stock_left import Floats
from app.queries import sell_through as queries
from app.queries.selection import Selection
from app.queries.sell_through import Row
from app.services.sell_through.items import history_of
from app.services.sell_through.standing import demand_after

LEVELS = ForecastSettings().quantile_levels


async def style_forecast(
    session: AsyncSession, selection: Selection, *, by_day: bool
) -> dict[str, Any] | None:
    """Demand of all SKUs of the selection together; None where none of them has a forecast.

    The mean is the sum of their means. The variance is that of the errors of their total in the
    past, for as many days together as are asked about; never a sum of theirs.
    """
    found = await queries.series_of(session, selection, with_depth=False)
    rows = [row for row in found if row["starts_on"] is not None]
    if not rows:
        return None
    as_of = max(row["starts_on"] for row in rows) - timedelta(days=1)
    history = await history_of(session, selection, found, until=as_of)
    return await asyncio.to_thread(_told, rows, history, as_of, by_day=by_day)


def _told(rows: Sequence[Row], history: Floats, as_of: date, *, by_day: bool) -> dict[str, Any]:
    members = demand_after(rows, [as_of] * len(rows))
    reach = members.reach
    members = Demand(members.mean[:, :reach], members.variance[:, :reach])
    total: Floats = np.nansum(members.mean, axis=0)
    if len(rows) == 1:
        ratio = np.divide(members.variance[0], total, out=np.ones_like(total), where=total > 0)
    else:
        ratio = dispersion_together(history, Calendar(as_of), members, ForecastSettings())
    has_days = by_day and all(row["step_days"] == 1 for row in rows)
    return {
        "forecast_run_id": max(row["forecast_run_id"] for row in rows),
        "as_of": as_of,
        "skus": len({row["sku_id"] for row in rows}),
        "locations": len({row["location_id"] for row in rows}),
        "weeks": _spans(total, ratio, as_of, 7, "week_start"),
        "days": _spans(total, ratio, as_of, 1, "day") if has_days else None,
        "total": _total(total, ratio, as_of),
        "data_flags": data_flags(
            {
                name: any(row[name] for row in rows)
                for name in ("is_estimated", "is_new", "is_borrowed")
            }
            | {"is_weekly": by_day and not has_days}
        ),
    }


def _spans(
    total: Floats, ratio: Floats, as_of: date, days: int, begins: str
) -> list[dict[str, Any]]:
    ends = np.arange(days, len(total) + 1, days)
    mean = np.diff(np.concatenate([[0.0], total[ends - 1]]))
    rows = (
        quantiles(mean, ratio[days - 1] * mean, LEVELS) if len(ends) else np.zeros((len(LEVELS), 0))
    )
    return [
        {
            begins: as_of + timedelta(days=1 + days * number),
            "mean": units,
            "quantiles": _named(column),
        }
        for number, (units, column) in enumerate(zip(mean.tolist(), rows.T.tolist(), strict=True))
    ]


def _total(total: Floats, ratio: Floats, as_of: date) -> dict[str, Any]:
    """Of all days together."""
    mean = total[-1:]
    return {
        "ends_on": as_of + timedelta(days=len(total)),
        "mean": float(mean[0]),
        "quantiles": _named(quantiles(mean, ratio[-1:] * mean, LEVELS)[:, 0].tolist()),
    }


def _named(column: list[float]) -> dict[str, float]:
    return {f"{level:g}": units for level, units in zip(LEVELS, column, strict=True)}
