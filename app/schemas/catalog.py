"""Master data: where things lie, who supplies them, at which prices and terms."""

from datetime import date

from pydantic import Field

from app.schemas.common import Body, Quantity, Ratio, UnitMoney


class LocationBody(Body):
    location_id: str
    name: str | None
    location_type: str = Field(description="store 店舗, ec, mall モール, warehouse 倉庫")
    channel: str = Field(description="販路")
    is_listed: bool = Field(description="False: known from sales or stock only (未登録)")


class SupplierBody(Body):
    supplier_id: str
    name: str | None
    order_condition: str = Field(
        description="What an order has to reach: none, amount, quantity, weight"
    )
    order_threshold: float | None = Field(description="So much of it")
    shipping_free_from: UnitMoney | None
    cutoff_time: str | None = Field(description="HH:MM of the order day")
    currency: str | None
    payment_terms: str | None
    is_listed: bool = Field(description="False: known from sourcing or receipts only (未登録)")


class PriceBody(Body):
    valid_from: date
    list_price: UnitMoney = Field(description="定価, ex tax")
    selling_price: UnitMoney | None = Field(description="販売価格, ex tax")


class SourcingBody(Body):
    """A lane by which the SKU comes to a location, at one of its price breaks."""

    supplier_id: str = Field(description="Of a transfer the location that gives")
    location_id: str = Field(description="* = all locations")
    lane_type: str = Field(description="purchase 仕入, transfer 移動, make 製造")
    effective_from: date
    effective_to: date | None
    price_from_quantity: int = Field(description="Units from which unit_price holds")
    unit_price: UnitMoney | None = Field(description="Ex tax")
    discount_depth: Ratio | None = Field(description="Share off it")
    currency: str | None
    priority: int = Field(description="0 = only by hand")
    supplier_sku: str | None
    lead_time_days: Quantity | None = Field(description="Mean")
    lead_time_sd: Quantity | None = Field(description="Days")
    hard_safety_days: Quantity | None
    soft_safety_days: Quantity | None
    moq: int | None = Field(description="最小発注数")
    lot_size: int | None = Field(description="発注単位")
    max_quantity: int | None
    rounding: str = Field(description="To lots: up, down, nearest")
    batch_window_days: int | None
    fence_days: int | None
    order_weekdays: str | None
    pack_unit: str | None
    units_per_pack: int | None
    capacity: int | None = Field(description="Units a day")
