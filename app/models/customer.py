"""What customers are worth (LTV), and through which SKUs."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Identity, Integer, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Customer(Base, kw_only=True):
    """What the back office knows of a customer; names and addresses are not asked for."""

    __tablename__ = "customer"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    registered_on: Mapped[date | None] = mapped_column(default=None)
    rank: Mapped[str | None] = mapped_column(default=None)
    prefecture: Mapped[str | None] = mapped_column(default=None)
    gender: Mapped[str | None] = mapped_column(default=None)
    birth_year: Mapped[int | None] = mapped_column(Integer, default=None)
    is_mailable: Mapped[bool] = mapped_column(default=False, comment="May be sent mail (配信可)")
    is_listed: Mapped[bool] = mapped_column(default=True)


class CustomerLtv(Base, kw_only=True):
    __tablename__ = "customer_ltv"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    first_sold_on: Mapped[date]
    last_sold_on: Mapped[date]
    purchase_days: Mapped[int] = mapped_column(Integer)
    revenue: Mapped[float] = mapped_column(comment="Money spent so far, net of returns")
    frequency: Mapped[float] = mapped_column(comment="Repeat purchase days (x)")
    recency: Mapped[float] = mapped_column(comment="Weeks from first to last purchase (t_x)")
    age: Mapped[float] = mapped_column(comment="Weeks from first purchase to as_of (T)")
    monetary_value: Mapped[float] = mapped_column(comment="Margin per repeat purchase day")
    p_alive: Mapped[float]
    expected_purchases: Mapped[float] = mapped_column(comment="Within the horizon")
    ltv: Mapped[float] = mapped_column(comment="Discounted margin expected from now on")
    ltv_low: Mapped[float] = mapped_column(comment="5 % quantile")
    ltv_high: Mapped[float] = mapped_column(comment="95 % quantile")
    cpm_segment: Mapped[str] = mapped_column(index=True)
    is_high_ltv: Mapped[bool]


class LtvModel(Base, kw_only=True):
    __tablename__ = "ltv_model"

    ltv_model_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    as_of: Mapped[date]
    name: Mapped[str]
    fit: Mapped[dict[str, Any]] = mapped_column(
        comment="Parameters, likelihood, hold-out calibration, warnings"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)


class SkuLtv(Base, kw_only=True):
    __tablename__ = "sku_ltv"

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[date]
    buyers: Mapped[int] = mapped_column(Integer)
    effective_buyers: Mapped[float] = mapped_column(comment="Kish's n_eff of the weights")
    buyer_ltv: Mapped[float] = mapped_column(comment="Shrunk buyer-mix LTV per buyer, money")
    standard_error: Mapped[float | None] = mapped_column(
        comment="Null where too few buyers tell how they differ"
    )
    ltv_index: Mapped[float | None] = mapped_column(
        comment="1 = the average buyer; null where that one is worth nothing"
    )
    statement: Mapped[str] = mapped_column(comment="confident, enough or category_average")
    segment_mix: Mapped[dict[str, Any]] = mapped_column(comment="CPM segment: share of buyers")
