"""What is sold, and where it lies."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ItemClass(StrEnum):
    STAPLE = "staple"  # 定番: reordered as long as it sells
    SEASONAL = "seasonal"  # シーズン: bought for one season
    SERVICE = "service"  # 送料・手数料など: sold but never stocked


class Sku(Base, kw_only=True):
    __tablename__ = "sku"
    __table_args__ = (
        CheckConstraint("item_class IN ('staple', 'seasonal', 'service')", name="item_class_known"),
    )

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    style_id: Mapped[str | None] = mapped_column(index=True, default=None, comment="商品番号")
    name: Mapped[str | None] = mapped_column(default=None)
    color: Mapped[str | None] = mapped_column(default=None)
    size: Mapped[str | None] = mapped_column(default=None)
    category: Mapped[str | None] = mapped_column(
        default=None, comment="Path, the levels parted by '/'"
    )
    brand: Mapped[str | None] = mapped_column(default=None)
    jan: Mapped[str | None] = mapped_column(default=None, comment="JAN/GTIN as printed")
    season_code: Mapped[str | None] = mapped_column(default=None)
    item_class: Mapped[str] = mapped_column(default=ItemClass.STAPLE)
    list_price: Mapped[float | None] = mapped_column(default=None, comment="Money, ex tax (定価)")
    unit_cost: Mapped[float | None] = mapped_column(default=None, comment="Money, ex tax (原価)")
    is_price_derived: Mapped[bool] = mapped_column(
        default=False, comment="The list price is an assumption drawn from sales"
    )
    is_cost_derived: Mapped[bool] = mapped_column(
        default=False, comment="The unit cost is an assumption, not a purchase price"
    )
    sales_start_on: Mapped[date | None] = mapped_column(default=None)
    sales_end_on: Mapped[date | None] = mapped_column(default=None)
    max_discount_depth: Mapped[float | None] = mapped_column(
        default=None, comment="The deepest discount the brand allows, share of the list price"
    )
    is_listed: Mapped[bool] = mapped_column(
        default=True, comment="False: known from sales or stock only (未登録)"
    )


class PriceHistory(Base, kw_only=True):
    __tablename__ = "price_history"

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    list_price: Mapped[float] = mapped_column(comment="Money, ex tax (定価)")
    selling_price: Mapped[float | None] = mapped_column(
        default=None, comment="Money asked for, ex tax (販売価格)"
    )


class Location(Base, kw_only=True):
    __tablename__ = "location"
    __table_args__ = (
        CheckConstraint(
            "location_type IN ('store', 'ec', 'mall', 'warehouse')", name="location_type_known"
        ),
    )

    location_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(default=None)
    location_type: Mapped[str] = mapped_column(default="store", comment="店舗/EC/モール/倉庫")
    channel: Mapped[str] = mapped_column(default="store", comment="販路")
    is_listed: Mapped[bool] = mapped_column(default=True)
