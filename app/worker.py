"""The worker process: takes jobs from the queue in PostgreSQL and runs them.

A job runs at least once. When its worker dies, the job stays marked as being done; a periodic
task finds jobs whose worker gives no sign of life and queues them again.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from time import sleep
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import psycopg
import structlog
from procrastinate import App, Blueprint, JobContext, PsycopgConnector
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from app.database import Sessions, connect, sessions_of
from app.models import Job
from app.queries import jobs as job_queries
from app.services import campaigns, evaluation, importing, jobs, sample
from app.services.import_checks import UnusableColumns
from app.services.import_files import UnreadableFile
from app.settings import Settings

HEARTBEAT_SECONDS = 3.0
DEAD_AFTER_SECONDS = 12.0
MAX_ATTEMPTS = 5  # a job that has killed its worker so often would do it for ever

log = structlog.get_logger()
tasks = Blueprint()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every job may use."""

    sessions: Sessions
    settings: Settings

    def today(self) -> date:
        return datetime.now(ZoneInfo(self.settings.timezone)).date()


Handler: TypeAlias = Callable[[Workshop, jobs.ProgressReporter, Job], Awaitable[dict[str, Any]]]


async def _import(workshop: Workshop, progress: jobs.ProgressReporter, job: Job) -> dict[str, Any]:
    import_id = job.payload["import_id"]
    file = workshop.settings.uploads / job.payload["file"]
    summary = await importing.run_import(
        workshop.sessions,
        progress,
        import_id=import_id,
        file=file,
        today=workshop.today(),
        timezone=workshop.settings.timezone,
        size_limit=workshop.settings.upload_limit_mb * 2**20,
    )
    file.unlink(missing_ok=True)
    return {"import_id": import_id, **summary}


async def _evaluate(
    workshop: Workshop, progress: jobs.ProgressReporter, job: Job
) -> dict[str, Any]:
    as_of = job.payload.get("as_of")
    return await evaluation.evaluate(
        workshop.sessions,
        progress,
        as_of=date.fromisoformat(as_of) if as_of else None,
        processes=workshop.settings.worker_processes,
        currency=workshop.settings.currency,
    )


async def _measure(workshop: Workshop, progress: jobs.ProgressReporter, job: Job) -> dict[str, Any]:
    return await campaigns.measure(
        workshop.sessions, progress, campaign_id=job.payload["campaign_id"]
    )


async def _sample(workshop: Workshop, progress: jobs.ProgressReporter, _: Job) -> dict[str, Any]:
    return await sample.load(
        workshop.sessions,
        progress,
        uploads=workshop.settings.uploads,
        today=workshop.today(),
        timezone=workshop.settings.timezone,
        size_limit=workshop.settings.upload_limit_mb * 2**20,
        processes=workshop.settings.worker_processes,
    )


HANDLERS: dict[str, Handler] = {
    "import": _import,
    "evaluate": _evaluate,
    "measure": _measure,
    "sample": _sample,
}

# Mistakes in what was sent, which the sender can mend: their sentence is the job's error.
TOLD_AS_THEY_ARE = (
    UnreadableFile,
    UnusableColumns,
    importing.NothingLoaded,
    evaluation.NothingToEvaluate,
    campaigns.UnknownCampaign,
)


@tasks.task(name="run_job", queue="zaiko", pass_context=True)
async def run_job(context: JobContext, job_id: int) -> None:
    """Run one job of our table; it may have been begun before."""
    workshop: Workshop = context.additional_context["workshop"]
    bound = log.bind(job_id=job_id)
    async with workshop.sessions.begin() as session:
        job = await job_queries.start(session, job_id)
    result, error = None, None
    if job.attempts > MAX_ATTEMPTS:
        error = f"given up: {MAX_ATTEMPTS} attempts ended with the death of the worker"
    else:
        bound.info("job started", kind=job.kind, attempt=job.attempts)
        progress = jobs.ProgressReporter(workshop.sessions, job_id)
        try:
            result = await HANDLERS[job.kind](workshop, progress, job)
        except TOLD_AS_THEY_ARE as mistake:
            error = str(mistake)
        except (OperationalError, InterfaceError, DBAPIError, OSError) as fault:
            if _is_connection_lost(fault):
                # Nothing can be recorded now; another worker finds the job when this one is gone.
                bound.exception("database lost, worker stops")
                os._exit(1)
            bound.exception("job failed")
            error = _short(fault)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the job must end
            bound.exception("job failed")
            error = f"internal error, see the worker's log: {_short(fault)}"
    async with workshop.sessions.begin() as session:
        await job_queries.finish(session, job_id, result=result, error=error)
    bound.info("job ended", error=error)


def _is_connection_lost(fault: Exception) -> bool:
    return bool(getattr(fault, "connection_invalidated", False)) or isinstance(
        fault, ConnectionError
    )


def _short(fault: Exception) -> str:
    return f"{type(fault).__name__}: {str(fault).splitlines()[0][:300] if str(fault) else ''}"


@tasks.periodic(cron="*/5 * * * * *")
@tasks.task(name="requeue_stalled", queue="zaiko", pass_context=True, queueing_lock="requeue")
async def requeue_stalled(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
    """Queue again the jobs whose worker has died."""
    manager = context.app.job_manager
    for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_SECONDS):
        log.warning("job taken up again", job=stalled.task_kwargs)
        await manager.retry_job(stalled)


def queue_of(url: str) -> App:
    """The queue in the database, whose tables live in the schema ``procrastinate``."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connector = PsycopgConnector(
        conninfo=plain, kwargs={"options": "-c search_path=procrastinate"}, min_size=1, max_size=4
    )
    app = App(connector=connector)
    app.add_tasks_from(tasks, namespace="")
    return app


async def work(url: str, settings: Settings) -> None:
    """Take jobs until told to stop (SIGTERM or SIGINT)."""
    engine = connect(url, pool_size=4)
    workshop = Workshop(sessions=sessions_of(engine), settings=settings)
    queue = queue_of(url)
    async with queue.open_async():
        await queue.run_worker_async(
            queues=["zaiko"],
            concurrency=2,
            wait=True,
            fetch_job_polling_interval=1.0,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=DEAD_AFTER_SECONDS,
            delete_jobs="successful",
            additional_context={"workshop": workshop},
        )
    await engine.dispose()


def stop_with_parent() -> None:
    """End this process when the one that started it is gone, however that died."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(url: str, settings: Settings) -> int:
    """Run a worker; 1 when the database is lost, so that a supervisor starts another."""
    try:
        asyncio.run(work(url, settings))
    except (psycopg.OperationalError, OperationalError, OSError) as error:
        sys.stderr.write(f"zaiko worker: the database does not answer: {error}\n")
        return 1
    return 0
