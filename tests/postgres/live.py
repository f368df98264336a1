"""Ways to look at servers that run for real."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from app.postgres import binaries

CHECKOUT = Path(__file__).resolve().parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs what only Linux tells")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

SUPERVISE = """
import sys, time
from pathlib import Path
from app.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, server.url, flush=True)
time.sleep(120)
"""


def supervisor_of(folder: Path, python: str = sys.executable, **identity) -> subprocess.Popen:
    """Another process that runs the server of the folder until it is killed."""
    settings = {"PYTHONPATH": str(CHECKOUT), "ZAIKO_PG_BINDIR": str(binaries.find())}
    return subprocess.Popen(
        [python, "-B", "-c", SUPERVISE, folder],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        **identity,
    )


@contextmanager
def supervising(folder: Path, **options) -> Iterator[tuple[subprocess.Popen, int, str]]:
    """That process once its server answers, the server's pid and its URL."""
    with supervisor_of(folder, **options) as process:
        pid, url = process.stdout.readline().split()
        try:
            yield process, int(pid), url
        finally:
            process.kill()


def run(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def answer(url: str) -> object:
    return run(url, "SELECT answer FROM fact")


def answers_again(url: str) -> bool:
    try:
        return answer(url) == 42
    except psycopg.OperationalError:
        return False


def eventually(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def servers_in(base: Path) -> list[str]:
    """Every process that still sits under the folder (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if base in (process / "cwd").readlink().parents:
                found.append((process / "comm").read_text())
        except OSError:
            continue
    return found


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A disk of its own that is soon full."""
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", place]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
