"""Dispositions (在庫判定): each verdict, frozen as it was given."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Computed, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class Disposition(Base, kw_only=True):
    """The answer is stored whole; what lists filter and sort by is drawn from it."""

    __tablename__ = "disposition"
    __table_args__ = (
        Index("ix_disposition_evaluated_on_stake", "evaluated_on", "stake", "sku_id"),
    )

    sku_id: Mapped[str] = mapped_column(primary_key=True)
    location_id: Mapped[str] = mapped_column(primary_key=True)
    evaluated_on: Mapped[date] = mapped_column(primary_key=True)
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)
    decision: Mapped[str] = mapped_column(
        Computed("answer ->> 'decision'", persisted=True), init=False
    )
    stake: Mapped[float] = mapped_column(
        Computed("abs((answer ->> 'advantage')::double precision)", persisted=True),
        init=False,
        comment="Money at stake: the size of the advantage",
    )


class Evaluation(Base, kw_only=True):
    __tablename__ = "evaluation"

    evaluation_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    as_of: Mapped[date]
    policy_version: Mapped[int]
    summary: Mapped[dict[str, Any]]
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
