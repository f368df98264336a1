"""Order lists 発注リスト."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.common import Body, Day, Id, Money, Quantity, UnitMoney


class OrderListRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"item_class": "staple"}]}
    )

    item_class: Literal["staple"] = Field(
        default="staple", description="定番; seasonal lists are not offered yet"
    )
    location_id: Id | None = Field(default=None, description="Null: all locations 拠点")
    as_of: Day | None = Field(
        default=None, description="Stock and demand as of it; default: the last day with data"
    )


class OrderLineBody(Body):
    line_id: int = Field(validation_alias="order_line_id")
    sku_id: str
    name: str | None = Field(description="商品名")
    color: str | None
    size: str | None
    location_id: str
    quantity: int = Field(description="推奨発注数, units")
    needed_quantity: Quantity = Field(description="Before minimum, lot and maximum")
    inventory_position: Quantity
    safety_stock: Quantity = Field(description="安全在庫")
    reorder_point: Quantity = Field(description="発注点")
    order_up_to: Quantity = Field(description="補充点")
    unit_cost: UnitMoney | None
    amount: Money | None
    days_of_supply_before: Quantity | None
    days_of_supply_after: Quantity | None
    reason: str


class OrderListBody(Body):
    order_list_id: int
    item_class: str
    location_id: str | None
    as_of: date
    status: Literal["proposed", "approved"]
    policy_version: int
    summary: dict[str, object] = Field(description="Lines, units, amount; SKUs not ordered, why")
    data_flags: list[str]
    created_at: datetime
    approved_at: datetime | None
    approved_by: str | None


class OrderListWithLinesBody(OrderListBody):
    lines: list[OrderLineBody]
