"""Forecast runs 需要予測の実行: what was asked, what came of it, how near it was."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.common import Body, Day, Id, Ratio

LONGEST_WEEKS = 104
FindingName = Literal[
    "bulk_order", "outlier", "stockout", "never_in_stock", "promotion", "borrowed", "failed"
]


class ForecastRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"sku_ids": ["85123A"]}]}
    )

    sku_ids: list[Id] | None = Field(
        default=None, min_length=1, max_length=10_000, description="Only these; null: all SKUs"
    )
    location_ids: list[Id] | None = Field(
        default=None, min_length=1, max_length=1_000, description="Only these; null: all 拠点"
    )
    horizon_weeks: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=LONGEST_WEEKS,
        description="How far ahead; null: as far as the policy needs",
    )
    as_of: Day | None = Field(
        default=None,
        description="Last day of history, not after today; null: the last day with sales. One"
        " before that of the forecasts in force replaces them all the same, by older ones",
    )
    in_force: bool = Field(
        default=True,
        strict=True,
        description="false, as for a test in the past: accuracy and findings are kept, but the"
        " forecasts in force stay",
    )


class ForecastRunBody(Body):
    forecast_run_id: int
    status: Literal["running", "finished", "abandoned"] = Field(
        description="finished: its forecasts came into force, unless `summary.in_force` is false;"
        " abandoned: nothing of it did"
    )
    as_of: date = Field(description="Last day of history")
    horizon_weeks: int
    step_days: int = Field(description="Days in a period of the forecast: 1 or 7")
    sku_ids: list[str] | None
    location_ids: list[str] | None
    summary: dict[str, Any] = Field(
        description="Series per class, method and reason; members chosen; audit: the exact"
        " solver against real Prophet on a sample; failures; in_force: whether its forecasts"
        " were put in force"
    )
    created_at: datetime
    finished_at: datetime | None


class AccuracyBody(Body):
    model: str = Field(
        description="ensemble: what is in force; seasonal_naive, moving_average (of 28 days) and"
        " plain_prophet to compare; else a member of the ensemble. All are forecast from the same"
        " cleaned history, times the promotions of the time, which were known"
    )
    demand_class: str = Field(description="all: every class together")
    horizon: str = Field(description="Days ahead, first and last", examples=["1-7"])
    series: int | None = Field(
        description="How many series it is the mean of; periods in which goods ran out are left"
        " out, since nobody knows what was wanted"
    )
    rmsse: Ratio | None = Field(
        description="Root mean squared error over the root mean squared change between periods"
    )
    wape: Ratio | None = Field(description="Absolute error as a share of the units really sold")
    bias: Ratio | None = Field(description="Units forecast too many, as a share of those sold")
    scaled_pinball: Ratio | None = Field(
        description="Of the quantiles, over the mean absolute change between periods"
    )
    coverage: dict[str, Ratio] | None = Field(
        description="Share of periods that stayed at or below the quantile, by level"
    )


class LeadTimeLevelBody(Body):
    coverage: Ratio = Field(description="Share of the series whose demand the stock would have met")
    pinball: Ratio = Field(description="Loss per series, units")
    stock: Ratio = Field(description="Units held per series")
    units: Ratio = Field(description="Units sold per series")


class LeadTimeBody(Body):
    demand_class: str = Field(description="all: every class together")
    days: int = Field(description="Length of the lead time")
    series: int
    levels: dict[str, LeadTimeLevelBody] = Field(description="By service level")


class AccuraciesBody(Body):
    forecast_run_id: int
    as_of: date
    tested_from: date = Field(
        description="First day of the time that had no say in the choice of methods"
    )
    items: list[AccuracyBody]
    lead_times: list[LeadTimeBody] = Field(
        description="Demand over whole lead times: what reorder points rest on. Series whose"
        " goods ran out on the way are left out, which lets stock look a little too safe"
    )


class FindingBody(Body):
    finding_id: int = Field(validation_alias="forecast_finding_id")
    sku_id: str
    location_id: str
    found_on: date | None = Field(description="The day it is about; null: the whole series")
    code: FindingName = Field(
        description="bulk_order, outlier: damped, units and used_units tell; stockout: part of its"
        " demand is estimated; never_in_stock: nothing can be; promotion: one to come is in the"
        " forecast; borrowed: new, and forecast like similar items; failed",
        examples=["failed"],
    )
    detail: dict[str, Any]
