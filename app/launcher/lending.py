"""A worker process that is kept running, for as long as somebody needs one."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from time import monotonic
from types import TracebackType
from typing import Self

from app.settings import Settings

LOOK_SECONDS = 0.5
STOP_SECONDS = 10.0  # more than the worker takes to put its jobs back
LOG_LIMIT = 10 * 2**20  # bytes; then worker.log moves on to worker.log.1
SHORT_LIFE_SECONDS = 10.0
PATIENCE = 5  # short lives in a row, until nothing good is expected any more
LONGEST_PAUSE = 10.0


class WorkerKeepsEnding(Exception):
    """The worker process ends again and again right after its start."""


class LentWorker:
    """A worker process with its own log, started anew whenever it dies.

    Args:
        url: the database.
        settings: the data folder takes the log.
        tell: hears in a sentence when the worker had to be started anew.
    """

    def __init__(self, url: str, settings: Settings, tell: Callable[[str], object]) -> None:
        self._environment = {**os.environ, "ZAIKO_DATABASE_URL": url}
        self._log = settings.data_dir / "worker.log"
        self._tell = tell
        self._is_over = threading.Event()
        self._short_lives = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher = threading.Thread(target=self._watch, name="worker watcher")

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._start()
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the worker, which puts back what it was doing."""
        self._is_over.set()
        if self._watcher.ident is not None:
            self._watcher.join()
        if self._process:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            self._end_group(self._process)

    def expect_life(self) -> None:
        """Raises WorkerKeepsEnding when waiting for this worker is in vain."""
        if self._short_lives >= PATIENCE:
            raise WorkerKeepsEnding(
                f"the worker ended {self._short_lives} times right after its start;"
                f" {self._log} says why"
            )

    def _start(self) -> None:
        self._begun = monotonic()
        parent = str(os.getpid())
        with open(self._log, "ab", opener=_for_us_alone) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "app.cli", "worker", "--parent", parent],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop it in order
            )

    def _watch(self) -> None:
        pause = LOOK_SECONDS
        while not self._is_over.wait(pause):
            pause = LOOK_SECONDS
            self._shorten_log()
            if self._process is None:
                with suppress(OSError):  # no memory for a process now; the next round tries again
                    self._start()
            elif (status := self._process.poll()) is not None:
                self._end_group(self._process)
                self._process = None
                is_short = monotonic() - self._begun < SHORT_LIFE_SECONDS
                self._short_lives = self._short_lives + 1 if is_short else 0
                self._tell(f"The worker ended (status {status}) and is started anew.")
                pause = min(LOOK_SECONDS * 2**self._short_lives, LONGEST_PAUSE)

    def _end_group(self, process: subprocess.Popen[bytes]) -> None:
        """Collect the worker, and what it has left behind: processes, temporary files."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for left in Path(gettempdir()).glob(f"zaiko-worker-{process.pid}-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _shorten_log(self) -> None:
        with suppress(OSError):  # no trouble with the log may stop the worker
            if self._log.stat().st_size > LOG_LIMIT:
                shutil.copy(self._log, self._log.with_name("worker.log.1"))
                os.truncate(self._log, 0)  # the worker appends, so it goes on from here


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
