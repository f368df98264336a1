"""Forecasts in force."""

import polars as pl
from sqlalchemy import Row, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Forecast, ForecastRun
from app.queries.staging import copy_rows


async def forecast(
    session: AsyncSession, sku_id: str, location_id: str | None
) -> Row[Forecast, ForecastRun] | None:
    """A SKU's forecast and its run; without a location the one with the largest demand."""
    statement = (
        select(Forecast, ForecastRun)
        .join(ForecastRun, ForecastRun.forecast_run_id == Forecast.forecast_run_id)
        .where(Forecast.sku_id == sku_id)
        .order_by(Forecast.yhat[1].desc(), Forecast.location_id)
        .limit(1)
    )
    if location_id is not None:
        statement = statement.where(Forecast.location_id == location_id)
    return (await session.execute(statement)).one_or_none()


async def next_week(session: AsyncSession, sku_id: str) -> float | None:
    """Mean units expected of a SKU in the first week of its forecast, at all locations."""
    statement = select(func.sum(Forecast.yhat[1])).where(Forecast.sku_id == sku_id)
    units: float | None = await session.scalar(statement)
    return units


async def run_in_force(session: AsyncSession) -> ForecastRun | None:
    statement = select(ForecastRun).order_by(ForecastRun.forecast_run_id.desc()).limit(1)
    return await session.scalar(statement)


async def replace_forecasts(
    session: AsyncSession, run: ForecastRun, forecasts: pl.DataFrame
) -> None:
    """Put a run's forecasts in force instead of those before.

    ``forecasts`` has the columns of the table but the run's number; arrays as their text.
    """
    session.add(run)
    await session.flush()
    await session.execute(delete(Forecast))
    rows = forecasts.with_columns(forecast_run_id=pl.lit(run.forecast_run_id))
    await copy_rows(session, "forecast", rows)
