"""Background jobs: how far they are, how they ended."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from app.auth import CurrentCaller
from app.database import Session
from app.models import Job
from app.queries import jobs
from app.routers.missing import UnknownJob
from app.routers.paging import After, Limit, key_of, page_of
from app.schemas.common import Page
from app.schemas.jobs import JobBody
from app.schemas.problem import raises

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("", response_model=Page[JobBody])
async def list_jobs(
    session: Session, _: CurrentCaller, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Jobs, the newest first."""
    key = key_of(after, "jobs", int)
    rows = await jobs.jobs_page(session, limit=limit + 1, after=key[0] if key else None)
    page, following = page_of(rows, limit, lambda job: ("jobs", job.job_id))
    return {"items": page, "next": following}


@router.get("/{job_id}", response_model=JobBody, openapi_extra=raises(UnknownJob))
async def get_job(
    job_id: Annotated[
        int,
        Path(ge=1, le=2**62, description="ジョブ番号", openapi_examples={"sample": {"value": 1}}),
    ],
    session: Session,
    _: CurrentCaller,
) -> Job:
    """A job's progress, and its result or error at the end."""
    job = await jobs.job(session, job_id)
    if job is None:
        raise UnknownJob(f"job {job_id} does not exist")
    return job
