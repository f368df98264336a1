"""A forecast run through the database: a retailer's series read, tested, forecast and written.

30,490 series of M5 are imported as a customer would; then ``zaiko forecast`` with two processes is
watched from outside: read → backtest over three origins → ensemble → lead-time variances → written
and in force. The same run follows on one process, and again on two: the peers of a product that
uses both processors.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg

from bench import database, importing, retailer
from bench.command import PROGRAMS
from bench.measure import Pairs, Result, descendants, memory, proportional_memory, say

MOST_SECONDS = 180.0
MOST_MEMORY_GB = 3.0
LOOK_EVERY = 0.05  # seconds
ROUNDS = 5
# M5's categories are the first part of its item numbers; drawn series have one only.
CATEGORIES = "UPDATE sku SET category = regexp_replace(sku_id, '_[0-9]+$', '')"


class Watched:
    """One ``zaiko forecast``: how long it took, and the memory of all that is ours at its peak."""

    def __init__(self, url: str, place: Path, processes: int) -> None:
        kept = {k: v for k, v in os.environ.items() if k == PROGRAMS or not k.startswith("ZAIKO_")}
        began = monotonic()
        self.at_peak: list[int] = []
        self.proportional_bytes = 0
        with (place / "output.json").open("w+b") as output, (place / "error.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "forecast", "--workers", str(processes)],
                env={**kept, "ZAIKO_DATABASE_URL": url, "ZAIKO_DATA_DIR": str(place / "home")},
                stdout=output,
                stderr=log,
            )
            while process.poll() is None:
                self._look(process.pid)
                sleep(LOOK_EVERY)
            self.seconds = monotonic() - began
            output.seek(0)
            if process.returncode:
                raise RuntimeError((place / "error.log").read_text()[-2000:])
            self.summary: dict[str, Any] = json.load(output)
        say(f"{processes} processes: {self.seconds:.1f} s, {self.memory_gb:.2f} GB")

    @property
    def memory_gb(self) -> float:
        return sum(self.at_peak) / 1e9

    def _look(self, pid: int) -> None:
        seen = {one: memory(one) for one in descendants(pid)}
        ours = {one: resident for one, (name, resident, _) in seen.items() if name != "postgres"}
        if sum(ours.values()) > sum(self.at_peak):
            self.at_peak = sorted(ours.values(), reverse=True)
            self.proportional_bytes = sum(proportional_memory(one) for one in ours)


@contextmanager
def filled(place: Path) -> Iterator[tuple[str, str]]:
    """A database with the retailer's sales, and whose these are."""
    say("importing a retailer's sales …")
    with database.server(place) as url:
        importing.keep_profile(url)
        file, whose = retailer.whole(place)
        importing.run(url, file, "retailer")
        file.unlink()
        database.execute(url, CATEGORIES, "VACUUM ANALYZE")
        yield url, whose


def results() -> list[Result]:
    with database.folder() as place, filled(place) as (url, whose):
        cold = Watched(url, place, 2)  # nothing of ours is compiled or read yet
        two, one = [], []
        for number in range(ROUNDS):
            sides = [(two, 2), (one, 1)]
            for found, processes in sides if number % 2 == 0 else reversed(sides):
                found.append(Watched(url, place, processes))
        with psycopg.connect(url) as connection:
            [(stored,)] = connection.execute("SELECT count(*) FROM forecast").fetchall()
    return [_result(cold, two, one, whose, stored)]


def _result(
    cold: Watched, two: list[Watched], one: list[Watched], whose: str, stored: int
) -> Result:
    runs = [cold, *two]
    peak = max(run.memory_gb for run in [*runs, *one])
    summary = cold.summary
    return Result(
        name="demand_run",
        unit="seconds from the command to forecasts in force",
        peer_name="the same on one process",
        pairs=Pairs(ours=[run.seconds for run in two], peer=[run.seconds for run in one]),
        checks={
            f"seconds <= {MOST_SECONDS:g}": max(run.seconds for run in runs) <= MOST_SECONDS,
            f"memory_gb <= {MOST_MEMORY_GB:g}": peak <= MOST_MEMORY_GB,
            "every series is in force": stored == summary["series"],
            "no forecast failed": summary["failed"] == 0,
        },
        details={
            "sales": whose,
            "series": summary["series"],
            "horizon_days": 182,
            "cold_seconds": cold.seconds,
            "series_per_second": summary["series"] / min(run.seconds for run in two),
            "memory_gb": peak,
            "memory_gb_each": [resident / 1e9 for resident in cold.at_peak],
            "memory_gb_without_double_counting": cold.proportional_bytes / 1e9,
            "partitions": summary["partitions"],
            "classes": summary["classes"],
            "methods": summary["methods"],
            "members": summary["members"],
        },
    )
