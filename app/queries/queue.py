"""Between our jobs and the queue that runs them: who has a job, and what has nobody."""

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Job, JobStatus

# One statement, so that of two workers that look at the same moment only one acts: the second
# waits for the first and then finds the row no longer "doing".
REQUEUE = text("""
    UPDATE procrastinate_jobs AS queued
    SET status = 'todo', worker_id = NULL, attempts = queued.attempts + 1, scheduled_at = NULL
    WHERE task_name = 'run_job' AND status = 'doing'
      AND NOT EXISTS (SELECT 1 FROM procrastinate_workers AS worker
                      WHERE worker.id = queued.worker_id
                        AND worker.last_heartbeat > now() - make_interval(secs => :seconds))
    RETURNING CAST(args ->> 'job_id' AS bigint)
""")
FORGOTTEN = text("""
    SELECT job_id FROM job
    WHERE status IN ('queued', 'running')
      AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs AS queued
                      WHERE queued.lock = 'job ' || job.job_id
                        AND queued.status IN ('todo', 'doing'))
    FOR UPDATE SKIP LOCKED
""")


async def submit_alone(session: AsyncSession, kind: str) -> None:
    """Let nobody else submit a job of this kind until the transaction ends."""
    lock = text("SELECT pg_advisory_xact_lock(hashtext('submit ' || :kind))")
    await session.execute(lock, {"kind": kind})


async def requeue_lost(session: AsyncSession, *, dead_after_seconds: float) -> list[int]:
    """Queue again the jobs whose worker gives no sign of life; return which."""
    found = await session.scalars(REQUEUE, {"seconds": dead_after_seconds})
    return await _waiting(session, list(found))


async def forgotten_jobs(session: AsyncSession) -> list[int]:
    """Unfinished jobs that no row of the queue stands for; the caller queues them again."""
    return await _waiting(session, list(await session.scalars(FORGOTTEN)))


async def _waiting(session: AsyncSession, job_ids: list[int]) -> list[int]:
    is_running = (Job.job_id.in_(job_ids), Job.status == JobStatus.RUNNING)
    await session.execute(update(Job).where(*is_running).values(status=JobStatus.QUEUED))
    return job_ids


async def is_finished(session: AsyncSession, job_id: int) -> bool:
    """Whether a job has ended, or was removed."""
    status = await session.scalar(select(Job.status).where(Job.job_id == job_id))
    return status not in {JobStatus.QUEUED, JobStatus.RUNNING}


async def is_ours(session: AsyncSession, job_id: int, attempt: int) -> bool:
    """Whether a job is still on this attempt; if so, it stays so until the transaction ends."""
    statement = select(Job.attempts).where(Job.job_id == job_id, Job.status == JobStatus.RUNNING)
    return await session.scalar(statement.with_for_update()) == attempt


async def put_back(session: AsyncSession, job_id: int) -> None:
    """Let a job wait again, as if it had not been begun."""
    statement = update(Job).where(Job.job_id == job_id)
    await session.execute(
        statement.values(status=JobStatus.QUEUED, attempts=Job.attempts - 1, step=None)
    )


async def is_migrated(session: AsyncSession) -> bool:
    """Whether the queue's tables are there."""
    return bool(await session.scalar(text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")))


async def awaited_files(session: AsyncSession) -> set[str]:
    """Names of the uploads that jobs still wait for."""
    statement = text("SELECT payload ->> 'file' FROM job WHERE status IN ('queued', 'running')")
    return {name for name in await session.scalars(statement) if name}
