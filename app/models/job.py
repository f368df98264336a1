"""Jobs (ジョブ): progress and result of background work, beside the queue that runs it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Identity, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Job(Base, kw_only=True):
    __tablename__ = "job"
    __table_args__ = (
        Index(
            "ix_job_unfinished",
            "job_id",
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
    )

    job_id: Mapped[int] = mapped_column(Identity(), primary_key=True, init=False)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default=JobStatus.QUEUED)
    step: Mapped[str | None] = mapped_column(default=None, comment="What it is doing now")
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
