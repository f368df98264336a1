"""Campaigns and their effect."""

from datetime import date, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.schemas.common import Body


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

    name: str = Field(min_length=1, max_length=200)
    starts_on: date
    ends_on: date
    discount_depth: float = Field(ge=0, lt=1, description="Share off the list price")
    fixed_cost: float = Field(default=0, ge=0, description="Media, coupons, handling, in money")
    sku_ids: list[str] = Field(min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class CampaignBody(Body):
    campaign_id: int
    name: str
    starts_on: date
    ends_on: date
    discount_depth: float
    fixed_cost: float
    is_derived: bool = Field(description="Inferred from prices in the sales, not announced")
    sku_ids: list[str]
    created_at: datetime


class CampaignEffectBody(Body):
    campaign_id: int
    measured_at: datetime
    effect: dict[str, Any]
