"""Doing a job from a terminal: bars show how far it is; elsewhere plain lines do."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from time import monotonic
from typing import Any, Self, TypeAlias

import asyncpg
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from sqlalchemy.exc import DBAPIError

from app.database import Sessions, connect, sessions_of
from app.domain.pace import Pace, Watch
from app.launcher.lending import LentWorker
from app.models import Job, JobStatus
from app.queries import jobs as job_queries
from app.settings import Settings

POLL_SECONDS = 0.3
LINE_SECONDS = 10.0  # between two lines about one step, where there is no terminal
UNITS = {"reading": " rows"}  # what a step counts, where that has a name
WORKER_SEEN_WITHIN_SECONDS = 10.0
DATABASE_PATIENCE_SECONDS = 30.0
console = Console(stderr=True)

Submit: TypeAlias = Callable[[Sessions], Awaitable[int]]


class JobFailed(Exception):
    """A job ended with an error."""


def tell(sentence: str) -> None:
    """Say something beside the progress bars."""
    console.print(sentence, style="dim", highlight=False)


class Steps:
    """What a job has done so far, step by step, for whoever looks on.

    Args:
        title: what to call the job.
        console: where to show it.
        clock: tells seconds.
    """

    def __init__(
        self, title: str, console: Console = console, clock: Callable[[], float] = monotonic
    ) -> None:
        self._title = title
        self._console = console
        self._clock = clock
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[pace]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._rows: dict[str, TaskID] = {}
        self._step: str | None = None
        self._total = 1
        self._watch = Watch()
        self._line, self._line_at = "", 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, job: Job) -> None:
        total = job.total or None
        if job.step and job.step != self._step:
            self.complete()
            self._step = job.step
            label = f"{self._title}: {job.step}"
            if job.step not in self._rows:  # a job that was begun anew comes by again
                self._rows[job.step] = self._bars.add_task(label, total=total, pace="")
            self._say(label)
        pace = self._watch.look((job.attempts, job.step), job.done, job.total, now=self._clock())
        if self._step:
            told = _told(pace, self._step)
            self._bars.update(self._rows[self._step], completed=job.done, total=total, pace=told)
            self._total = job.total or 1
            if total and self._clock() >= self._line_at + LINE_SECONDS:
                counted = f"{self._title}: {self._step} {job.done:,} of {total:,}"
                self._say(f"{counted}, {told}" if told else counted)

    def _say(self, line: str) -> None:
        """A plain line, where there is no terminal and unless it was the last one already."""
        if line != self._line and not self._console.is_terminal:
            self._console.print(line, highlight=False, soft_wrap=True)
            self._line, self._line_at = line, self._clock()

    def complete(self) -> None:
        if self._step is not None:
            row = self._rows[self._step]
            self._bars.update(row, completed=self._total, total=self._total, pace="")


def _told(pace: Pace, step: str) -> str:
    """A pace in words, such as ``52,340 rows/s, 0:04:48 left``; nothing while it is not known."""
    if pace.rate is None:
        return ""
    rate = f"{pace.rate:,.{0 if pace.rate >= 10 else 1}f}{UNITS.get(step, '')}/s"
    if pace.seconds_left is None:
        return rate
    return f"{rate}, {timedelta(seconds=round(pace.seconds_left))} left"


async def follow(
    sessions: Sessions, job_id: int, title: str, worker: Callable[[bool], None]
) -> Job:
    """Show a job's progress until it has succeeded.

    Args:
        sessions: where to look.
        job_id: the job.
        title: what to call it.
        worker: told, at every look, whether any worker has lately been seen; may raise.

    Raises:
        JobFailed: with the job's error.
    """
    with Steps(title) as steps:
        while True:
            job, is_alive = await _look(sessions, job_id)
            if job is None or job.status == JobStatus.FAILED:
                raise JobFailed((job and job.error) or "the job is gone")
            steps.show(job)
            if job.status == JobStatus.SUCCEEDED:
                steps.complete()
                return job
            worker(is_alive)
            await asyncio.sleep(POLL_SECONDS)


async def _look(sessions: Sessions, job_id: int) -> tuple[Job | None, bool]:
    """The job, and whether any worker lives; a database that restarts is waited for."""
    deadline = monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        try:
            async with sessions() as session:
                job = await job_queries.job(session, job_id)
                return job, await job_queries.is_worker_alive(
                    session, within_seconds=WORKER_SEEN_WITHIN_SECONDS
                )
        except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            if monotonic() > deadline:
                raise
            await asyncio.sleep(POLL_SECONDS)


async def do_job(url: str, settings: Settings, submit: Submit, title: str) -> dict[str, Any]:
    """Submit a job and follow it; a worker is lent where none is running, or once it has died.

    Raises:
        JobFailed: with the job's error.
        WorkerKeepsEnding: no worker can be had.
    """
    engine = connect(url, pool_size=2)
    with ExitStack() as lent:
        mine: LentWorker | None = None

        def ensure(is_alive: bool) -> None:
            nonlocal mine
            if mine is not None:
                mine.expect_life()
            elif not is_alive:
                mine = lent.enter_context(LentWorker(url, settings, tell))

        sessions = sessions_of(engine)
        try:
            job_id = await submit(sessions)
            try:
                return (await follow(sessions, job_id, title, ensure)).result or {}
            except asyncio.CancelledError:
                tell(f"Job {job_id} is not finished; a worker that runs will finish it.")
                raise
        finally:
            await engine.dispose()
