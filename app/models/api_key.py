"""API keys: only the hash is kept."""

from datetime import datetime

from sqlalchemy import Identity, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from app.models.base import Base


class ApiKey(Base, kw_only=True):
    __tablename__ = "api_key"

    api_key_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(comment="First characters, to recognise a key by")
    key_hash: Mapped[bytes] = mapped_column(unique=True, comment="SHA-256 of a 256-bit random key")
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
