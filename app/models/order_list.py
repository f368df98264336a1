"""Order lists (発注リスト): what we propose to buy, and what was agreed."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class OrderStatus(StrEnum):
    PROPOSED = "proposed"  # 提案
    APPROVED = "approved"  # 承認済


class OrderList(Base, kw_only=True):
    __tablename__ = "order_list"

    order_list_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    item_class: Mapped[str]
    location_id: Mapped[str | None] = mapped_column(default=None, comment="Null: all locations")
    as_of: Mapped[date] = mapped_column(comment="Stock and forecast as of this day")
    status: Mapped[str] = mapped_column(default=OrderStatus.PROPOSED)
    policy_version: Mapped[int]
    summary: Mapped[dict[str, Any]] = mapped_column(comment="Lines, units, amount, why not ordered")
    data_flags: Mapped[dict[str, Any]] = mapped_column(comment="Lines resting on derived figures")
    idempotency_key: Mapped[str | None] = mapped_column(default=None, unique=True)
    request_hash: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
    approved_at: Mapped[datetime | None] = mapped_column(default=None)
    approved_by: Mapped[str | None] = mapped_column(default=None, comment="Name of the API key")


class OrderLine(Base, kw_only=True):
    __tablename__ = "order_line"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    order_line_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    order_list_id: Mapped[int] = mapped_column(
        ForeignKey("order_list.order_list_id", ondelete="CASCADE"), index=True
    )
    sku_id: Mapped[str]
    location_id: Mapped[str]
    inventory_position: Mapped[float] = mapped_column(comment="Units (有効在庫)")
    safety_stock: Mapped[float] = mapped_column(comment="Units (安全在庫)")
    reorder_point: Mapped[float] = mapped_column(comment="Units (発注点)")
    order_up_to: Mapped[float] = mapped_column(comment="Units (補充点)")
    needed_quantity: Mapped[float] = mapped_column(comment="Units before MOQ, lot, maximum")
    quantity: Mapped[int] = mapped_column(comment="Units to order (推奨発注数)")
    unit_cost: Mapped[float | None] = mapped_column(default=None)
    amount: Mapped[float | None] = mapped_column(default=None)
    days_of_supply_before: Mapped[float | None] = mapped_column(default=None)
    days_of_supply_after: Mapped[float | None] = mapped_column(default=None)
    reason: Mapped[str] = mapped_column(comment="Code: why this quantity")
