"""Mapping profiles (取込マッピング): how the retailer's own files are read, versioned."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class MappingProfile(Base, kw_only=True):
    """One version of a profile; never changed, so that an import can be told as it was."""

    __tablename__ = "mapping_profile"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str]
    definition: Mapped[dict[str, Any]] = mapped_column(
        comment="Columns, defaults, units, values and rules, as they were sent"
    )
    note: Mapped[str | None] = mapped_column(default=None)
    created_by: Mapped[str] = mapped_column(comment="Name of the API key")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
