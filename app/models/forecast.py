"""Demand forecasts (需要予測): those in force, and the runs that make them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, Integer, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from app.models.base import Base


class RunStatus(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"  # its forecasts came into force
    ABANDONED = "abandoned"  # it was killed or failed; nothing of it came into force


class ForecastRun(Base, kw_only=True):
    __tablename__ = "forecast_run"

    forecast_run_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    as_of: Mapped[date] = mapped_column(comment="Last day of history used")
    horizon_weeks: Mapped[int] = mapped_column(Integer)
    step_days: Mapped[int] = mapped_column(Integer, comment="Days in a period: 1 or 7")
    status: Mapped[str] = mapped_column(default=RunStatus.RUNNING)
    sku_ids: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), default=None, comment="Only these SKUs; null: all"
    )
    location_ids: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), default=None, comment="Only these locations; null: all"
    )
    summary: Mapped[dict[str, Any]] = mapped_column(
        default_factory=dict, comment="Series per class, members chosen and why, failures"
    )
    choice: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        default=None,
        comment="What each class is forecast by; kept for runs of some series",
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class Forecast(Base, kw_only=True):
    """The forecast in force of one series, in periods of ``step_days`` from ``starts_on``.

    Quantiles follow from mean and variance: the negative binomial distribution with both.
    """

    __tablename__ = "forecast"

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    forecast_run_id: Mapped[int] = mapped_column(index=True)
    starts_on: Mapped[date] = mapped_column(comment="First day of the first period")
    step_days: Mapped[int] = mapped_column(Integer, comment="Days in a period: 1 or 7")
    demand_class: Mapped[str]
    method: Mapped[str] = mapped_column(comment="Members of the mean, joined by +")
    method_reason: Mapped[str] = mapped_column(comment="Code: why this method")
    yhat: Mapped[list[float]] = mapped_column(ARRAY(REAL), comment="Mean units per period")
    sum_variance: Mapped[list[float]] = mapped_column(
        ARRAY(REAL), comment="Variance of this series' own L-period-sum errors, L = 1, 2, …"
    )
    level_cv2: Mapped[float] = mapped_column(
        comment="Squared CV of the demand level, beyond Poisson noise"
    )
    promotion_depth: Mapped[list[float] | None] = mapped_column(
        ARRAY(REAL),
        default=None,
        comment="Discount depth of the promotion in the period that ends on as_of, and in each to"
        " come; null: none is known",
    )
    promotion_sd: Mapped[list[float] | None] = mapped_column(
        ARRAY(REAL),
        default=None,
        comment="How far its unsure effect moves each period, all alike; within sum_variance",
    )
    estimated_share: Mapped[float | None] = mapped_column(
        REAL,
        comment="Share of the history's demand that is estimated, for want of stock; null:"
        " stock is not counted often enough to know",
    )
    borrowed_from: Mapped[str | None] = mapped_column(
        default=None, comment="The items from whose sales a new one is forecast"
    )
    failure: Mapped[str | None] = mapped_column(
        default=None, comment="Why a simpler method stands in"
    )


class ForecastSeries(Base, kw_only=True):
    """The plan of a run: every series with its number, in key order; gone when the run ends."""

    __tablename__ = "forecast_series"

    forecast_run_id: Mapped[int] = mapped_column(
        ForeignKey("forecast_run.forecast_run_id", ondelete="CASCADE"), primary_key=True
    )
    series_number: Mapped[int] = mapped_column(Integer, primary_key=True, comment="From 0")
    sku_id: Mapped[str]
    location_id: Mapped[str]
    group_number: Mapped[int] = mapped_column(
        Integer, comment="Location and top-level category, from 0"
    )
    first_sold_on: Mapped[date | None] = mapped_column(comment="Null: never sold")


class ForecastPartition(Base, kw_only=True):
    """Series that are forecast at once, by one worker; gone when the run ends."""

    __tablename__ = "forecast_partition"

    forecast_run_id: Mapped[int] = mapped_column(
        ForeignKey("forecast_run.forecast_run_id", ondelete="CASCADE"), primary_key=True
    )
    partition_number: Mapped[int] = mapped_column(Integer, primary_key=True, comment="From 0")
    first_number: Mapped[int] = mapped_column(Integer, comment="Its first series")
    last_number: Mapped[int] = mapped_column(Integer, comment="Its last series")
    is_done: Mapped[bool] = mapped_column(default=False)


class ForecastDraft(Base, kw_only=True):
    """What the workers of a run write, until all of it comes into force at once."""

    __tablename__ = "forecast_draft"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    forecast_run_id: Mapped[int] = mapped_column(primary_key=True)
    series_number: Mapped[int] = mapped_column(Integer, primary_key=True)
    demand_class: Mapped[str]
    method: Mapped[str]
    method_reason: Mapped[str]
    yhat: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    sum_variance: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    level_cv2: Mapped[float]
    promotion_depth: Mapped[list[float] | None] = mapped_column(ARRAY(REAL), default=None)
    promotion_sd: Mapped[list[float] | None] = mapped_column(ARRAY(REAL), default=None)
    usual_yhat: Mapped[list[float] | None] = mapped_column(
        ARRAY(REAL), default=None, comment="The mean without promotions; null: as yhat"
    )
    estimated_share: Mapped[float | None] = mapped_column(REAL)
    borrowed_from: Mapped[str | None] = mapped_column(default=None)
    failure: Mapped[str | None] = mapped_column(default=None)


class ForecastAccuracy(Base, kw_only=True):
    """How near a model came on the past that the run kept untouched; kept for good."""

    __tablename__ = "forecast_accuracy"

    forecast_run_id: Mapped[int] = mapped_column(
        ForeignKey("forecast_run.forecast_run_id", ondelete="CASCADE"), primary_key=True
    )
    model: Mapped[str] = mapped_column(primary_key=True)
    demand_class: Mapped[str] = mapped_column(primary_key=True, comment="all: every class")
    horizon: Mapped[str] = mapped_column(primary_key=True, comment="Days ahead, as 1-7")
    measures: Mapped[dict[str, Any]] = mapped_column(
        comment="series, rmsse, wape, bias, scaled_pinball, coverage; of lead_time by level"
    )


class ForecastFinding(Base, kw_only=True):
    """What a run met in a series that somebody should know; of the last ten runs."""

    __tablename__ = "forecast_finding"
    __table_args__ = (
        Index(
            "ix_forecast_finding_forecast_run_id", "forecast_run_id", "code", "forecast_finding_id"
        ),
    )

    forecast_finding_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    forecast_run_id: Mapped[int] = mapped_column(
        ForeignKey("forecast_run.forecast_run_id", ondelete="CASCADE")
    )
    series_number: Mapped[int] = mapped_column(Integer)
    sku_id: Mapped[str]
    location_id: Mapped[str]
    found_on: Mapped[date | None] = mapped_column(comment="The day it is about, if one")
    code: Mapped[str]
    detail: Mapped[dict[str, Any]]
