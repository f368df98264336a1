"""Server processes: bound to ours, recognised, and ended in good order."""

import ctypes
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from time import monotonic, sleep

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>
COMMAND = "postgres\n"  # as /proc shows it
PATIENCE = ((SIGINT, 30.0), (SIGQUIT, 10.0), (SIGKILL, 10.0))  # fast, immediate, no more asking


def dying_with_us() -> Callable[[], None] | None:
    """What a new child does before it becomes the server, so that it never outlives this process.

    On Linux the kernel sends it SIGINT, a fast shutdown, when the thread that started it ends,
    even by ``kill -9``. Other systems have nothing of the kind. Between fork and exec only these
    system calls are made, since other threads may hold locks.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]
    parent = os.getpid()

    def ask_for_signal() -> None:
        prctl(PR_SET_PDEATHSIG, SIGINT)
        if os.getppid() != parent:  # killed in the meantime: no signal would come any more
            os._exit(1)

    return ask_for_signal


def end(pid: int, is_gone: Callable[[], bool]) -> None:
    """Have a server shut down, more firmly from step to step, and wait until it is gone."""
    for signal, patience in PATIENCE:
        if is_gone():
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal)
        deadline = monotonic() + patience
        while monotonic() < deadline and not is_gone():
            sleep(0.02)


def clear(pgdata: Path, pid: int) -> None:
    """Remove what a killed supervisor or server left on a cluster that is nobody else's.

    Args:
        pgdata: the cluster, locked by us.
        pid: the server's process according to ``postmaster.pid``; 0 if it names none.
    """
    if _serves(pid, pgdata):
        log.warning(
            "A server without supervisor (pid %d) still runs on %s; ending it.", pid, pgdata
        )
        end(pid, lambda: not _serves(pid, pgdata))
    elif pid and _is_alive(pid):  # a number in use again would keep the new server from starting
        (pgdata / "postmaster.pid").unlink()
    deadline = monotonic() + 10.0
    while (left := _backends(pgdata)) and monotonic() < deadline:
        for backend in left:  # without their postmaster they can only be in the way
            with suppress(ProcessLookupError):
                os.kill(backend, SIGKILL)
        sleep(0.02)


def _serves(pid: int, pgdata: Path) -> bool:
    """Whether the process is a server on the cluster; one that is dead but not reaped is not."""
    if not pid:
        return False
    if sys.platform == "linux":
        return _sits_in(Path(f"/proc/{pid}"), pgdata)
    ask = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    command = subprocess.run(ask, capture_output=True, check=False).stdout
    return b"postgres" in command and os.fsencode(f" -D {pgdata} ") in command


def _backends(pgdata: Path) -> list[int]:
    """Server processes that still sit in the cluster; only Linux tells."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _sits_in(entry, pgdata)]


def _sits_in(process: Path, pgdata: Path) -> bool:
    with suppress(OSError):  # somebody else's, or just ended
        return (process / "cwd").readlink() == pgdata and (process / "comm").read_text() == COMMAND
    return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def sweep(folder: Path, pattern: str) -> None:
    """Remove what an interrupted initdb left; its children may write a moment longer."""
    for _ in range(50):
        left = list(folder.glob(pattern))
        if not left:
            return
        for unfinished in left:
            shutil.rmtree(unfinished, ignore_errors=True)
        sleep(0.1)
