"""Jobs and imports."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.schemas.common import Body


class JobBody(Body):
    job_id: int
    kind: str = Field(description="import, evaluate, forecast, measure or sample")
    status: Literal["queued", "running", "succeeded", "failed"]
    step: str | None
    done: int
    total: int
    attempts: int = Field(description="More than 1: a worker died on the way")
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobEventBody(JobBody):
    rate: float | None = Field(
        description="Units of `done` a second in the present step; null until known"
    )
    seconds_left: float | None = Field(
        description="Until the present step has reached its `total`; null when not known"
    )


class AcceptedBody(Body):
    job_id: int
    import_id: int | None = Field(description="The import this job runs; null for other jobs")


class ImportBody(Body):
    import_id: int
    kind: str
    file_name: str
    options: dict[str, Any]
    job_id: int | None
    summary: dict[str, Any] | None = Field(
        description=(
            "Counts read, new, changed, same, rejected (and why), held_back, unlisted;"
            " null until done"
        )
    )
    created_at: datetime


class RejectBody(Body):
    row_no: int = Field(description="Data row in the file, from 1; the header does not count")
    column_name: str = Field(description="Our name of the column; empty: the whole row")
    code: str
    value: str | None
    reason_ja: str
    reason_en: str
