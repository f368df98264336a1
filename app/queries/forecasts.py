"""Forecasts in force, and the runs that made them."""

from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Forecast, ForecastAccuracy, ForecastFinding, ForecastRun, RunStatus
from app.queries.binary_copy import elements, reals_of
from app.queries.history import copied

FIRST_WEEK = "(SELECT sum(y) FROM unnest(forecast.yhat[1:7 / forecast.step_days]) AS y)"
NEXT_WEEK = f"SELECT sum({FIRST_WEEK}) FROM forecast WHERE sku_id = :sku_id"
DRAFT_KEYS = """
    SELECT sku_id, location_id, level_cv2
    FROM forecast_draft JOIN forecast_series USING (forecast_run_id, series_number)
    WHERE forecast_run_id = $1 ORDER BY series_number
"""
# Verdicts try prices of their own, so they start from demand at the usual one.
DRAFT_MEANS = """
    SELECT coalesce(usual_yhat, yhat) FROM forecast_draft
    WHERE forecast_run_id = $1 ORDER BY series_number
"""


async def forecast(
    session: AsyncSession, sku_id: str, location_id: str | None
) -> Row[Forecast, ForecastRun] | None:
    """A SKU's forecast and its run; without a location that of the largest first week."""
    statement = (
        select(Forecast, ForecastRun)
        .join(ForecastRun, ForecastRun.forecast_run_id == Forecast.forecast_run_id)
        .where(Forecast.sku_id == sku_id)
        .order_by(text(f"{FIRST_WEEK} DESC"), Forecast.location_id)
        .limit(1)
    )
    if location_id is not None:
        statement = statement.where(Forecast.location_id == location_id)
    return (await session.execute(statement)).one_or_none()


async def next_week(session: AsyncSession, sku_id: str) -> float | None:
    """Mean units expected of a SKU in the first week of its forecast, at all locations."""
    units: float | None = await session.scalar(text(NEXT_WEEK), {"sku_id": sku_id})
    return units


async def run_in_force(session: AsyncSession) -> ForecastRun | None:
    """The last run for all series that came into force."""
    statement = (
        select(ForecastRun)
        .where(ForecastRun.status == RunStatus.FINISHED)
        .where(ForecastRun.sku_ids.is_(None), ForecastRun.location_ids.is_(None))
        .order_by(ForecastRun.forecast_run_id.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def drafted_weeks(
    session: AsyncSession, run_id: int, *, horizon: int, step_days: int
) -> pd.DataFrame:
    """What a run that is not in force yet expects at the usual price, week by week.

    Returns:
        One row per series: ``sku_id``, ``location_id``, ``level_cv2``, ``yhat`` (units a week,
        array) and ``weekly_mean`` (of these).
    """
    text_type = pl.String
    schema = {"sku_id": text_type, "location_id": text_type, "level_cv2": pl.Float64}
    keys = await copied(session, DRAFT_KEYS, run_id, schema=schema)
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    sink = BytesIO()
    await driver.copy_from_query(DRAFT_MEANS, run_id, output=sink, format="binary")
    means = elements(reals_of(sink.getbuffer(), horizon), "values")
    weekly = means.reshape(len(means), -1, 7 // step_days).sum(axis=2)
    return pd.DataFrame(
        {
            "sku_id": keys["sku_id"].to_list(),
            "location_id": keys["location_id"].to_list(),
            "level_cv2": keys["level_cv2"].to_numpy(),
            "yhat": list(weekly),
            "weekly_mean": weekly.mean(axis=1) if weekly.size else np.zeros(len(weekly)),
        }
    )


async def forecast_run(session: AsyncSession, run_id: int) -> ForecastRun | None:
    return await session.get(ForecastRun, run_id)


async def runs_page(session: AsyncSession, *, limit: int, after: int | None) -> list[ForecastRun]:
    """Runs, the newest first."""
    statement = select(ForecastRun).order_by(ForecastRun.forecast_run_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(ForecastRun.forecast_run_id < after)
    return list(await session.scalars(statement))


async def accuracies(session: AsyncSession, run_id: int) -> list[ForecastAccuracy]:
    """All that a run has measured."""
    statement = (
        select(ForecastAccuracy)
        .where(ForecastAccuracy.forecast_run_id == run_id)
        .order_by(ForecastAccuracy.demand_class, ForecastAccuracy.horizon, ForecastAccuracy.model)
    )
    return list(await session.scalars(statement))


async def accuracy(
    session: AsyncSession, run_id: int, *, model: str, demand_class: str, horizon: str
) -> dict[str, Any] | None:
    """What a run has measured of one model, class and horizon."""
    key = (run_id, model, demand_class, horizon)
    found = await session.get(ForecastAccuracy, key)
    return found.measures if found else None


async def findings_page(
    session: AsyncSession, run_id: int, *, code: str | None, limit: int, after: int | None
) -> list[ForecastFinding]:
    """What a run has met, in the order of the series."""
    statement = (
        select(ForecastFinding)
        .where(ForecastFinding.forecast_run_id == run_id)
        .order_by(ForecastFinding.forecast_finding_id)
        .limit(limit)
    )
    if code is not None:
        statement = statement.where(ForecastFinding.code == code)
    if after is not None:
        statement = statement.where(ForecastFinding.forecast_finding_id > after)
    return list(await session.scalars(statement))
