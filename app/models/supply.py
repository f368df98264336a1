"""Where stock comes from: suppliers (仕入先), and their terms for each SKU (調達条件)."""

from datetime import date

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Supplier(Base, kw_only=True):
    __tablename__ = "supplier"

    supplier_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(default=None)
    order_condition: Mapped[str] = mapped_column(
        default="none", comment="What an order has to reach: none, amount, quantity, weight"
    )
    order_threshold: Mapped[float | None] = mapped_column(default=None, comment="So much of it")
    shipping_free_from: Mapped[float | None] = mapped_column(default=None, comment="Money")
    cutoff_time: Mapped[str | None] = mapped_column(default=None, comment="HH:MM of the order day")
    currency: Mapped[str | None] = mapped_column(default=None)
    payment_terms: Mapped[str | None] = mapped_column(default=None)
    is_listed: Mapped[bool] = mapped_column(default=True)


class Sourcing(Base, kw_only=True):
    """A lane by which a SKU comes to a location; one row a price break."""

    __tablename__ = "sourcing"

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    supplier_id: Mapped[str] = mapped_column(
        primary_key=True, comment="Of a transfer the location that gives"
    )
    location_id: Mapped[str] = mapped_column(primary_key=True, comment="* = all locations")
    lane_type: Mapped[str] = mapped_column(
        primary_key=True, comment="purchase 仕入, transfer 移動, make 製造"
    )
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    price_from_quantity: Mapped[int] = mapped_column(
        Integer, primary_key=True, comment="Units from which unit_price holds"
    )
    effective_to: Mapped[date | None] = mapped_column(default=None)
    priority: Mapped[int] = mapped_column(Integer, default=1, comment="0 = only by hand")
    supplier_sku: Mapped[str | None] = mapped_column(default=None)
    lead_time_days: Mapped[float | None] = mapped_column(default=None, comment="Mean")
    lead_time_sd: Mapped[float | None] = mapped_column(default=None, comment="Days")
    lead_time_samples: Mapped[int | None] = mapped_column(
        Integer, default=None, comment="Receipts that mean and deviation rest on"
    )
    hard_safety_days: Mapped[float | None] = mapped_column(default=None)
    soft_safety_days: Mapped[float | None] = mapped_column(default=None)
    moq: Mapped[int | None] = mapped_column(Integer, default=None)
    lot_size: Mapped[int | None] = mapped_column(Integer, default=None)
    max_quantity: Mapped[int | None] = mapped_column(Integer, default=None)
    rounding: Mapped[str] = mapped_column(default="up", comment="To lots: up, down, nearest")
    batch_window_days: Mapped[int | None] = mapped_column(Integer, default=None)
    fence_days: Mapped[int | None] = mapped_column(Integer, default=None)
    order_weekdays: Mapped[str | None] = mapped_column(default=None)
    closed_days: Mapped[str | None] = mapped_column(
        default=None, comment="On which the supplier neither takes orders nor ships"
    )
    pack_unit: Mapped[str | None] = mapped_column(default=None)
    units_per_pack: Mapped[int | None] = mapped_column(Integer, default=None)
    unit_price: Mapped[float | None] = mapped_column(default=None, comment="Money, ex tax")
    price_break: Mapped[str] = mapped_column(
        default="all_units", comment="Whether unit_price holds for all_units or for those above"
    )
    discount_depth: Mapped[float | None] = mapped_column(default=None, comment="Share off it")
    currency: Mapped[str | None] = mapped_column(default=None)
    capacity: Mapped[int | None] = mapped_column(Integer, default=None, comment="Units a day")
