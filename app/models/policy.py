"""Policies (判定ポリシー): the merchant's numbers, versioned."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Integer, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class PolicyVersion(Base, kw_only=True):
    __tablename__ = "policy_version"
    __table_args__ = (UniqueConstraint("scope", "version"),)

    policy_version_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    scope: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    overrides: Mapped[dict[str, Any]] = mapped_column(comment="Only what differs from the default")
    note: Mapped[str | None] = mapped_column(default=None)
    created_by: Mapped[str] = mapped_column(comment="Name of the API key")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
