"""What differs between machines. What a merchandiser may change is policy, not a setting."""

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from app.postgres import default_folder

Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda name: name.upper() if isinstance(name, str) else name),
]


class Settings(BaseSettings):
    """Read from the environment, prefix ``ZAIKO_``; an empty value means the default."""

    model_config = SettingsConfigDict(
        env_prefix="ZAIKO_", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    database_url: str | None = Field(
        default=None,
        repr=False,  # it may hold a password
        description="A PostgreSQL >= 15 server; unset means the embedded one.",
    )
    data_dir: Path = Field(default_factory=default_folder)
    timezone: str = "Asia/Tokyo"
    currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        description="Unset: JPY, or GBP while the bundled sample is what is loaded.",
    )
    country: str = Field(
        default="JP",
        pattern=r"^[A-Z]{2,3}$",
        description="Whose holidays the forecast knows, ISO 3166; an unknown one stops its run.",
    )
    upload_limit_mb: int = Field(default=512, gt=0)
    worker_processes: int = Field(default=2, gt=0, le=64)
    pool_size: int = Field(default=10, gt=0, le=100)
    log_level: Level = "INFO"

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):  # a directory's name is an OSError
            raise ValueError(f"there is no time zone '{name}'; one is Asia/Tokyo") from None
        return name

    @field_validator("database_url")
    @classmethod
    def _names_postgresql(cls, url: str | None) -> str | None:
        try:
            is_ours = url is None or make_url(url).get_backend_name() in {"postgresql", "postgres"}
        except (ArgumentError, ValueError):
            is_ours = False
        if not is_ours:
            raise ValueError("it must look like postgresql://user:password@host:5432/database")
        return url

    @field_validator("data_dir")
    @classmethod
    def _from_the_root(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @property
    def uploads(self) -> Path:
        """Where files wait for their import job; API and worker must share it."""
        return self.data_dir / "uploads"

    def uploads_folder(self) -> Path:
        """The same, made if need be: for nobody else's eyes."""
        self.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.uploads
