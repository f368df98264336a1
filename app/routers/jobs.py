"""Background jobs: how far they are, how they ended."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from app.auth import Caller, Scope
from app.database import Session
from app.models import Job
from app.queries import jobs
from app.routers.access import AnyCaller
from app.routers.missing import UnknownJob
from app.routers.paging import After, Limit, key_of, page_of
from app.schemas.common import Page
from app.schemas.jobs import JobBody
from app.schemas.problem import raises

router = APIRouter(prefix="/jobs", tags=["jobs"])

JobId = Annotated[
    int, Path(ge=1, le=2**62, description="ジョブ番号", openapi_examples={"sample": {"value": 1}})
]

# A job's result and error quote what it worked on.
SEEN_WITH = {
    "import": (Scope.IMPORTS_WRITE,),
    "sample": (Scope.IMPORTS_WRITE,),
    "evaluate": (Scope.FORECAST_READ, Scope.FORECAST_WRITE),
    "forecast": (Scope.FORECAST_READ, Scope.FORECAST_WRITE),
    "measure": (Scope.CAMPAIGNS_READ, Scope.CAMPAIGNS_WRITE),
}


def job_body(job: Job, caller: Caller) -> dict[str, Any]:
    """The job's fields, those left out that the caller may not see."""
    fields = {name: getattr(job, name) for name in JobBody.model_fields}
    scopes = SEEN_WITH[job.kind]
    if any(caller.may(scope) for scope in scopes):
        return fields
    hidden = f"only keys with the scope {' or '.join(scopes)} may read why"
    return {**fields, "result": None, "error": None if job.error is None else hidden}


@router.get("", response_model=Page[JobBody])
async def list_jobs(
    session: Session, caller: AnyCaller, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Jobs, the newest first.

    Result and error are shown to keys that may read or cause what the job works on.
    """
    key = key_of(after, "jobs", int)
    rows = await jobs.jobs_page(session, limit=limit + 1, after=key[0] if key else None)
    page, following = page_of(rows, limit, lambda job: ("jobs", job.job_id))
    return {"items": [job_body(job, caller) for job in page], "next": following}


@router.get("/{job_id}", response_model=JobBody, openapi_extra=raises(UnknownJob))
async def get_job(job_id: JobId, session: Session, caller: AnyCaller) -> dict[str, Any]:
    """A job's progress, and its result or error at the end.

    Result and error are shown to keys that may read or cause what the job works on.
    """
    job = await jobs.job(session, job_id)
    if job is None:
        raise UnknownJob(f"job {job_id} does not exist")
    return job_body(job, caller)
