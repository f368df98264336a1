"""The embedded PostgreSQL: one server for one folder, started, watched and stopped by this process.

Whoever holds the folder's lock runs the server. When that process is killed, the kernel stops the
server cleanly (Linux), or the next holder of the lock does (elsewhere).
"""

import fcntl
import logging
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Self, TextIO

from app.postgres import processes
from app.postgres.cluster import ELSEWHERE, MIB, SOCKET, Cluster
from app.postgres.errors import AlreadySupervised, DiskFull, PostgresError, StartFailed, StillInUse

log = logging.getLogger(__name__)

LOG_LIMIT = 10 * MIB  # then server.log moves on to server.log.1
RESTARTS = 10  # in a row; a server that held for a minute starts a new row
PATIENT_SECONDS = 15.0  # between two starts after so many in vain
WAIT_FOR_OWNER = 60.0  # seconds until the server of another process must answer


def default_folder() -> Path:
    """Where the data goes unless ZAIKO_DATA_DIR says otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/ltv-zaiko")
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local/share") / "ltv-zaiko"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The URL of the folder's server: another living process's where it has one, else our own.

    Args:
        folder: the data folder.

    Yields:
        A libpq URL that accepts connections; our own server stops when the block is left.

    Raises:
        PostgresError: there is no server to be had.
    """
    server = EmbeddedPostgres(folder)
    url = _own_or_shared(server)
    try:
        yield url
    finally:
        server.stop()


def _own_or_shared(server: "EmbeddedPostgres") -> str:
    deadline = monotonic() + WAIT_FOR_OWNER
    while True:
        try:
            server.start()
        except AlreadySupervised:
            if url := _shared(server.cluster):
                return url
            if monotonic() > deadline:
                raise
            sleep(0.1)  # the other one is starting, or about to let go
        else:
            return server.url


class EmbeddedPostgres:
    """The server of one folder, for as long as this object runs it.

    Args:
        folder: where everything is kept; made when missing.
        bindir: folder of the PostgreSQL programs; found by itself when not given.
        minimum_free: bytes that must be free on the folder's disk at the start.
        start_timeout: seconds without a new line in the server's log after which a start is
            given up. Recovery after a crash may take long, but says so in the log.
    """

    def __init__(
        self,
        folder: Path,
        *,
        bindir: Path | None = None,
        minimum_free: int = 256 * MIB,
        start_timeout: float = 60.0,
    ) -> None:
        self.cluster = Cluster(folder.expanduser().resolve(), bindir)
        self._minimum_free = minimum_free
        self._start_timeout = start_timeout
        self._lock: TextIO | None = None
        self._thread: Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = Event()

    @property
    def url(self) -> str:
        """For libpq and all drivers that read its addresses."""
        return self.cluster.url

    @property
    def is_owner(self) -> bool:
        """Whether this object runs the server."""
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """Of the server's first process, while there is one."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and the thread that keeps it running; return once it answers.

        Raises:
            PostgresError: there will be no server; the kind says why.
        """
        try:
            self._take_lock()
            self._check_space()
            self._write_lock(os.getpid())
            self.cluster.prepare()
            started: Future[None] = Future()
            self._stopping.clear()
            self._thread = Thread(target=self._run, args=(started,), name="postgres", daemon=True)
            self._thread.start()
            started.result()
        except AlreadySupervised:
            raise
        except OSError as error:
            self.stop()
            raise self.cluster.explained(error) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server, if this object runs it, and let others start it."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None
            if self.cluster.socket_folder.parent != self.cluster.folder:
                with suppress(OSError):
                    self.cluster.socket_folder.rmdir()
        if self._lock:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        folder = self.cluster.folder
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:
                folder.chmod(0o755)  # the server's account must enter, whatever our umask
        lock = (folder / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.readline().strip()
            lock.close()
            raise AlreadySupervised(
                f"Another process (pid {holder or 'unknown'}) already runs the database in"
                f" {folder}: stop it first, or {ELSEWHERE}."
            ) from None
        self._lock = lock

    def _write_lock(self, *lines: object) -> None:
        assert self._lock
        self._lock.truncate(0)
        self._lock.write("".join(f"{line}\n" for line in lines))
        self._lock.flush()

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.cluster.folder).free
        if free < self._minimum_free:
            raise DiskFull(
                f"Only {free // MIB} MB are free for {self.cluster.folder}, and the database needs"
                f" {self._minimum_free // MIB} MB: make room, or {ELSEWHERE}."
            )

    def _run(self, started: Future[None]) -> None:
        """Start the server, watch it, start it again, end it.

        All in one thread, since the kernel ties the server's life to the thread that started it.
        """
        failures = 0
        while not self._stopping.wait(_pause(failures)):
            begun = monotonic()
            try:
                self._launch()
                if not started.done():
                    started.set_result(None)
                error: Exception = self._watch()
            except Exception as caught:  # noqa: BLE001 - nothing may leave start() waiting
                error = caught
            self._end()
            if self._stopping.is_set():
                break
            failures = 1 if monotonic() - begun > 60.0 else failures + 1
            if not started.done() and (failures > RESTARTS or not isinstance(error, StillInUse)):
                started.set_exception(error)
                return
            if failures <= RESTARTS:
                log.error("%s It is being started again.", error)
            elif failures == RESTARTS + 1:
                log.critical(
                    "The database stays down after %d restarts, and is tried every %g seconds"
                    " from now on: somebody may make room on its disk. %s",
                    RESTARTS,
                    PATIENT_SECONDS,
                    error,
                )
        if not started.done():
            started.set_exception(PostgresError("The database was stopped before it had started."))

    def _launch(self) -> None:
        """Start the server, and return once ``zaiko`` can be connected to."""
        cluster = self.cluster
        processes.clear(cluster.pgdata, cluster.postmaster()[0])
        with open(cluster.log_file, "ab", opener=_for_us_alone) as output:
            written = first = output.tell()
            self._process = subprocess.Popen(
                cluster.server(), stdout=output, stderr=output, **cluster.child()
            )
        heard = monotonic()
        while cluster.postmaster() != (self._process.pid, "ready"):
            if self._process.poll() is not None:
                raise cluster.failure("The database did not start", self._logged_since(first))
            if (size := cluster.log_file.stat().st_size) != written:
                written, heard = size, monotonic()
            if monotonic() - heard > self._start_timeout or self._stopping.is_set():
                what = f"The database was not ready within {self._start_timeout:g} seconds"
                raise cluster.failure(what, self._logged_since(first))
            sleep(0.02)
        cluster.create_database()
        self._write_lock(os.getpid(), self.url)

    def _watch(self) -> Exception:
        """Return when the server has ended, or is to be ended; keep its log short meanwhile."""
        assert self._process
        log_file = self.cluster.log_file
        while self._process.poll() is None and not self._stopping.wait(0.2):
            with suppress(OSError):  # no trouble with the log may stop the server
                if log_file.stat().st_size > LOG_LIMIT:
                    shutil.copy(log_file, log_file.with_name("server.log.1"))
                    os.truncate(log_file, 0)  # the server appends, so it goes on from here
        return StartFailed(f"The database ended by itself (status {self._process.returncode}).")

    def _logged_since(self, position: int) -> str:
        return self.cluster.log_file.read_bytes()[position:].decode(errors="replace")

    def _end(self) -> None:
        process = self._process
        if process:
            processes.end(process.pid, lambda: process.poll() is not None)
        self._process = None


def _pause(failures: int) -> float:
    """Seconds before the next start."""
    if failures > RESTARTS:
        return PATIENT_SECONDS
    return min(0.1 * 2**failures, 2.0) if failures else 0.0


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # the log may quote statements


def _shared(cluster: Cluster) -> str | None:
    """The URL its owner has written into the lock, if a server answers there now."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        url = "".join((cluster.folder / "lock").read_text("utf-8").splitlines()[1:])
        if url and cluster.postmaster()[1] == "ready":
            probe.connect(f"{url.partition('host=')[2]}/{SOCKET}")
            return url
    return None
