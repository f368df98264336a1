"""Everything at once on one machine: database, worker, sample, service; and back down again."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from app.auth import Scope, create_key, key_is_valid
from app.database import Sessions, connect, sessions_of
from app.models import Job, JobStatus
from app.postgres import running
from app.queries import jobs as job_queries
from app.services import jobs
from app.settings import Settings

STOP_SECONDS = 5.0
POLL_SECONDS = 0.3
WORKER_RESTART_SECONDS = 1.0
console = Console(stderr=True)

Submit: TypeAlias = Callable[[Sessions], Awaitable[int]]
Action: TypeAlias = Callable[[Sessions], Awaitable[None]]


class JobFailed(Exception):
    """A job ended with an error."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the configured database, or of the embedded one, started if need be."""
    if settings.database_url:
        yield settings.database_url
    else:
        with running(settings.data_dir) as url:
            yield url


@contextmanager
def worker(url: str, settings: Settings) -> Iterator[None]:
    """A worker process for the time of the block, started anew whenever it dies."""
    is_over = threading.Event()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / "worker.log").open("ab") as log:
        process = _start_worker(url, log.fileno())

        def watch() -> None:
            nonlocal process
            while not is_over.wait(WORKER_RESTART_SECONDS):
                if process.poll() is not None and not is_over.is_set():
                    process = _start_worker(url, log.fileno())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()
            _stop_group(process)


def _start_worker(url: str, log: int) -> subprocess.Popen[bytes]:
    # A session of its own: the terminal's Ctrl-C reaches us alone, and we stop it in order.
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker", "--with-parent"],
        env={**os.environ, "ZAIKO_DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    """Stop a worker and the processes it started; what it was doing is taken up next time."""
    for stop in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, stop)
        except ProcessLookupError:
            break
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


async def follow(sessions: Sessions, job_id: int, title: str) -> Job:
    """Show a job's progress until it ends: bars on a terminal, lines otherwise.

    Raises:
        JobFailed: with the job's error.
    """
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    rows: dict[str, TaskID] = {}
    current: str | None = None
    with bars:
        while True:
            async with sessions() as session:
                job = await job_queries.job(session, job_id)
            assert job is not None
            if job.step and job.step != current:
                _complete(bars, rows, current)
                current = job.step
                rows[current] = bars.add_task(f"{title}: {current}", total=job.total or None)
                if not console.is_terminal:
                    console.print(f"{title}: {current}")
            if current:
                bars.update(rows[current], completed=job.done, total=job.total or None)
            if job.status == JobStatus.SUCCEEDED:
                _complete(bars, rows, current)
                return job
            if job.status == JobStatus.FAILED:
                raise JobFailed(job.error or "the job failed")
            await asyncio.sleep(POLL_SECONDS)


def _complete(bars: Progress, rows: dict[str, TaskID], step: str | None) -> None:
    if step is not None:
        bars.update(rows[step], completed=1, total=1)


async def prepare_sample(url: str) -> None:
    """Load and evaluate the bundled sample, unless that is done or there are sales of your own."""
    engine = connect(url, pool_size=2)
    sessions = sessions_of(engine)
    try:
        async with sessions.begin() as session:
            if await job_queries.has_succeeded(session, "sample"):
                return
            if await job_queries.has_foreign_sales(session):
                return
            job = await jobs.submit_once(session, "sample", {})
        await follow(sessions, job.job_id, "sample")
    finally:
        await engine.dispose()


async def demo_key(url: str, settings: Settings) -> str:
    """A key to try the service with, the same at every start."""
    file = settings.data_dir / "demo-key"
    engine = connect(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            known = file.read_text().strip() if file.exists() else ""
            if known and await key_is_valid(session, known):
                return known
            scopes = set(Scope) - {Scope.ADMIN}
            key = await create_key(session, "demo", sorted(scopes))
    finally:
        await engine.dispose()
    _write_private(file, key)
    return key


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
        target.write(text + "\n")


async def do_job(url: str, settings: Settings, submit: Submit, title: str) -> dict[str, Any]:
    """Submit a job and follow it; a worker is lent where none is running.

    Raises:
        JobFailed: with the job's error.
    """
    engine = connect(url, pool_size=2)
    sessions = sessions_of(engine)
    try:
        async with sessions() as session:
            is_alive = await job_queries.is_worker_alive(session, within_seconds=10)
        job_id = await submit(sessions)
        with nullcontext() if is_alive else worker(url, settings):
            return (await follow(sessions, job_id, title)).result or {}
    finally:
        await engine.dispose()
