"""Jobs: what runs, how far it is, how it ended."""

from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Job, JobStatus

# The function that procrastinate's own client calls; through our session it is part of the
# transaction that creates the job, so a job is queued exactly when it is recorded.
ENQUEUE = text("""
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
        'zaiko', 'run_job', 0, 'job ' || :job_id, NULL,
        jsonb_build_object('job_id', CAST(:job_id AS bigint)),
        now() + make_interval(secs => :seconds)
    )]::procrastinate_job_to_defer_v1[])
""")


async def job(session: AsyncSession, job_id: int) -> Job | None:
    return await session.get(Job, job_id)


async def jobs_page(session: AsyncSession, *, limit: int, after: int | None) -> list[Job]:
    """Jobs, the newest first."""
    statement = select(Job).order_by(Job.job_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(Job.job_id < after)
    return list(await session.scalars(statement))


async def latest_of(
    session: AsyncSession, kind: str, payload: dict[str, Any], statuses: tuple[JobStatus, ...]
) -> Job | None:
    """The latest job of a kind with this payload that is in one of the states."""
    statement = (
        select(Job)
        .where(Job.kind == kind, Job.payload == payload, Job.status.in_(statuses))
        .order_by(Job.job_id.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def job_with(session: AsyncSession, kind: str, name: str, value: str) -> Job | None:
    """The job of a kind whose payload has this value under this name."""
    statement = select(Job).where(Job.kind == kind, Job.payload[name].astext == value)
    return await session.scalar(statement.order_by(Job.job_id).limit(1))


async def earlier_unfinished(
    session: AsyncSession, job: Job, kinds: tuple[str, ...], *, same: str | None
) -> int | None:
    """The oldest job of these kinds, submitted before this one, that has not ended.

    Of the job's own kind, only those whose payload has the ``same`` value as its own.
    """
    statement = select(func.min(Job.job_id)).where(
        Job.job_id < job.job_id,
        Job.kind.in_(kinds),
        Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]),
    )
    if same is not None:
        statement = statement.where(
            (Job.kind != job.kind) | (Job.payload[same].astext == str(job.payload.get(same)))
        )
    return await session.scalar(statement)


async def enqueue(session: AsyncSession, job_id: int, *, seconds: float = 0.0) -> None:
    """Queue a job, to be taken after so many seconds."""
    await session.execute(ENQUEUE, {"job_id": str(job_id), "seconds": seconds})


async def record_wait(session: AsyncSession, job_id: int, step: str) -> None:
    statement = update(Job).where(Job.job_id == job_id)
    await session.execute(statement.values(status=JobStatus.QUEUED, step=step))


async def start(session: AsyncSession, job_id: int) -> Job:
    """Mark a job as running once more."""
    statement = (
        update(Job)
        .where(Job.job_id == job_id)
        .values(
            status=JobStatus.RUNNING,
            attempts=Job.attempts + 1,
            started_at=func.now(),
            done=0,
            total=0,
            step=None,
            error=None,
        )
        .returning(Job)
    )
    options = {"populate_existing": True}  # the caller may have looked at the job before
    return (await session.scalars(statement, execution_options=options)).one()


async def record_progress(
    session: AsyncSession, job_id: int, *, step: str, done: int, total: int
) -> None:
    statement = update(Job).where(Job.job_id == job_id)
    await session.execute(statement.values(step=step, done=done, total=total))


async def finish(
    session: AsyncSession, job_id: int, *, result: dict[str, Any] | None, error: str | None
) -> None:
    """Record how a job ended: with a result, or with an error sentence."""
    status = JobStatus.FAILED if error is not None else JobStatus.SUCCEEDED
    statement = update(Job).where(Job.job_id == job_id)
    await session.execute(
        statement.values(status=status, result=result, error=error, finished_at=func.now())
    )


async def is_worker_alive(session: AsyncSession, *, within_seconds: float) -> bool:
    """Whether some worker has given a sign of life lately."""
    statement = text(
        "SELECT EXISTS (SELECT 1 FROM procrastinate_workers"
        " WHERE last_heartbeat > now() - make_interval(secs => :seconds))"
    )
    return bool(await session.scalar(statement, {"seconds": within_seconds}))


async def has_succeeded(session: AsyncSession, kind: str) -> bool:
    statement = select(Job.job_id).where(Job.kind == kind, Job.status == JobStatus.SUCCEEDED)
    return await session.scalar(statement.limit(1)) is not None


async def has_foreign_sales(session: AsyncSession) -> bool:
    """Whether there are sales that the sample did not bring."""
    statement = text("""
        SELECT EXISTS (SELECT 1 FROM import_batch
                       WHERE kind = 'sales' AND options ->> 'sample' IS NULL
                         AND CAST(summary ->> 'new' AS bigint) > 0)
    """)
    return bool(await session.scalar(statement))
