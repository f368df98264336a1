"""A stored forecast as it is answered: in weeks or days, with quantiles and accuracy."""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.data_flags import data_flags
from app.domain.forecasting.accuracy import BAND_DAYS
from app.domain.forecasting.method_reason import OF_NEW_ITEMS, MethodReason
from app.domain.forecasting.reason_text import REASON_TEXT
from app.domain.forecasting.settings import ForecastSettings
from app.domain.forecasting.stored import quantiles, totals
from app.models import Forecast, ForecastRun
from app.queries import forecasts
from app.services.forecasting.planning import SOLD_WITHIN_DAYS

LEVELS = ForecastSettings().quantile_levels
WHOLE = "{}-{}".format(*BAND_DAYS[-1])  # the horizon of the backtest that holds all others


async def why_none(session: AsyncSession, sku_id: str, location_id: str | None) -> str:
    """Why a known SKU has no forecast, at a location or at all."""
    return await forecasts.why_not_forecast(
        session, sku_id, location_id, sold_within_days=SOLD_WITHIN_DAYS
    )


async def accuracy_of(session: AsyncSession, forecast: Forecast) -> dict[str, Any] | None:
    """How near the run's forecasts of this demand class came; of all, where that says nothing."""
    for name in (forecast.demand_class, "all"):
        found = await forecasts.accuracy(
            session,
            forecast.forecast_run_id,
            model="ensemble",
            demand_class=name,
            horizon=WHOLE,
        )
        if found is not None:
            return {"demand_class": name, **found}
    return None


def told(
    forecast: Forecast, run: ForecastRun, accuracy: dict[str, Any] | None, *, by_day: bool
) -> dict[str, Any]:
    """The answer about one forecast."""
    reason_ja, reason_en = REASON_TEXT[MethodReason(forecast.method_reason)]
    has_days = by_day and forecast.step_days == 1
    flags = {
        "is_weekly": by_day and not has_days,
        "is_stockout_unknown": forecast.estimated_share is None,
        "is_estimated": bool(forecast.estimated_share),
        "is_new": forecast.method_reason in OF_NEW_ITEMS,
        "is_borrowed": forecast.borrowed_from is not None,
        "has_failed": forecast.failure is not None,
    }
    return {
        "sku_id": forecast.sku_id,
        "location_id": forecast.location_id,
        "forecast_run_id": run.forecast_run_id,
        "demand_class": forecast.demand_class,
        "method": forecast.method,
        "method_reason": forecast.method_reason,
        "method_reason_ja": reason_ja,
        "method_reason_en": reason_en,
        "created_at": run.created_at,
        "as_of": run.as_of,
        "weeks": _spans(forecast, 7, "week_start"),
        "days": _spans(forecast, 1, "day") if has_days else None,
        "accuracy": accuracy,
        "estimated_share": forecast.estimated_share,
        "borrowed_from": forecast.borrowed_from,
        "failure": forecast.failure,
        "data_flags": data_flags(flags),
    }


def _spans(forecast: Forecast, days: int, begins: str) -> list[dict[str, Any]]:
    mean, variance = totals(
        forecast.yhat,
        forecast.sum_variance,
        forecast.promotion_sd,
        step_days=forecast.step_days,
        days=days,
    )
    rows = quantiles(mean, variance, LEVELS)
    return [
        {
            begins: forecast.starts_on + timedelta(days=days * number),
            "mean": units,
            "quantiles": {f"{level:g}": units for level, units in zip(LEVELS, column, strict=True)},
        }
        for number, (units, column) in enumerate(zip(mean.tolist(), rows.T.tolist(), strict=True))
    ]
