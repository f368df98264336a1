"""``zaiko run`` on an empty folder, watched from outside: its steps by its job's row, its memory
by /proc.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep

import httpx
import psycopg

from bench.measure import descendants, memory, proportional_memory, say

STEPS = ("reading sales", "valuing customers", "forecasting", "deciding", "saving")
PROGRAMS = "ZAIKO_PG_BINDIR"
LOOK_EVERY = 0.1  # seconds
PATIENCE = 1200.0  # seconds until everything must be there


@dataclass(slots=True)
class Watch:
    """What was seen of the command, from its start."""

    pid: int
    began: float = field(default_factory=monotonic)
    step_at: list[tuple[str, float]] = field(default_factory=list)
    service_bytes: dict[str, int] = field(default_factory=dict)  # the peak of each step
    at_peak: list[int] = field(default_factory=list)  # each process's part in the peak of all
    proportional_bytes: int = 0  # at the same moment, pages in common counted once
    postgres_bytes: int = 0

    def look(self, step: str) -> None:
        if not self.step_at or self.step_at[-1][0] != step:
            self.step_at.append((step, monotonic() - self.began))
            say(f"{self.step_at[-1][1]:6.1f} s  {step}")
        seen = {pid: memory(pid) for pid in descendants(self.pid)}
        service = {pid: resident for pid, (name, resident, _) in seen.items() if name != "postgres"}
        total = sum(service.values())
        self.service_bytes[step] = max(self.service_bytes.get(step, 0), total)
        if total > sum(self.at_peak):
            self.at_peak = sorted(service.values(), reverse=True)
            self.proportional_bytes = sum(proportional_memory(pid) for pid in service)
        servers = [
            (resident, shared) for name, resident, shared in seen.values() if name == "postgres"
        ]
        own = sum(resident - shared for resident, shared in servers)
        in_common = max((shared for _, shared in servers), default=0)
        self.postgres_bytes = max(self.postgres_bytes, own + in_common)

    def step_seconds(self) -> dict[str, float]:
        """Each step of the evaluation: until the next step was seen, whatever that was."""
        names = [step for step, _ in self.step_at]
        first = names.index(STEPS[0])
        if tuple(names[first : first + len(STEPS)]) != STEPS:
            raise RuntimeError(f"the evaluation took other steps than expected: {names}")
        times = [at for _, at in self.step_at[first : first + len(STEPS) + 1]]
        return {s: b - a for s, (a, b) in zip(STEPS, pairwise(times), strict=True)}


@contextmanager
def started(place: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The running command and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # With the settings that the service has by itself; where PostgreSQL is, is no such setting.
    kept = {k: v for k, v in os.environ.items() if k == PROGRAMS or not k.startswith("ZAIKO_")}
    with (place / "output.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "run", "--port", str(port)],
            env={**kept, "ZAIKO_DATA_DIR": str(place / "data")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process, port
        finally:
            process.send_signal(signal.SIGINT)  # as Ctrl-C
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()  # what it started ends with it
                process.wait()


def watch(process: subprocess.Popen[bytes], url: str, port: int, output: Path) -> Watch:
    """Look at the command until it is ready."""
    seen, deadline = Watch(process.pid), monotonic() + PATIENCE
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            step = _step(url)
            seen.look(step)
            if step == "over" and _is_ready(client):
                seen.look("ready")
                return seen
            if process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"zaiko run at '{step}': {output.read_text()[-2000:]}")
            sleep(LOOK_EVERY)


def _step(url: str) -> str:
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT status, step, error FROM job WHERE kind = 'sample'"
            ).fetchone()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return "starting"
    if row is None:
        return "starting"
    status, step, error = row
    if status == "failed":
        raise RuntimeError(f"zaiko run at '{step}': {error}")
    return "over" if status == "succeeded" else step or "starting"


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False
