"""Submit background work, and report how far it is."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.models import Job, JobStatus
from app.queries import jobs, queue

Sessions: TypeAlias = async_sessionmaker[AsyncSession]
Progress: TypeAlias = Callable[[str, int, int], Coroutine[Any, Any, None]]  # step, done, total

PROGRESS_SECONDS = 0.3  # a progress bar needs no more, and the job row is not a log
TURN_SECONDS = 1.0  # until a job that has to wait looks again whether it may begin


class TakenOver(Exception):
    """The job was given to another worker, since this one seemed dead."""


async def submit(session: AsyncSession, kind: str, payload: dict[str, Any]) -> Job:
    """Record a job and queue it, both in the session's transaction."""
    job = Job(kind=kind, payload=payload)
    session.add(job)
    await session.flush()
    await jobs.enqueue(session, job.job_id)
    return job


async def submit_once(
    session: AsyncSession, kind: str, payload: dict[str, Any], *, or_join: bool = False
) -> Job:
    """Record and queue a job, unless the same one waits already: then that one.

    One that runs has read what it works on, perhaps before what the caller wants to be in it;
    ``or_join`` says that it will do all the same.
    """
    await queue.submit_alone(session, kind)
    statuses = (JobStatus.QUEUED, *([JobStatus.RUNNING] if or_join else []))
    known = await jobs.latest_of(session, kind, payload, statuses)
    return known or await submit(session, kind, payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a job may begin.

    Attributes:
        after: kinds of jobs that, if submitted earlier, must have ended.
        same: of its own kind, only jobs whose payload has the same value under this name.
    """

    after: tuple[str, ...]
    same: str | None = None


async def start_in_turn(
    session: AsyncSession, job_id: int, turns: Mapping[str, Turn]
) -> Job | None:
    """Begin a job; or put it off, and answer None, while it is not its kind's turn."""
    job = await jobs.job(session, job_id)
    assert job is not None
    turn = turns.get(job.kind, Turn(after=()))
    earlier = await jobs.earlier_unfinished(session, job, turn.after, same=turn.same)
    if earlier is None:
        return await jobs.start(session, job_id)
    await jobs.record_wait(session, job_id, f"waiting for job {earlier}")
    await jobs.enqueue(session, job_id, seconds=TURN_SECONDS)
    return None


async def take_up_again(session: AsyncSession, *, dead_after_seconds: float) -> list[int]:
    """Queue again the jobs whose worker is gone, and those that the queue has lost."""
    lost = await queue.requeue_lost(session, dead_after_seconds=dead_after_seconds)
    forgotten = await queue.forgotten_jobs(session)
    for job_id in forgotten:
        await jobs.enqueue(session, job_id)
    return lost + forgotten


async def finish(
    session: AsyncSession,
    job_id: int,
    attempt: int,
    *,
    result: dict[str, Any] | None,
    error: str | None,
) -> None:
    """Record how this attempt at a job ended.

    Raises:
        TakenOver: another worker has begun the job since.
    """
    await _expect_ours(session, job_id, attempt)
    await jobs.finish(session, job_id, result=result, error=error)


async def _expect_ours(session: AsyncSession, job_id: int, attempt: int) -> None:
    if not await queue.is_ours(session, job_id, attempt):
        raise TakenOver(f"job {job_id} was taken up by another worker")


class ProgressReporter:
    """Writes a job's progress, at most a few times a second, in transactions of its own.

    Args:
        sessions: where to write.
        job_id: whose progress it is.
        attempt: which run of the job this is; a later one ends it.
    """

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], job_id: int, attempt: int
    ) -> None:
        self._sessions = sessions
        self._job_id = job_id
        self._attempt = attempt
        self._step = ""
        self._written_at = 0.0

    async def __call__(self, step: str, done: int, total: int) -> None:
        """Raises TakenOver when the job has become another worker's."""
        now = monotonic()
        is_due = now - self._written_at >= PROGRESS_SECONDS
        if step == self._step and not is_due and done < total:
            return
        self._step, self._written_at = step, now
        async with self._sessions.begin() as session:
            await _expect_ours(session, self._job_id, self._attempt)
            await jobs.record_progress(session, self._job_id, step=step, done=done, total=total)
