"""Campaigns and their effect."""

from datetime import date, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.schemas.common import Body, Day, Id, Money, Number, Quantity, Ratio, Text

LONGEST_DAYS = 366  # the comparison looks at four times as long before it, for every SKU
EARLIEST = date(1970, 1, 1)
LATEST = date(2999, 12, 31)


class CampaignRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Autumn markdown",
                    "starts_on": "2011-09-05",
                    "ends_on": "2011-10-02",
                    "discount_depth": 0.2,
                    "fixed_cost": 0,
                    "sku_ids": ["85123A", "22423"],
                }
            ]
        },
    )

    name: Text = Field(min_length=1, max_length=200)
    starts_on: Day = Field(ge=EARLIEST, le=LATEST)
    ends_on: Day = Field(ge=EARLIEST, le=LATEST, description="The last day; at most 366 in all")
    discount_depth: Number = Field(ge=0, lt=1, description="Share off the list price")
    fixed_cost: Number = Field(
        default=0, ge=0, le=1e12, description="Media, coupons, handling, in money"
    )
    sku_ids: list[Id] = Field(min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        days = (self.ends_on - self.starts_on).days + 1
        if days < 1:
            raise ValueError("ends_on lies before starts_on")
        if days > LONGEST_DAYS:
            raise ValueError(f"a campaign lasts {LONGEST_DAYS} days at most, not {days}")
        return self


class CampaignBody(Body):
    campaign_id: int
    name: str
    starts_on: date
    ends_on: date
    discount_depth: Ratio
    fixed_cost: Money
    is_derived: bool = Field(description="Inferred from prices in the sales, not announced")
    sku_ids: list[str]
    created_at: datetime


class ChangeBody(Body):
    """Sales of the promoted items in one window against what they would have been."""

    observed: Quantity = Field(description="Units sold")
    counterfactual: Quantity | None = Field(description="Units that would have sold")
    units: Quantity | None = Field(description="Units gained; lost where negative")
    interval: tuple[Quantity, Quantity] | None = Field(description="95 %, of `units`")
    standard_error: Quantity | None = Field(description="Of `units`")
    lift: Ratio | None = Field(description="observed ÷ counterfactual − 1")
    lift_interval: tuple[Ratio, Ratio] | None


class AccountsBody(Body):
    """The campaign in units and money, against the counterfactual."""

    incremental_units: Quantity = Field(description="With pull-forward and cannibalisation")
    incremental_revenue: Money
    incremental_margin: Money = Field(description="After the cost of the campaign")
    incremental_margin_interval: tuple[Money, Money] | None = Field(description="95 %")
    pull_forward_units: Quantity = Field(description="需要先食い, at most 0")
    cannibalised_units: Quantity | None = Field(
        description="共食い, negative; a halo is positive; null: not estimated"
    )
    clearance_benefit: Money | None = Field(
        description="Salvage loss and holding cost spared; null: not estimated"
    )
    needless_discount: Money = Field(description="Given on units that full price would have sold")
    needless_share: Ratio | None = Field(description="Of the units sold")
    roi: Ratio | None = Field(description="Incremental margin per money of cost; null without cost")


class DoubtBody(Body):
    code: str = Field(examples=["pre_trend"])
    ja: str
    en: str


class EffectBody(Body):
    """Null is what the sales cannot tell; `why` and `doubts` say so in words."""

    verdict: Literal[
        "effective", "justified_clearance", "needless_discount", "loss", "undecided"
    ] = Field(description="Undecided 判定不能: the sales cannot tell")
    verdict_ja: str
    why: str | None = Field(description="Why nothing could be measured")
    doubts: list[DoubtBody] = Field(description="What speaks against the estimate")
    method: str | None
    campaign: ChangeBody | None
    aftermath: ChangeBody | None = Field(description="As long again, as far as sales are known")
    p_value: Ratio | None = Field(description="Of the lift, two-sided")
    pre_trend_p_value: Ratio | None = Field(
        description="Small: promoted items and controls went apart before the campaign already"
    )
    treated_skus: int | None
    control_skus: int | None
    pre_days: int | None = Field(description="Days before the campaign that were compared")
    break_even_multiple: Ratio | None = Field(
        description="Times the usual sales from which the campaign pays"
    )
    accounts: AccountsBody | None
    data_flags: list[str] = Field(examples=[["derived_campaign", "derived_cost"]])


class CampaignEffectBody(Body):
    campaign_id: int
    measured_at: datetime
    effect: EffectBody
