"""Stock (在庫): what was counted, where, when, and what came and went besides sales."""

from datetime import date

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class StockLevel(Base, kw_only=True):
    __tablename__ = "stock_level"
    __table_args__ = (Index("ix_stock_level_location_id_counted_on", "location_id", "counted_on"),)

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    counted_on: Mapped[date] = mapped_column(primary_key=True)
    on_hand: Mapped[int] = mapped_column(Integer, comment="Units (手持在庫)")
    on_order: Mapped[int] = mapped_column(Integer, default=0, comment="Units (発注残)")
    allocated: Mapped[int] = mapped_column(Integer, default=0, comment="Units (引当済)")
    last_received_on: Mapped[date | None] = mapped_column(default=None)
    is_derived: Mapped[bool] = mapped_column(
        default=False, comment="Replayed from sales under an assumption, not counted"
    )
    import_id: Mapped[int]


class StockMovement(Base, kw_only=True):
    __tablename__ = "stock_movement"
    __table_args__ = (Index("ix_stock_movement_sku_id", "sku_id", "location_id", "moved_on"),)

    receipt_id: Mapped[str] = mapped_column(primary_key=True, comment="Number of the slip (伝票)")
    line_key: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    sku_id: Mapped[str]
    moved_on: Mapped[date]
    quantity: Mapped[int] = mapped_column(Integer, comment="Units in; negative: out")
    movement_type: Mapped[str] = mapped_column(
        default="receipt", comment="receipt, transfer, supplier_return, adjustment, loss"
    )
    supplier_id: Mapped[str | None] = mapped_column(default=None)
    unit_cost: Mapped[float | None] = mapped_column(default=None, comment="Money, ex tax")
    import_id: Mapped[int]
