"""Stock and catalogue."""

from datetime import date

from pydantic import Field

from app.schemas.catalog import PriceBody, SourcingBody
from app.schemas.common import Body, Quantity, Ratio, UnitMoney


class InventoryBody(Body):
    """A SKU or style at a location, in a channel or everywhere; sums of its SKUs and locations.

    `stock` below means on hand without what is negative. Sales are those of the period.
    """

    sku_id: str | None = Field(examples=["85123A"], description="Null at style level")
    location_id: str | None = Field(examples=["EC"], description="Null unless by location")
    name: str | None
    style_id: str | None = Field(
        description="商品番号; at style level the SKU's own id where it has no style"
    )
    channel: str | None = Field(description="販路; null over all channels")
    category: str | None = Field(description="Null where the SKUs of the row differ")
    brand: str | None
    season_code: str | None
    counted_on: date = Field(description="The latest of the row's counts")
    on_hand: int = Field(description="手持在庫, units")
    on_order: int = Field(description="発注残, units")
    allocated: int = Field(description="引当済, units")
    inventory_position: int = Field(description="有効在庫 = on hand + on order − allocated")
    units_sold: int = Field(description="Net units sold in the period")
    revenue: UnitMoney = Field(description="Net of returns")
    sell_through_rate: Ratio | None = Field(description="消化率 = sold ÷ (sold + stock), 0–1")
    sell_through_value: Ratio | None = Field(
        description="金額消化率, at list price: sold ÷ (sold + stock), 0–1; null without list price"
    )
    days_of_supply: Quantity | None = Field(description="在庫日数; null when nothing sold")
    age_days: int | None = Field(
        description="Days from the last receipt to `as_of`; null where no receipt is known"
    )
    last_received_on: date | None = Field(description="最終入荷日, by the count or the receipts")
    last_sold_on: date | None
    value_at_cost: UnitMoney | None = Field(description="Stock × unit cost; null without cost")
    value_at_list: UnitMoney | None = Field(description="Stock × list price of the day")
    gross_margin: UnitMoney | None = Field(description="粗利 of what sold and has a unit cost")
    gmroi: Ratio | None = Field(
        description="Gross margin of a year at this pace ÷ mean stock at cost (of the counts in the"
        " period, else the last one); null without cost or stock"
    )
    discount_rate: Ratio | None = Field(
        description="値引率 = (list value − revenue) ÷ list value, over units whose list price is"
        " known"
    )
    size_run: Ratio | None = Field(
        description="Share of the style's colours and sizes in stock; null at SKU level"
    )
    missing_sizes: list[str] | None = Field(description="サイズ欠け: those not in stock")
    data_flags: list[str] = Field(examples=[["derived_stock", "derived_cost"]])


class LedgerBody(Body):
    """What happened to a SKU at a location between two counts; movements out are negative."""

    sku_id: str
    location_id: str
    opened_on: date = Field(description="Day of the count before; counts are of the day's end")
    closed_on: date
    opening: int = Field(description="期首在庫: counted then")
    received: int = Field(description="仕入")
    transferred: int = Field(description="移動, in less out")
    returned_to_supplier: int = Field(description="仕入返品, negative")
    adjusted: int = Field(description="調整")
    lost: int = Field(description="ロス, negative")
    sold: int = Field(description="売上, returns not taken off")
    returned: int = Field(description="Customers' returns 返品")
    expected: int = Field(description="理論在庫 = opening + movements − sold + returned")
    counted: int = Field(description="実在庫")
    difference: int = Field(description="差異 = counted − expected")
    data_flags: list[str] = Field(description="derived_stock: one of both was not counted")


class MovementBody(Body):
    """A line of a slip: what came to a location, or went, besides sales."""

    receipt_id: str = Field(description="伝票番号")
    line_key: str = Field(description="The line's number, else SKU and its nth line on the slip")
    sku_id: str
    location_id: str
    moved_on: date
    movement_type: str = Field(
        description="receipt 入荷, transfer 移動, supplier_return 仕入返品, adjustment 調整,"
        " loss 廃棄"
    )
    quantity: int = Field(description="Units in; negative: out")
    supplier_id: str | None
    unit_cost: UnitMoney | None = Field(description="Ex tax")


class SkuBody(Body):
    sku_id: str
    style_id: str | None
    name: str | None
    color: str | None
    size: str | None
    category: str | None
    brand: str | None
    jan: str | None = Field(description="JAN/GTIN as printed")
    season_code: str | None
    item_class: str = Field(description="staple 定番, seasonal シーズン, service")
    list_price: UnitMoney | None = Field(description="定価, ex tax")
    unit_cost: UnitMoney | None = Field(description="原価, ex tax")
    sales_start_on: date | None
    sales_end_on: date | None
    max_discount_depth: Ratio | None = Field(
        description="The deepest discount the brand allows, share of the list price"
    )
    is_listed: bool = Field(description="False: known from sales or stock only (未登録)")


class SkuStateBody(SkuBody):
    """The item and its state at a glance."""

    prices: list[PriceBody] = Field(description="価格履歴, the newest first, 100 at most")
    sourcing: list[SourcingBody] = Field(
        description="調達条件: lanes, an entry a price break, 100 at most"
    )
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
    revenue: UnitMoney
    gross_margin: UnitMoney | None = Field(description="Null where no item has a unit cost")
    gross_margin_rate: Ratio | None = Field(description="粗利率, of the items that have a cost")
    list_value: UnitMoney = Field(description="Units at list price, where it is known")
    discount: UnitMoney = Field(
        description="値引額 = list value − what was paid for the same units"
    )
    discount_rate: Ratio | None = Field(description="値引率 = discount ÷ list value")
    data_flags: list[str]
