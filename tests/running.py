"""The command ``zaiko`` as processes of its own, and what can be seen of them from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import psycopg
from sqlalchemy import make_url

from tests import make

ZAIKO = [sys.executable, "-P", "-m", "app.cli"]
DEADLINE_SECONDS = 90.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Our environment with a data folder of the test's own, and no other setting of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZAIKO_")}
    return {**kept, "ZAIKO_DATA_DIR": str(folder), "ZAIKO_WORKER_PROCESSES": "1", **more}


def zaiko(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [*ZAIKO, *words],
        env=environment(folder, **more),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def eventually(what: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> object:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """The URL of a database without a single table."""
    name = f"nothing_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Running:
    """``zaiko run --no-sample`` on a folder, and a client that has its key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.out = (folder / "out").open("w+")
        self.err = (folder / "err").open("w+")
        self.process = subprocess.Popen(
            [*ZAIKO, "run", "--no-sample", "--port", str(self.port)],
            env=environment(folder),
            cwd=folder,
            stdout=self.out,
            stderr=self.err,
            start_new_session=True,
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.out.close()
        self.err.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        eventually(lambda: not self.processes())

    def until_ready(self) -> "Running":
        eventually(lambda: self.process.poll() is not None or self.answers("/health/ready"))
        assert self.process.poll() is None, self.said()
        self.http.headers["X-API-Key"] = (self.folder / "demo-key").read_text().strip()
        return self

    def processes(self) -> dict[int, str]:
        """Every living process that works for the folder: pid and command line."""
        found = {}
        mark = f"ZAIKO_DATA_DIR={self.folder}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = mark in (process / "environ").read_bytes()
                is_server = (process / "cwd").readlink() == self.folder / "pgdata"
                if is_ours or is_server:
                    words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[int(process.name)] = words
            except OSError:
                continue
        return {pid: words for pid, words in found.items() if words}

    def pid_of(self, word: str) -> int | None:
        """The oldest process with the word in its command line."""
        return min((pid for pid, words in self.processes().items() if word in words), default=None)

    def worker(self) -> int | None:
        return self.pid_of("app.cli worker")

    def database(self) -> int | None:
        return self.pid_of("bin/postgres")

    def said(self) -> str:
        return (self.folder / "err").read_text()

    def answers(self, path: str) -> bool:
        try:
            return self.http.get(path).status_code == 200
        except httpx.HTTPError:
            return False

    def load_shop(self) -> None:
        for kind, text in make.shop().items():
            self.ended(self.http.post(f"/imports/{kind}", content=text.encode()))

    def begun(self, answer: httpx.Response, step: str) -> str:
        """Wait until a job is at a step; return where it is to be seen."""
        assert answer.status_code == 202, answer.text
        place = answer.headers["Location"]
        eventually(lambda: self.http.get(place).json()["step"] == step)
        return place

    def ended(self, answer: httpx.Response | str) -> dict:
        """Wait until a job has succeeded; return it."""
        place = answer if isinstance(answer, str) else answer.headers["Location"]

        def last() -> dict | None:
            try:
                job = self.http.get(place).json()
            except httpx.HTTPError:  # in the middle of a restart
                return None
            return job if job.get("status") in {"succeeded", "failed"} else None

        job = eventually(last)
        assert job["status"] == "succeeded", job
        return job

    def verdicts(self) -> list[dict]:
        return self.http.get("/dispositions", params={"limit": 100}).json()["items"]

    def stopped_by(self, *signals: signal.Signals) -> int:
        """Send signals one after the other; return the exit status."""
        for number in signals:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)
