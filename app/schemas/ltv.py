"""Segments, customers, model."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from app.schemas.common import Body, Money, Quantity, Ratio


class SegmentBody(Body):
    segment: str = Field(examples=["優良現役"])
    customers: int = Field(description="Head count")
    high_ltv_customers: int
    mean_ltv: Money
    total_ltv: Money
    revenue: Money = Field(description="Spent so far, net of returns")
    mean_p_alive: Ratio


class SegmentsBody(Body):
    items: list[SegmentBody]
    as_of: date | None
    definition: str
    data_flags: list[str]


class CustomerLtvBody(Body):
    customer_id: str
    cpm_segment: str
    is_high_ltv: bool
    first_sold_on: date
    last_sold_on: date
    purchase_days: int
    revenue: Money
    p_alive: Ratio
    expected_purchases: Quantity
    ltv: Money
    ltv_low: Money = Field(description="5 % bound")
    ltv_high: Money = Field(description="95 % bound")


class LtvModelBody(Body):
    as_of: date
    name: str = Field(description="bg_nbd, mbg_nbd or fallback")
    fit: dict[str, Any] = Field(description="Parameters, hold-out calibration, warnings")
    created_at: datetime
