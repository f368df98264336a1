"""Processes of a whole installation that are killed and brought back, and the files they import."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg

from app.postgres import EmbeddedPostgres
from tests.running import DEADLINE_SECONDS, ZAIKO, environment, free_port

# A worker whose death the others see after three seconds; how soon proves nothing here.
WORKER = """
import sys
from app.cli import main
from app.worker import process
process.HEARTBEAT_SECONDS, process.DEAD_AFTER_SECONDS, process.LOOK_SECONDS = 0.3, 3.0, 0.3
sys.argv = ["zaiko", "worker"]
main()
"""
HEADER = (
    "order_id,line_no,sku_id,sku_name,location_id,customer_id,sold_at,quantity,unit_price,"
    "list_price\n"
)
START = date(2024, 1, 1)


class Installation:
    """Service and worker beside an embedded PostgreSQL; whatever dies is started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = EmbeddedPostgres(folder / "database")
        self.server.start()
        self.port = free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self._commands: dict[str, list[str]] = {
            "service": [*ZAIKO, "serve", "--port", str(self.port)],
            "worker": [sys.executable, "-P", "-c", WORKER],
        }
        self._environment = environment(folder, ZAIKO_DATABASE_URL=self.server.url)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._is_over = threading.Event()
        self._keeper = threading.Thread(target=self._keep)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._keeper.join()
        for process in self._processes.values():
            process.kill()
            process.wait()
        self.http.close()
        self.server.stop()

    def _keep(self) -> None:
        while not self._is_over.wait(0.05):
            for name, command in self._commands.items():
                process = self._processes.get(name)
                if process is None or process.poll() is not None:
                    with (self.folder / f"{name}.log").open("ab") as log:
                        self._processes[name] = subprocess.Popen(
                            command,
                            env=self._environment,
                            stdout=log,
                            stderr=log,
                            start_new_session=True,
                        )

    def kill(self, name: str) -> None:
        """End a process without a word: the service, the worker, or PostgreSQL's first one."""
        pid = self.server.pid if name == "postgres" else self._processes[name].pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def until_ready(self) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if self.http.get("/health/ready").status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the service does not come back")


class Watcher:
    """Looks into the database, again and again, whatever becomes of the server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                if self._connection is None:
                    self._connection = psycopg.connect(self._url, autocommit=True)
                return self._connection.execute(statement).fetchall()
            except psycopg.OperationalError:
                self._forget()
                assert time.monotonic() < deadline, "the database does not come back"
                time.sleep(0.02)

    def value(self, statement: str) -> Any:
        [(found,)] = self.rows(statement)
        return found


def first_file(lines: int) -> str:
    """Lines over three quarters: returns, guests, lines without a number."""
    return HEADER + "".join(_line(n, n % 270, 1 + n % 4) for n in range(lines))


def later_file(number: int, lines: int) -> str:
    """Corrects a fifth of what is known, by quantity, price or day; the rest is new.

    The new lines lie in a quarter of the file's own and, some of them late, in all before it.
    There are repeated keys, rows that are wrong, and SKUs that nobody has named.
    """
    draw = random.Random(number)
    rows = []
    for n in range(lines // 5):
        known = draw.randrange(lines)
        match draw.randrange(4):
            case 0:
                rows.append(_line(known, known % 270, 2 + number))
            case 1:
                rows.append(_line(known, known % 270, 1 + known % 4, price=1000 + number))
            case 2:
                rows.append(_line(known, (known % 270 + 91 * number) % 630, 1 + known % 4))
            case _:
                rows.append(_line(known, known % 270, 1 + known % 4))
        if n % 100 == 0:
            rows.append(rows[-1])
            rows.append(_line(known, known % 270, 1).replace(",S", ",unlisted", 1))
            rows.append(f"X{n},1,S1,,EC,,2999-01-01,1,100,\n")
            rows.append(f"X{n},1,S1,,EC,,2024-01-01,many,100,\n")
    first = number * lines
    own = 270 + 90 * (number - 1)
    rows += [
        _line(n, own + n % 90 if n % 10 else n % 270, 1 + n % 4)
        for n in range(first, first + lines - len(rows))
    ]
    draw.shuffle(rows)
    return HEADER + "".join(rows)


def _line(n: int, day: int, units: int, price: int = 900) -> str:
    sold_on = START + timedelta(days=day)
    is_return = n % 40 == 39
    line_no = "" if n % 3 == 2 else n % 3 + 1
    return (
        f"O{n // 3},{line_no},S{n % 400},Shirt {n % 400},{('EC', 'GINZA', 'UMEDA')[n % 3]},"
        f"{f'C{n // 3 % 5000}' if n % 5 else ''},{sold_on},{-units if is_return else units},"
        f"{price}.{n % 100:02},{1200 if n % 2 else ''}\n"
    )


def in_pieces(body: bytes, pieces: int) -> Iterator[bytes]:
    size = -(-len(body) // pieces)
    for start in range(0, len(body), size):
        yield body[start : start + size]
