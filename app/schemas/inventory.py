"""Stock and catalogue."""

from datetime import date

from pydantic import Field

from app.schemas.common import Body, Money, Quantity, Ratio, UnitMoney


class InventoryBody(Body):
    sku_id: str = Field(examples=["85123A"])
    location_id: str = Field(examples=["EC"])
    name: str | None
    style_id: str | None = Field(description="商品番号")
    channel: str = Field(description="販路")
    counted_on: date
    on_hand: int = Field(description="手持在庫, units")
    on_order: int = Field(description="発注残, units")
    allocated: int = Field(description="引当済, units")
    inventory_position: int = Field(description="有効在庫 = on hand + on order − allocated")
    units_sold: int = Field(description="Net units sold in the policy's sell-through weeks")
    sell_through_rate: Ratio | None = Field(description="消化率 = sold ÷ (sold + on hand), 0–1")
    days_of_supply: Quantity | None = Field(description="在庫日数; null when nothing sold")
    age_days: int | None = Field(description="Days since the last receipt")
    last_sold_on: date | None
    value_at_cost: Money | None
    data_flags: list[str] = Field(examples=[["derived_stock", "derived_cost"]])


class SkuBody(Body):
    sku_id: str
    style_id: str | None
    name: str | None
    color: str | None
    size: str | None
    category: str | None
    item_class: str = Field(description="staple 定番, seasonal シーズン, service")
    list_price: UnitMoney | None = Field(description="定価, ex tax")
    unit_cost: UnitMoney | None = Field(description="原価, ex tax")
    sales_end_on: date | None
    is_listed: bool = Field(description="False: known from sales or stock only (未登録)")


class SkuStateBody(SkuBody):
    """The item and its state at a glance."""

    inventory: list[InventoryBody]
    decision: str | None = Field(
        description="The verdict with most money at stake; null where none is in force"
    )
    decision_location_id: str | None = Field(description="Where that verdict holds")
    sell_score: Ratio | None
    weekly_demand: Quantity | None = Field(
        description="Units expected in the next week, all locations; null without a forecast"
    )
    demand_class: str | None = Field(description="At the location that is to sell most")
    buyer_ltv_index: Ratio | None = Field(description="1 = the average buyer")
    data_flags: list[str]


class SalesBody(Body):
    """One group; the keys asked for with ``group_by`` are in ``key``."""

    key: dict[str, str | None] = Field(examples=[{"channel": "ec", "month": "2011-11"}])
    units: int = Field(description="Net of returns")
    units_returned: int
    revenue: Money
    gross_margin: Money | None = Field(description="Null where no item has a unit cost")
    discount: Money = Field(description="Paid below list price, in money")
    data_flags: list[str]
