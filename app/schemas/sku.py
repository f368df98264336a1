"""One SKU: verdict, forecast, buyers' LTV."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from app.schemas.common import Body, Money, Quantity, Ratio

DecisionName = Literal["sell", "hold", "watch", "none"]


class ReasonBody(Body):
    code: str = Field(examples=["cash"])
    points: float = Field(description="Adds to the sell score; 50 + all points = sell_score")
    amount: Money = Field(description="Money, selling now against holding")
    ja: str
    en: str


class ActionBody(Body):
    kind: Literal["markdown", "liquidate", "hold", "restore", "review", "none"] = Field(
        description="restore: back to the full price; liquidate: past its end, markdowns fail"
    )
    depth: Ratio | None = Field(description="Share off the list price to set now")
    start_on: date | None
    then_depth: Ratio | None = Field(description="Depth to go to later, if the plan has two steps")
    then_on: date | None
    target_segments: list[str] = Field(description="CPM segments worth holding the stock for")
    expected_units_sold: Quantity = Field(description="Within the horizon, if followed")
    expected_units_left: Quantity
    ja: str
    en: str


class DispositionBody(Body):
    sku_id: str
    location_id: str
    decision: DecisionName = Field(description="sell 売り切り, hold 寝かせる, watch 様子見, none")
    sell_score: float = Field(ge=0, le=100)
    hold_score: float = Field(ge=0, le=100)
    advantage: Money = Field(description="Present value of the best sale less the best hold")
    probability_sell: Ratio = Field(description="That selling wins, the elasticity being unsure")
    on_hand: int
    surplus_units: Quantity = Field(description="Units left at the horizon's end at today's price")
    full_price_sellout_probability: Ratio
    is_needless_discount: bool = Field(description="Discounted now, though full price would do")
    current_depth: Ratio
    break_even_discount: Ratio | None = Field(
        description="Deepest cut that, left in force, still beats holding; null: none"
    )
    recommended_action: ActionBody
    review_on: date | None = Field(description="When to look again; null without stock")
    reasons: list[ReasonBody]
    data_flags: list[str] = Field(examples=[["derived_stock", "derived_cost"]])
    segments_as_of: date | None
    evaluated_on: date
    policy_version: int = Field(description="0: the defaults")
    input_hash: str = Field(description="Same inputs, same hash")
    currency: str


class ForecastWeekBody(Body):
    week_start: date
    mean: Quantity
    quantiles: dict[str, Quantity] = Field(examples=[{"0.05": 3, "0.5": 11, "0.95": 25}])


class ForecastDayBody(Body):
    day: date
    mean: Quantity
    quantiles: dict[str, Quantity] = Field(examples=[{"0.05": 0, "0.5": 1, "0.95": 4}])


class ForecastAccuracyBody(Body):
    """How near forecasts of this demand class came to the last four weeks, in this run."""

    demand_class: str = Field(description="all: where its class alone has nothing to tell")
    series: int | None
    rmsse: Ratio | None
    wape: Ratio | None
    bias: Ratio | None


class ForecastBody(Body):
    sku_id: str
    location_id: str
    forecast_run_id: int
    demand_class: Literal["smooth", "erratic", "intermittent", "lumpy", "new", "inactive"] = Field(
        description="Syntetos–Boylan, and two cases in which there is no pattern yet"
    )
    method: str = Field(
        description="Whose mean it is; the reason says why", examples=["prophet+top_down+tsb"]
    )
    method_reason: str
    method_reason_ja: str
    method_reason_en: str
    created_at: datetime
    as_of: date
    weeks: list[ForecastWeekBody]
    days: list[ForecastDayBody] | None = Field(
        description="Asked for by step=day; null otherwise, or where forecasts are by the week"
        " (policy `forecast_step_days`): then flagged as `weekly_forecast`"
    )
    accuracy: ForecastAccuracyBody | None = Field(
        description="Null where the history is too short to tell"
    )
    estimated_share: Ratio | None = Field(
        description="Share of the history's demand that is estimated, since stock was out; null:"
        " stock is not counted often enough to know"
    )
    borrowed_from: str | None = Field(
        description="Of a new item, the items from whose sales it is forecast"
    )
    failure: str | None = Field(description="Why a simpler method stands in; null: nothing failed")
    data_flags: list[str] = Field(examples=[["estimated_demand"]])


class SkuLtvBody(Body):
    sku_id: str
    as_of: date
    buyers: int = Field(description="Identified customers who bought it")
    effective_buyers: Quantity = Field(description="Kish's n_eff of the recency weights")
    buyer_ltv: Money = Field(description="Mean LTV of its buyers, shrunk to the category's")
    buyer_ltv_low: Money | None = Field(description="5 % bound; null: too few buyers to tell")
    buyer_ltv_high: Money | None = Field(description="95 % bound; null: too few buyers to tell")
    ltv_index: Ratio | None = Field(
        description="Against the average buyer; 1 = average, null where that one is worth nothing"
    )
    statement: Literal["confident", "enough", "category_average"] = Field(
        description="Whether its own buyers carry it; else カテゴリ平均で代用"
    )
    segment_mix: dict[str, Ratio] = Field(description="CPM segment: share of its buyers")
    data_flags: list[str]
