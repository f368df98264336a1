"""Submit background work, and report how far it is."""

from time import monotonic
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.models import Job
from app.queries import jobs

PROGRESS_SECONDS = 0.3  # a progress bar needs no more, and the job row is not a log


async def submit(session: AsyncSession, kind: str, payload: dict[str, Any]) -> Job:
    """Record a job and queue it, both in the session's transaction."""
    job = Job(kind=kind, payload=payload)
    session.add(job)
    await session.flush()
    await jobs.enqueue(session, job.job_id)
    return job


async def submit_once(session: AsyncSession, kind: str, payload: dict[str, Any]) -> Job:
    """Record and queue a job unless one of its kind is waiting or running: then that one."""
    return await jobs.unfinished(session, kind) or await submit(session, kind, payload)


class ProgressReporter:
    """Writes a job's progress, at most a few times a second, in transactions of its own."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], job_id: int) -> None:
        self._sessions = sessions
        self._job_id = job_id
        self._step = ""
        self._written_at = 0.0

    async def __call__(self, step: str, done: int, total: int) -> None:
        now = monotonic()
        is_due = now - self._written_at >= PROGRESS_SECONDS
        if step == self._step and not is_due and done < total:
            return
        self._step, self._written_at = step, now
        async with self._sessions.begin() as session:
            await jobs.record_progress(session, self._job_id, step=step, done=done, total=total)
