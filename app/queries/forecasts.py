"""Forecasts in force, and the runs that made them."""

from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sqlalchemy import Row, func, select, text, true
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

WHY_NOT = """
    WITH sold AS (
        SELECT location_id, min(sold_on) AS first_on, max(sold_on) AS last_on
        FROM sales_daily WHERE sku_id = :sku_id AND units + units_returned > 0
        GROUP BY location_id
    ), here AS (
        SELECT min(first_on) AS first_on, max(last_on) AS last_on FROM sold
        WHERE CAST(:at AS text) IS NULL OR location_id = :at
    ), elsewhere AS (
        SELECT count(*) AS places, (array_agg(location_id ORDER BY location_id))[1:3] AS named
        FROM sold WHERE location_id <> :at
    ), stock AS (
        SELECT max(on_hand) AS most, (array_agg(on_hand ORDER BY counted_on DESC))[1] AS last
        FROM stock_level
        WHERE sku_id = :sku_id AND (CAST(:at AS text) IS NULL OR location_id = :at)
    ), run AS (
        SELECT as_of FROM forecast_run
        WHERE forecast_run_id = (SELECT max(forecast_run_id) FROM forecast)
    )
    SELECT CASE
        WHEN item_class = 'service' THEN 'it is a service'
        WHEN CAST(:at AS text) IS NOT NULL
             AND NOT EXISTS (SELECT FROM location WHERE location_id = :at)
            THEN format('there is no location %L', CAST(:at AS text))
        WHEN NOT EXISTS (SELECT FROM run) THEN 'no forecast has been made yet'
        WHEN here.first_on IS NULL AND places > 0
            THEN 'it has sold at other locations only: ' || array_to_string(named, ', ')
                 || CASE WHEN places > 3 THEN format(' and %s more', places - 3) ELSE '' END
        WHEN here.first_on IS NULL AND NOT coalesce(stock.most > 0, false)
            THEN 'it has never sold and never been in stock'
                 || CASE WHEN CAST(:at AS text) IS NULL THEN '' ELSE ' there' END
        WHEN here.first_on IS NULL AND stock.last <= 0
            THEN 'it has never sold, and none is in stock by the last count'
        WHEN here.first_on IS NULL
            THEN 'it has never sold; its stock came after the last forecast, was not counted'
                 ' lately, or lies where nothing is sold'
        WHEN here.first_on > (SELECT as_of FROM run)
            THEN format('it first sold on %s, after %s, as of which all is forecast',
                        here.first_on, (SELECT as_of FROM run))
        WHEN here.last_on < (SELECT as_of FROM run) - CAST(:days AS int)
            THEN format('it last sold on %s, before the history looked at', here.last_on)
        ELSE 'no forecast has been made since its sales came'
    END FROM sku, here, elsewhere, stock WHERE sku_id = :sku_id
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


async def why_not_forecast(
    session: AsyncSession, sku_id: str, location_id: str | None, *, sold_within_days: int
) -> str:
    """What a known SKU lacks that a forecast needs; it has to have sold within so many days."""
    known = {"sku_id": sku_id, "at": location_id, "days": sold_within_days}
    return str(await session.scalar(text(WHY_NOT), known))


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
        .where(func.coalesce(ForecastRun.summary["in_force"].as_boolean(), true()))
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
