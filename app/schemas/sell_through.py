"""消化予測: when stock is sold out, what is left of it, and is that in time."""

from datetime import date
from typing import Literal

from pydantic import Field

from app.schemas.common import Body, Money, Quantity, Ratio
from app.schemas.sku import ForecastDayBody, ForecastWeekBody

VerdictName = Literal["early", "on_time", "late", "cannot_tell"]
VerdictReasonName = Literal[
    "sold_out_early",
    "sold_out_on_time",
    "sold_out_late",
    "past_season_end",
    "no_stock",
    "no_season_end",
    "no_forecast",
    "forecast_outdated",
    "beyond_horizon",
    "too_uncertain",
]


class SellOutBody(Body):
    """The first day at whose end the stock is gone with a chance; null: not within the horizon."""

    p10: date | None = Field(description="With a chance of 10 %: hardly sooner")
    p50: date | None = Field(description="With a chance of 50 %")
    p90: date | None = Field(description="With a chance of 90 %: hardly later")


class CurvePointBody(Body):
    on: date = Field(description="At the end of this day")
    expected_demand: Quantity = Field(description="Units asked for up to then, sold or not")
    expected_left: Quantity = Field(description="Units left on average, nothing coming in")
    left_low: Quantity = Field(description="With a chance of 10 % no more than these are left")
    left_high: Quantity = Field(description="With a chance of 90 % no more than these are left")
    sold_out_probability: Ratio
    sell_through_rate: Ratio | None = Field(
        description="消化率: expected share of today's stock that is sold; null without stock"
    )


class CourseBody(Body):
    sell_out_on: SellOutBody = Field(description="完売見込み日")
    curve: list[CurvePointBody]


class OutlookBody(CourseBody):
    """A course up to the end of the season, and the verdict on it."""

    sold_out_by_season_end_probability: Ratio | None = Field(
        description="Null without a season end, or where it lies beyond the horizon"
    )
    units_left_at_season_end: Quantity | None = Field(description="Expected; null as above")
    units_left_low: Quantity | None = Field(description="10 % quantile of the units left then")
    units_left_high: Quantity | None = Field(description="90 % quantile of the units left then")
    early_probability: Ratio | None = Field(
        description="That it is gone before the tolerance around `target_on` begins; where that is"
        " beyond the horizon and the verdict early: by the horizon's end, the least it can be"
    )
    on_time_probability: Ratio | None = Field(
        description="Null where the tolerance ends beyond the horizon, as `late_probability`"
    )
    late_probability: Ratio | None = Field(
        description="That it is still there when the tolerance ends"
    )
    days_late: int | None = Field(
        description="Median sell-out date less `target_on`; negative: early; null: one of them is"
        " not within the horizon, or no target"
    )
    verdict: VerdictName = Field(
        description="early 早期, on_time 適正, late 遅れ: what is more likely than not;"
        " else cannot_tell 判定不能"
    )
    verdict_reason: VerdictReasonName
    verdict_ja: str
    verdict_en: str


class FactorBody(Body):
    low: Ratio = Field(description="At the least elastic demand that is likely, or the most")
    middle: Ratio
    high: Ratio


class MiddleDatesBody(Body):
    """Median sell-out dates over the elasticities that are likely."""

    earliest: date | None
    latest: date | None = Field(description="Null: at one of them not within the horizon")


class TrialBody(Body):
    """The discount that was tried; chances are means over three elasticities."""

    depth: Ratio = Field(description="Share off the list price")
    current_depth: Ratio = Field(
        description="That the forecast counts on: of known promotions on their days, else of the"
        " price in force by the verdict (the full price where a promotion runs at `as_of`); the"
        " mean by demand of all days and series"
    )
    elasticity: float = Field(description="価格弾力性 of the policy")
    elasticity_sd: float = Field(description="Its standard deviation; tried at −1.2, 0 and +1.2")
    demand_factor: FactorBody = Field(
        description="Demand then, as a multiple of demand as it is forecast"
    )
    sell_out_p50: MiddleDatesBody


class WhatIfBody(OutlookBody, TrialBody):
    """The outlook at another discount."""


class PlaceWhatIfBody(CourseBody, TrialBody):
    """The course at another discount."""


class StockTargetBody(Body):
    """Whose stock it is, and by when it should be gone."""

    sku_id: str | None = Field(description="Null for a style")
    style_id: str | None = Field(description="商品番号; null for a SKU")
    location_id: str | None = Field(description="Null: all locations")
    as_of: date | None = Field(
        description="The day after which demand begins: of the last count, or of the last sales"
        " the forecast has seen where they are later"
    )
    counted_on: date | None = Field(description="The latest of the counts")
    forecast_run_id: int | None
    horizon_ends_on: date | None = Field(
        description="Nothing is said of what comes after; up to `as_of`: the forecast in force is"
        " outdated"
    )
    skus: int = Field(description="With a stock count or a forecast")
    locations: int
    on_hand: int | None = Field(description="手持在庫, units; null: never counted")
    sold_out_units: int = Field(
        description="It counts as sold out with so many units left: 0 for one SKU at one location;"
        " of several the policy's `sold_out_share` of their stock"
    )
    season_ends_on: date | None = Field(
        description="販売終了日; of several the latest among those in stock"
    )
    target_on: date | None = Field(
        description="適正完売日: the season's end less `clearance_days`; null without an end"
    )
    clearance_days: int | None = Field(description="クリアランス期間, by season or category")
    tolerance_days: int | None = Field(description="Around the target, within which is on time")


class SellThroughBody(OutlookBody, StockTargetBody):
    """The outlook on a SKU's or a style's stock at a location, or at all of them."""

    what_if: WhatIfBody | None = Field(description="Null unless `depth` is asked for")
    data_flags: list[str] = Field(examples=[["derived_stock"]])


class VerdictCountsBody(Body):
    early: int
    on_time: int
    late: int
    cannot_tell: int


class GroupTotalsBody(Body):
    category: str | None = Field(description="Null: all of the location, or no category")
    as_of: date
    skus: int
    on_hand: int = Field(description="手持在庫, units")
    sold_out_units: int = Field(description="It counts as sold out with so many units left")
    horizon_ends_on: date | None
    units_left_at_season_end: Quantity | None = Field(
        description="Expected, of each SKU at its own season's end, added up; null: none has one"
        " within the horizon"
    )
    units_without_season_end: int = Field(description="Stock of SKUs without an end of sales")
    units_beyond_horizon: int = Field(
        description="Stock whose season ends beyond the horizon, or that has no forecast"
    )
    verdicts: VerdictCountsBody = Field(description="SKUs with a stock count, by their verdict")


class PlaceGroupBody(CourseBody, GroupTotalsBody):
    """All stock of a location, or that of one of its categories."""

    what_if: PlaceWhatIfBody | None = Field(description="Null unless `depth` is asked for")
    data_flags: list[str]


class PlaceSellThroughBody(Body):
    location_id: str
    groups: list[PlaceGroupBody] = Field(description="One, or one a category; empty: no stock")


class ListedSellThroughBody(Body):
    """One SKU at one location, as of the last evaluation."""

    sku_id: str
    location_id: str
    name: str | None
    style_id: str | None
    category: str | None
    brand: str | None
    season_code: str | None
    as_of: date
    on_hand: int = Field(description="手持在庫, units")
    sell_out_p10: date | None = Field(description="Gone with a chance of 10 %; null: not so soon")
    sell_out_p50: date | None
    sell_out_p90: date | None
    season_ends_on: date | None
    target_on: date | None = Field(description="適正完売日")
    days_late: int | None
    sold_out_probability: Ratio | None = Field(description="By the end of the season")
    units_left: Quantity | None = Field(
        description="Expected at the end of the season; null: no end within the horizon"
    )
    units_left_low: Quantity | None
    units_left_high: Quantity | None
    value_left: Money | None = Field(description="Units left × unit cost; null without cost")
    late_probability: Ratio | None
    verdict: VerdictName
    verdict_reason: VerdictReasonName
    data_flags: list[str]


class ForecastTotalBody(Body):
    ends_on: date
    mean: Quantity
    quantiles: dict[str, Quantity] = Field(examples=[{"0.05": 80, "0.5": 130, "0.95": 210}])


class StyleForecastBody(Body):
    style_id: str = Field(description="商品番号")
    location_id: str | None = Field(description="Null: all locations")
    forecast_run_id: int
    as_of: date
    skus: int
    locations: int
    weeks: list[ForecastWeekBody]
    days: list[ForecastDayBody] | None = Field(
        description="Asked for by step=day; null otherwise, or where forecasts are by the week"
        " (policy `forecast_step_days`): then flagged as `weekly_forecast`"
    )
    total: ForecastTotalBody = Field(
        description="All days together; its quantiles are no sums of those of days or weeks"
    )
    data_flags: list[str]
