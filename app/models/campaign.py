"""Campaigns (販促施策) and what they brought."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Campaign(Base, kw_only=True):
    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="ends_after_it_starts"),)

    campaign_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    name: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    discount_depth: Mapped[float] = mapped_column(comment="Share off the list price")
    fixed_cost: Mapped[float] = mapped_column(default=0.0)
    campaign_code: Mapped[str | None] = mapped_column(
        default=None, unique=True, comment="The back office's own number"
    )
    is_derived: Mapped[bool] = mapped_column(
        default=False, comment="Inferred from prices in the sales, not announced"
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)


class CampaignSku(Base, kw_only=True):
    __tablename__ = "campaign_sku"

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaign.campaign_id", ondelete="CASCADE"), primary_key=True
    )
    sku_id: Mapped[str] = mapped_column(primary_key=True)


class CampaignEffect(Base, kw_only=True):
    __tablename__ = "campaign_effect"

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaign.campaign_id", ondelete="CASCADE"), primary_key=True
    )
    measured_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
    effect: Mapped[dict[str, Any]]
