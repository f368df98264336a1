"""What differs between machines. What a merchandiser may change is policy, not a setting."""

from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.postgres import default_folder


class Settings(BaseSettings):
    """Read from the environment, prefix ``ZAIKO_``."""

    model_config = SettingsConfigDict(env_prefix="ZAIKO_", frozen=True)

    database_url: str | None = Field(
        default=None, description="A PostgreSQL >= 15 server; unset means the embedded one."
    )
    data_dir: Path = Field(default_factory=default_folder)
    timezone: str = "Asia/Tokyo"
    currency: str = "JPY"
    upload_limit_mb: int = Field(default=512, gt=0)
    worker_processes: int = Field(default=2, gt=0, le=64)
    pool_size: int = Field(default=10, gt=0, le=100)
    log_level: str = "INFO"

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        ZoneInfo(name)
        return name

    @model_validator(mode="after")
    def _database_is_postgresql(self) -> Self:
        if self.database_url and not self.database_url.startswith(("postgresql", "postgres:")):
            raise ValueError("ZAIKO_DATABASE_URL must be a postgresql:// URL")
        return self

    @property
    def uploads(self) -> Path:
        """Where files wait for their import job; API and worker must share it."""
        return self.data_dir / "uploads"
