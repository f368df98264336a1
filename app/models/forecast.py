"""Demand forecasts (需要予測)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Identity, Integer, func
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ForecastRun(Base, kw_only=True):
    __tablename__ = "forecast_run"

    forecast_run_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    as_of: Mapped[date] = mapped_column(comment="Last day of history used")
    horizon_weeks: Mapped[int] = mapped_column(Integer)
    summary: Mapped[dict[str, Any]] = mapped_column(comment="Series per method, failures")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)


class Forecast(Base, kw_only=True):
    __tablename__ = "forecast"

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    forecast_run_id: Mapped[int]
    starts_on: Mapped[date] = mapped_column(comment="First day of the first forecast week")
    demand_class: Mapped[str]
    method: Mapped[str]
    method_reason: Mapped[str] = mapped_column(comment="Code: why this method")
    yhat: Mapped[list[float]] = mapped_column(ARRAY(REAL), comment="Mean units per week")
    quantiles: Mapped[list[list[float]]] = mapped_column(
        ARRAY(REAL, dimensions=2),
        comment="Units per week, one row a level of the run's quantile_levels",
    )
    level_cv2: Mapped[float] = mapped_column(
        comment="Squared CV of the demand level, beyond Poisson noise"
    )
    sum_variance: Mapped[list[float]] = mapped_column(
        ARRAY(REAL), comment="Variance of this series' own L-week-sum errors, L = 1, 2, …"
    )
