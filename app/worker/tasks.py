"""Running one job: begun, done, and its end recorded, each exactly once."""

import asyncio
from typing import Any

import psycopg
import structlog
from procrastinate import (
    App,
    BaseRetryStrategy,
    Blueprint,
    JobContext,
    PsycopgConnector,
    RetryDecision,
)
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from sqlalchemy import text

from app.database import Sessions, causes, is_lost, is_out_of_room, libpq_url
from app.models import Job
from app.queries import queue
from app.services import jobs
from app.services.job_kinds import HANDLERS, TOLD_AS_THEY_ARE, TURNS, Workshop, clear_up

DEATH = "leave"  # the context's entry that ends the process; absent where there is none to end
MAX_ATTEMPTS = 5  # a job that has killed its worker so often would do it for ever
FULL = "the disk is full, and nothing was changed: make room, then send it again"
QUEUE_LOST = (psycopg.OperationalError, ConnectorException)

log = structlog.get_logger()
tasks = Blueprint()


class DatabaseLost(Exception):
    """The database went away under a job."""


class AgainWhenStopped(BaseRetryStrategy):
    """Queues a job again when its worker was told to stop, and never otherwise."""

    def get_retry_decision(
        self,
        *,
        exception: BaseException,
        job: QueuedJob,  # noqa: ARG002
    ) -> RetryDecision | None:
        return RetryDecision() if isinstance(exception, asyncio.CancelledError) else None


@tasks.task(name="run_job", queue="zaiko", pass_context=True, retry=AgainWhenStopped())
async def run_job(context: JobContext, job_id: int) -> None:
    """Run one job of our table; it may have been begun before."""
    workshop: Workshop = context.additional_context["workshop"]
    try:
        await _run(workshop, job_id)
    except Exception:
        log.exception("the end of a job cannot be recorded", job_id=job_id)
        if DEATH in context.additional_context:
            context.additional_context[DEATH](1)  # others see that the job has no worker now
        raise


async def _run(workshop: Workshop, job_id: int) -> None:
    async with workshop.sessions.begin() as session:
        if await queue.is_finished(session, job_id):
            return  # its worker died after it had recorded the end, before it told the queue
        job = await jobs.start_in_turn(session, job_id, TURNS)
        if job is None:
            return  # queued again, behind what it waits for
    bound = log.bind(job_id=job_id, kind=job.kind, attempt=job.attempts)
    bound.info("job started")
    try:
        result, error = await _outcome(workshop, job)
        async with workshop.sessions.begin() as session:
            await jobs.finish(session, job_id, job.attempts, result=result, error=error)
    except jobs.TakenOver:
        bound.warning("job was taken up by another worker")
    except asyncio.CancelledError:
        async with workshop.sessions.begin() as session:
            if await queue.is_ours(session, job_id, job.attempts):
                await queue.put_back(session, job_id)
        bound.info("job put back")
        raise
    else:
        clear_up(workshop, job)
        bound.info("job ended", failed=error is not None)  # the error may quote the file


async def _outcome(workshop: Workshop, job: Job) -> tuple[dict[str, Any] | None, str | None]:
    """What a job came to: its result, or the sentence that says why there is none."""
    if job.attempts > MAX_ATTEMPTS:
        return None, f"given up: {MAX_ATTEMPTS} attempts ended with the death of the worker"
    progress = jobs.ProgressReporter(workshop.sessions, job.job_id, job.attempts)
    try:
        return await HANDLERS[job.kind](workshop, progress, job), None
    except TOLD_AS_THEY_ARE as mistake:
        return None, str(mistake)
    except jobs.TakenOver:
        raise
    except Exception as fault:
        if is_out_of_room(fault):
            log.exception("no room left", job_id=job.job_id)
            return None, FULL
        if is_database_lost(fault) or not await _database_answers(workshop.sessions):
            raise DatabaseLost from fault
        log.exception("job failed", job_id=job.job_id)
        first_line = str(fault).partition("\n")[0][:300]
        return None, f"internal error, see the worker's log: {type(fault).__name__}: {first_line}"


def is_database_lost(fault: BaseException) -> bool:
    """Whether an error means that the connection broke, ours or the queue's."""
    return is_lost(fault) or any(isinstance(cause, QUEUE_LOST) for cause in causes(fault))


async def _database_answers(sessions: Sessions) -> bool:
    try:
        async with sessions() as session:
            await session.execute(text("SELECT 1"))
    except Exception:  # noqa: BLE001 - however it fails, that is no answer
        return False
    return True


def queue_of(url: str) -> App:
    """The queue in the database, whose tables live in the schema ``procrastinate``."""
    connector = PsycopgConnector(
        conninfo=libpq_url(url),
        kwargs={"options": "-c search_path=procrastinate"},
        min_size=1,
        max_size=4,
    )
    app = App(connector=connector)
    app.add_tasks_from(tasks, namespace="")
    return app
