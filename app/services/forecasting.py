"""Forecast every SKU at every location, and put the forecasts in force."""

import asyncio
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sqlalchemy.ext.asyncio import AsyncSession

from app import compute
from app.domain.demand import weekly_demand
from app.domain.forecast import (
    ForecastMethod,
    ForecastPolicy,
    demand_history,
    forecast_series,
)
from app.models import ForecastRun, RunStatus
from app.queries.forecasts import replace_forecasts
from app.services.jobs import Progress

TINY = 1e-30  # of units a week, and of their variance, neither of which is ever negative
FEW_SERIES = 8  # fitted sooner than another process has loaded Prophet
CHUNK_SERIES = 50  # about two seconds of Prophet: short enough to show progress, long to start


async def forecast_all(
    purchases: pd.DataFrame, progress: Progress, *, as_of: date, horizon: int, processes: int
) -> pd.DataFrame:
    """Weekly forecasts of every series that sold within the history, in worker processes.

    Args:
        purchases: lines with ``sku_id, location_id, sold_on, net_quantity``.
        progress: told the chunks done.
        as_of: last day of history.
        horizon: weeks ahead.
        processes: worker processes.

    Returns:
        One row per series as ``forecast_series`` describes, in key order.
    """
    policy = ForecastPolicy(horizon=horizon)
    loop = asyncio.get_running_loop()

    def compute_all() -> pd.DataFrame:
        first_day = pd.Timestamp(as_of) - pd.Timedelta(weeks=policy.history_weeks)
        recent = purchases[purchases["sold_on"] > first_day]
        sales = pd.DataFrame(
            {
                "sku_id": recent["sku_id"].astype(object),
                "location_id": recent["location_id"].astype(object),
                "sold_on": recent["sold_on"],
                "quantity": recent["net_quantity"],
            }
        )
        series, demand = weekly_demand(sales, as_of=as_of)
        history = demand_history(series, demand, policy)
        is_fitted = (history.series["method"] == ForecastMethod.PROPHET).to_numpy()
        goes_away = is_fitted if is_fitted.sum() > FEW_SERIES else np.zeros_like(is_fitted)
        chunks = list(history.take(goes_away).chunks(CHUNK_SERIES))

        def report(done: int) -> None:
            told = progress("forecasting", done, len(chunks))
            asyncio.run_coroutine_threadsafe(told, loop).result()

        report(0)
        work = partial(forecast_series, as_of=as_of, policy=policy)
        # What needs no fitting takes milliseconds here, and would take seconds to send away;
        # so would a few fits.
        results = [work(history.take(~goes_away))]
        if chunks:
            results += compute.run(work, chunks, processes=processes, progress=report)
        return pd.concat(results).sort_values(["sku_id", "location_id"], ignore_index=True)

    return await asyncio.to_thread(compute_all)


async def save_forecasts(
    session: AsyncSession, forecasts: pd.DataFrame, *, as_of: date, horizon: int
) -> dict[str, Any]:
    """Put forecasts in force; return the run's summary: series per method, failures."""
    summary = {
        "series": len(forecasts),
        "methods": _counts(forecasts["method"]),
        "classes": _counts(forecasts["demand_class"]),
        "quantile_levels": list(ForecastPolicy().quantile_levels),
        "failures": {
            f"{row.sku_id} {row.location_id}": row.failure
            for row in forecasts[forecasts["failure"].notna()].itertuples()
        },
    }
    run = ForecastRun(
        as_of=as_of,
        horizon_weeks=horizon,
        step_days=7,
        status=RunStatus.FINISHED,
        summary=summary,
    )
    rows = pl.DataFrame(
        {
            "sku_id": forecasts["sku_id"].to_list(),
            "location_id": forecasts["location_id"].to_list(),
            "starts_on": [as_of + timedelta(days=1)] * len(forecasts),
            "demand_class": forecasts["demand_class"].astype(str).to_list(),
            "method": forecasts["method"].astype(str).to_list(),
            "method_reason": forecasts["reason"].astype(str).to_list(),
            "yhat": [_array_text(row) for row in forecasts["yhat"]],
            "step_days": [7] * len(forecasts),
            "estimated_share": [0.0] * len(forecasts),
            "failure": forecasts["failure"].to_list(),
            "level_cv2": forecasts["level_cv2"].to_numpy(),
            "sum_variance": [_array_text(row) for row in forecasts["sum_variance"]],
        }
    )
    await replace_forecasts(session, run, rows)
    return {"forecast_run_id": run.forecast_run_id, **summary}


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().items()}


def _array_text(numbers: np.ndarray[Any, Any]) -> str:
    # what has faded further than single precision can tell is nothing
    return "{" + ",".join(f"{n:.6g}" if n > TINY else "0" for n in numbers) + "}"
