"""Sales lines (売上明細)."""

from datetime import date, datetime

from sqlalchemy import Index, Integer, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Sale(Base, kw_only=True):
    __tablename__ = "sale"
    __table_args__ = (
        Index("ix_sale_sku_id_sold_on", "sku_id", "sold_on"),
        Index("ix_sale_sold_on", "sold_on"),
    )

    order_id: Mapped[str] = mapped_column(primary_key=True)
    line_key: Mapped[str] = mapped_column(
        primary_key=True, comment="Line number as given, else SKU and its nth line in the order"
    )
    sku_id: Mapped[str]
    location_id: Mapped[str]
    customer_id: Mapped[str | None] = mapped_column(default=None, comment="Null: guest (非会員)")
    sold_on: Mapped[date] = mapped_column(comment="Business date of the shop")
    sold_at: Mapped[datetime | None] = mapped_column(default=None)
    quantity: Mapped[int] = mapped_column(Integer, comment="Units; negative = return (返品)")
    unit_price: Mapped[float] = mapped_column(
        Numeric(14, 4, asdecimal=False), comment="Money paid per unit, ex tax"
    )
    import_id: Mapped[int]
