"""Stock snapshots (在庫): what was counted, where, when."""

from datetime import date

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class StockLevel(Base, kw_only=True):
    __tablename__ = "stock_level"

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
