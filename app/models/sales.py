"""Sales lines (売上明細)."""

from datetime import date, datetime

from sqlalchemy import Index, Integer, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Sale(Base, kw_only=True):
    """A line of an order; in partitions by quarter of ``sold_on`` (schema ``history``)."""

    __tablename__ = "sale"
    __table_args__ = (
        Index("ix_sale_sku_id_sold_on", "sku_id", "sold_on"),
        {"postgresql_partition_by": "RANGE (sold_on)"},
    )

    order_id: Mapped[str] = mapped_column(primary_key=True)
    line_key: Mapped[str] = mapped_column(
        primary_key=True, comment="Line number as given, else SKU and its nth line in the order"
    )
    location_id: Mapped[str] = mapped_column(primary_key=True)
    sold_on: Mapped[date] = mapped_column(primary_key=True, comment="Business date of the shop")
    sku_id: Mapped[str]
    customer_id: Mapped[str | None] = mapped_column(default=None, comment="Null: guest (非会員)")
    sold_at: Mapped[datetime | None] = mapped_column(default=None)
    quantity: Mapped[int] = mapped_column(Integer, comment="Units; negative = return (返品)")
    unit_price: Mapped[float] = mapped_column(
        Numeric(14, 4, asdecimal=False), comment="Money paid per unit, ex tax"
    )
    list_price: Mapped[float | None] = mapped_column(
        Numeric(14, 4, asdecimal=False), default=None, comment="As the receipt tells it"
    )
    coupon_code: Mapped[str | None] = mapped_column(default=None)
    campaign_code: Mapped[str | None] = mapped_column(default=None)
    import_id: Mapped[int]


class SalesDaily(Base, kw_only=True):
    """The lines of a day added up; kept in step by every import, in the same partitions."""

    __tablename__ = "sales_daily"
    __table_args__ = (
        Index("ix_sales_daily_sold_on", "sold_on"),
        {"postgresql_partition_by": "RANGE (sold_on)"},
    )

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    sold_on: Mapped[date] = mapped_column(primary_key=True)
    units: Mapped[int] = mapped_column(comment="Net of returns")
    units_returned: Mapped[int]
    revenue: Mapped[float] = mapped_column(Numeric(asdecimal=False), comment="Net, money")
    list_value: Mapped[float] = mapped_column(
        Numeric(asdecimal=False), comment="Units at the list price their line tells, money"
    )
    unpriced_units: Mapped[int] = mapped_column(comment="Net units whose line tells no list price")
    unpriced_revenue: Mapped[float] = mapped_column(
        Numeric(asdecimal=False), comment="And the money paid for them"
    )
