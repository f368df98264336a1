"""A job's progress as server-sent events: https://html.spec.whatwg.org/#server-sent-events."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response, status
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import Caller, Unauthenticated, authenticate
from app.database import is_lost
from app.domain.pace import Pace, Watch
from app.models import Job, JobStatus
from app.queries import jobs
from app.routers.access import AnyCaller
from app.routers.jobs import JobId, job_body
from app.routers.missing import UnknownJob
from app.routers.streams import TooManyStreams
from app.schemas.jobs import JobEventBody
from app.schemas.problem import raises

router = APIRouter(prefix="/jobs", tags=["jobs"])

LOOK_SECONDS = 0.5
DATABASE_PATIENCE_SECONDS = 30.0
RECONNECT_MILLISECONDS = 2000

LastEventId = Annotated[
    str | None,
    Header(
        max_length=200,
        description="The `id` of the last event seen: what it told is not told again",
        openapi_examples={"none seen yet": {"value": "none"}},
    ),
]
NOTHING_MORE: dict[int | str, dict[str, Any]] = {
    204: {"description": "The job has ended, and the last event seen told so: do not reconnect"}
}


@dataclass(frozen=True, slots=True)
class Opened:
    """What a stream begins with.

    Attributes:
        job: as it is now.
        caller: who looks on.
        told: the id of the last event that the caller has seen.
    """

    job: Job
    caller: Caller
    told: str | None


async def _open(
    request: Request,
    response: Response,
    job_id: JobId,
    caller: AnyCaller,
    last_event_id: LastEventId = None,
) -> AsyncIterator[Opened]:
    """All that may go wrong before the stream begins, when it can still be told as a problem."""
    job = await _look(request, job_id)
    if job is None:
        raise UnknownJob(f"job {job_id} does not exist")
    if _is_ended(job) and _id_of(job) == last_event_id:
        # Browsers reconnect to a stream that has ended, until they are answered this.
        response.status_code = status.HTTP_204_NO_CONTENT
    with request.app.state.streams.place():
        yield Opened(job, caller, last_event_id)


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses=NOTHING_MORE,
    openapi_extra=raises(UnknownJob, TooManyStreams),
)
async def follow_job(
    request: Request, opened: Annotated[Opened, Depends(_open)]
) -> AsyncIterator[JobEventBody]:
    """A job's progress as server-sent events, until it has ended.

    The present state comes at once, as the event `progress`, and again whenever status, step,
    `done` or `total` have changed; how the job ended comes as the event `end`, and the stream
    closes. One that closes without it is to be opened again, with the header `Last-Event-ID`:
    the service has stopped, its database is gone for long, or the key has been revoked. Result and
    error are shown to keys that may read or cause what the job works on.
    """
    job, caller, told = opened.job, opened.caller, opened.told
    watch = Watch()
    while True:
        pace = watch.look((job.attempts, job.step), job.done, job.total, now=monotonic())
        if _id_of(job) != told:
            told = _id_of(job)
            yield _event(job, caller, pace)
        if _is_ended(job):
            return
        found = await _look_again(request, job.job_id)
        if found is None:
            return
        job, caller = found


async def _look(request: Request, job_id: int) -> Job | None:
    """The job now; no connection is kept until the next look."""
    async with AsyncSession(request.app.state.reader, expire_on_commit=False) as session:
        return await jobs.job(session, job_id)


async def _look_again(request: Request, job_id: int) -> tuple[Job, Caller] | None:
    """The job after a while, and who may look on; None if the stream can go on no longer.

    A database that restarts is waited for.
    """
    deadline = monotonic() + DATABASE_PATIENCE_SECONDS
    while monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
        if request.app.state.streams.is_stopping:
            return None
        try:
            caller = await authenticate(request)  # a key may be revoked meanwhile
            job = await _look(request, job_id)
        except Unauthenticated:
            return None
        except Exception as error:
            if not is_lost(error) and not isinstance(error, PoolTimeout):
                raise
        else:
            return None if job is None else (job, caller)
    return None


def _is_ended(job: Job) -> bool:
    return job.status in {JobStatus.SUCCEEDED, JobStatus.FAILED}


def _id_of(job: Job) -> str:
    """The same for every look, at any service, that sees the job in the same state."""
    state = (job.job_id, job.attempts, job.status, job.step, job.done, job.total)
    return hashlib.blake2b(repr(state).encode(), digest_size=8).hexdigest()


def _event(job: Job, caller: Caller, pace: Pace) -> Any:
    """An event; untyped, since FastAPI documents what `follow_job` says it yields, the data."""
    known = pace if job.status == JobStatus.RUNNING else Pace()
    left = known.seconds_left
    body = JobEventBody(
        **job_body(job, caller),
        rate=None if known.rate is None else round(known.rate, 3),
        seconds_left=None if left is None else round(left, 1),
    )
    return ServerSentEvent(
        data=body,
        event="end" if _is_ended(job) else "progress",
        id=_id_of(job),
        retry=RECONNECT_MILLISECONDS,
    )
