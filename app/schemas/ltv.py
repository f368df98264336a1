"""Segments, customers, model."""

from datetime import date, datetime

from pydantic import Field

from app.schemas.common import Body, Money, Quantity, Ratio


class SegmentBody(Body):
    segment: str = Field(examples=["loyal_active"])
    segment_ja: str = Field(examples=["優良現役"])
    customers: int = Field(description="Head count")
    high_ltv_customers: int
    mean_ltv: Money
    total_ltv: Money
    revenue: Money = Field(description="Spent so far, net of returns")
    mean_p_alive: Ratio | None = Field(description="Null where the model does not tell (fallback)")


class CpmBody(Body):
    """Where the CPM segments meet; a value on a border belongs to the higher one."""

    steady_days: int = Field(description="First to last purchase: コツコツ, no longer よちよち")
    loyal_days: int = Field(description="First to last purchase: 優良 rather than 流行")
    away_days: int = Field(description="Without a purchase: 離脱")
    high_sales: Money = Field(description="Cumulative spend: beyond コツコツ")


class SegmentsBody(Body):
    items: list[SegmentBody]
    as_of: date | None
    definition: CpmBody | None = Field(description="CPM as LTV-Lab publishes it; from the policy")
    data_flags: list[str]


class CustomerLtvBody(Body):
    customer_id: str
    cpm_segment: str
    cpm_segment_ja: str
    is_high_ltv: bool
    first_sold_on: date
    last_sold_on: date
    purchase_days: int
    revenue: Money
    p_alive: Ratio | None = Field(description="Null where the model does not tell (fallback)")
    expected_purchases: Quantity
    ltv: Money
    ltv_low: Money = Field(description="5 % bound")
    ltv_high: Money = Field(description="95 % bound")


class BackTestBody(Body):
    """What the model would have said before the last weeks, and what then happened."""

    weeks: float
    customers: int
    predicted_purchases: Quantity
    actual_purchases: int
    predicted_spend: Money
    actual_spend: Money
    rank_correlation: Ratio | None = Field(
        description="Spearman, predicted against actual spend; null where all are alike"
    )
    top_decile_share: Ratio = Field(
        description="Of actual spend, by the tenth of customers predicted highest"
    )
    calibration: Ratio = Field(description="Actual over predicted spend, shrunk towards 1")


class BuyerMixBody(Body):
    """How far a SKU's own buyers count against its category's."""

    k: float = Field(description="Effective buyers at which both count alike")
    population_mean: Money = Field(description="LTV of the average buyer")
    customer_sd: Money | None = Field(description="Null where too few buyers tell")


class LtvFitBody(Body):
    name: str = Field(description="bg_nbd, mbg_nbd or fallback")
    params: dict[str, float] = Field(description="r, alpha (weeks), a, b; p, q, v (money)")
    log_likelihood: float | None = Field(description="Null for the fallback")
    customers: int
    repeaters: int
    purchase_days: int
    warnings: list[str] = Field(description="What stood in the way of a better model")
    back_test: BackTestBody | None = Field(description="Null where the history is too short")
    calibration: Ratio = Field(description="Already multiplied into every value")
    total_ltv: Money
    total_low: Money = Field(description="5 % bound")
    total_high: Money = Field(description="95 % bound")
    buyer_mix: BuyerMixBody
    cpm: CpmBody
    is_cost_derived: bool


class LtvModelBody(Body):
    as_of: date
    name: str = Field(description="bg_nbd, mbg_nbd or fallback")
    fit: LtvFitBody = Field(description="Parameters, hold-out calibration, warnings")
    created_at: datetime
