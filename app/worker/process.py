"""The life of a worker process: signs of life, jobs of the dead, and an end in good order."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import active_children
from pathlib import Path
from time import sleep, time
from typing import NoReturn

import psycopg
import structlog
from procrastinate.exceptions import ProcrastinateException
from procrastinate.worker import Worker
from sqlalchemy.exc import SQLAlchemyError

from app.database import Sessions, connect, libpq_url, sessions_of
from app.queries import queue as queue_queries
from app.services import jobs
from app.services.job_kinds import Workshop
from app.settings import Settings
from app.worker.tasks import DEATH, queue_of

HEARTBEAT_SECONDS = 3.0
DEAD_AFTER_SECONDS = 12.0
LOOK_SECONDS = 3.0  # between two searches for jobs of dead workers
STOP_SECONDS = 6.0  # to put jobs back and say goodbye
FORGOTTEN_UPLOAD_SECONDS = 3600.0  # an upload on its way has been written to more lately
SWEEP_SECONDS = 600.0  # between two looks at what was left behind

log = structlog.get_logger()


class NotMigrated(Exception):
    """The database has no tables of ours yet."""


class WorkerProcess:
    """This process, as a worker.

    Args:
        url: the database.
        settings: where uploads are, how many processes may compute.
        parent: the process of ours that started this one, in a process group of its own, and
            with which it is to end.
    """

    def __init__(self, url: str, settings: Settings, *, parent: int | None = None) -> None:
        self._url = url
        self._settings = settings
        self._parent = parent
        self._scratch = tempfile.tempdir = tempfile.mkdtemp(prefix=f"zaiko-worker-{os.getpid()}-")

    def run(self) -> int:
        """Take jobs until told to stop.

        Returns:
            1 if the database is lost, so that whoever watches over the worker starts it anew.

        Raises:
            NotMigrated: there are no tables.
        """
        if self._parent is not None:
            threading.Thread(target=self._end_with_parent, daemon=True).start()
        try:
            # Not asyncio.run: it would wait for computations in threads, which nobody needs now.
            asyncio.new_event_loop().run_until_complete(self._work())
        except NotMigrated:
            shutil.rmtree(self._scratch)
            raise
        except (SQLAlchemyError, OSError, psycopg.Error, ProcrastinateException) as error:
            reason = " ".join(str(error.__cause__ or error).split())
            sys.stderr.write(f"zaiko worker: the database does not answer: {reason}\n")
            return 1
        return 0

    def leave(self, code: int) -> NoReturn:
        """End this process at once, with everything it started."""
        self._clear_up()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def _clear_up(self) -> None:
        for child in active_children():
            child.kill()
            child.join(1.0)
        shutil.rmtree(self._scratch, ignore_errors=True)

    async def _work(self) -> None:
        engine = connect(self._url, pool_size=4)
        sessions = sessions_of(engine)
        async with sessions() as session:  # fails at once, where the queue's pool would wait
            if not await queue_queries.is_migrated(session):
                raise NotMigrated("the database has no tables yet; run: zaiko migrate")
        queue = queue_of(self._url)
        async with queue.open_async():
            worker = Worker(
                queue,
                queues=["zaiko"],
                concurrency=2,
                fetch_job_polling_interval=1.0,
                shutdown_graceful_timeout=0,  # a job is put back at once, and begun anew elsewhere
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=DEAD_AFTER_SECONDS,
                delete_jobs="successful",
                install_signal_handlers=False,
                additional_context={
                    "workshop": Workshop(sessions=sessions, settings=self._settings),
                    DEATH: self.leave,
                },
            )
            self._stop_on_signals(worker)
            log.info("worker started", pid=os.getpid())
            threading.Thread(target=self._beat, args=(worker,), daemon=True).start()
            search = asyncio.create_task(_clear_after_the_dead(sessions, self._settings.uploads))
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            finally:
                search.cancel()
        await engine.dispose()

    def _stop_on_signals(self, worker: Worker) -> None:
        loop = asyncio.get_running_loop()

        def stop(*_: object) -> None:
            threading.Thread(target=self._leave_soon, daemon=True).start()
            loop.call_soon_threadsafe(worker.stop)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

    def _leave_soon(self) -> None:
        sleep(STOP_SECONDS)
        self.leave(1)

    def _beat(self, worker: Worker) -> None:
        """Give signs of life from a thread, since a long computation may hold up the event loop."""
        statement = "UPDATE procrastinate.procrastinate_workers SET last_heartbeat = now()"
        while True:
            try:
                with psycopg.connect(libpq_url(self._url), autocommit=True) as connection:
                    while True:
                        sleep(HEARTBEAT_SECONDS)
                        known = worker.worker_id
                        sign = connection.execute(statement + " WHERE id = %s", [known])
                        if known == worker.worker_id is not None and sign.rowcount == 0:
                            log.error("this worker was given up by the others, and ends")
                            self.leave(1)
            except psycopg.Error:
                sleep(HEARTBEAT_SECONDS)

    def _end_with_parent(self) -> None:
        """End with the process that started this one, however that died."""
        while os.getppid() == self._parent:
            sleep(0.5)
        self._clear_up()
        os.killpg(0, signal.SIGKILL)  # what the pool's processes started, too


async def _clear_after_the_dead(sessions: Sessions, uploads: Path) -> None:
    """Take up the jobs of dead workers, and remove the files that nobody will come back for."""
    next_sweep = 0.0
    while True:
        try:
            async with sessions.begin() as session:
                found = await jobs.take_up_again(session, dead_after_seconds=DEAD_AFTER_SECONDS)
                awaited = await queue_queries.awaited_files(session)
            if found:
                log.warning("jobs taken up again", job_ids=found)
            if time() >= next_sweep:
                sweep(uploads, awaited)
                next_sweep = time() + SWEEP_SECONDS
        except (SQLAlchemyError, OSError) as error:
            log.warning("no search for lost jobs", reason=type(error).__name__)
        await asyncio.sleep(LOOK_SECONDS)


def sweep(uploads: Path, awaited: set[str]) -> None:
    """Remove what killed workers left behind, once it is old enough to be nobody's."""
    if not uploads.is_dir():
        return
    for entry in uploads.iterdir():
        with suppress(OSError):  # another worker sweeps, too
            age = time() - entry.stat().st_mtime
            if age > FORGOTTEN_UPLOAD_SECONDS and entry.name not in awaited:
                remove: Callable[..., None] = shutil.rmtree if entry.is_dir() else os.unlink
                remove(entry)
