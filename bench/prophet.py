"""Prophet for all series at once, point and nine quantiles, against Prophet and others.

Everything runs on one pinned core. Each round measures ours on all series and every peer on its
random subset, both as series a second; who begins changes from round to round.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from app.domain.demand import Floats
from app.domain.forecasting.batched_prophet import prophet_forecast
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup
from bench import daily_series
from bench.measure import Pairs, Result, say, seconds

ROUNDS = 5
TIMES = 3  # all series, in each round
HORIZON = 28
LEAST_RATIO = 1000.0
MILLION, MILLION_ROUNDS, MOST_SECONDS, MOST_MEMORY_GB = 1_000_000, 3, 60.0, 1.0
DEPARTMENTS, DAYS = 4000, 760
SUBSET = {
    "Prophet 1.5, 1000 samples": 24,
    "Prophet 1.5, 0 samples": 24,
    "CmdStan's program alone": 48,
    "statsforecast AutoETS": 24,
    "statsforecast TSB": 4000,
}
ASKED = ("Prophet 1.5, 1000 samples", "statsforecast AutoETS")
ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-bench/bin/python"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def forecast(demand: Floats, last: date, country: str | None = None) -> tuple[Floats, Floats]:
    """Prophet with its defaults for every row."""
    settings = ForecastSettings(plain_prophet=ProphetSetup(country=country))
    return prophet_forecast(
        demand, calendar=Calendar(last), horizon=HORIZON, settings=settings,
        levels=settings.quantile_levels,
    )  # fmt: skip


@contextmanager
def one_core() -> Iterator[int]:
    """This process and all that it starts stay on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield max(before)
    finally:
        os.sched_setaffinity(0, before)


class Statsforecast:
    """Its process, asked for one measurement at a time."""

    def __init__(self, demand: Floats, place: Path) -> None:
        np.save(place / "subset.npy", demand)
        script = ROOT / "bench/peers/statsforecast_seconds.py"
        self.process = subprocess.Popen(
            [PEERS, script, place / "subset.npy"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD,
        )  # fmt: skip

    def seconds(self, model: str, count: int) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(model, count, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate()


def rates(
    demand: Floats, last: date, country: str | None, place: Path
) -> tuple[dict[str, Pairs], list[float]]:
    """Series a second of ours and of every peer, round by round; and of one series alone."""
    from bench.peers import prophet_seconds  # noqa: PLC0415 - Prophet takes a second to load

    prophet_seconds.quiet()
    chosen = np.random.default_rng(1).choice(len(demand), max(SUBSET.values()), replace=False)
    moving = demand[chosen]
    frames = prophet_seconds.histories(moving[:100], pd.Timestamp(last))
    other = Statsforecast(moving, place)
    n = list(SUBSET.values())
    measures: list[Callable[[], float]] = [
        prophet_seconds.whole(frames[: n[0]], 1000, country),
        prophet_seconds.whole(frames[: n[1]], 0, country),
        prophet_seconds.bare(frames[: n[2]], country, place),
        lambda: other.seconds("AutoETS", n[3]),
        lambda: other.seconds("TSB", n[4]),
    ]
    pairs = {name: Pairs(ours=[], peer=[], more_is_better=True) for name in SUBSET}

    def often() -> None:
        for _ in range(TIMES):
            forecast(demand, last, country)

    often()
    other.seconds("AutoETS", 1)
    other.seconds("TSB", 10)
    alone = []
    for number in range(ROUNDS):
        ours = 0.0
        found = {}
        for turn in range(len(n) + 1):
            who = (turn + number) % (len(n) + 1)
            if who == len(n):
                ours = TIMES * len(demand) / seconds(often)
                alone.append(1 / seconds(lambda: forecast(moving[:1], last, country)))
            else:
                found[list(SUBSET)[who]] = n[who] / measures[who]()
        for name, rate in found.items():
            pairs[name].ours.append(ours)
            pairs[name].peer.append(rate)
        told = ", ".join(f"{name} {rate:.4g}" for name, rate in found.items())
        say(f"round {number + 1} of {ROUNDS}: ours {ours:.4g} series/s; {told}")
    other.end()
    return pairs, alone


def by_itself(file: Path, last: date, repeats: int, cache: Path) -> dict[str, Any]:
    """Ours in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.prophet_alone", file, last.isoformat(), str(repeats)],
        cwd=ROOT, env=os.environ | ONE_THREAD | {"NUMBA_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def lines(
    name: str, pairs: dict[str, Pairs], asked: tuple[str, ...], details: dict[str, Any]
) -> list[Result]:
    return [
        Result(
            name=name,
            unit="series/s",
            peer_name=f"{peer} on {SUBSET[peer]} series drawn at random",
            pairs=both,
            checks=(
                {f"ratio >= {LEAST_RATIO:g}": median(both.ratios) >= LEAST_RATIO}
                if peer in asked
                else {}
            ),
            details=details,
        )
        for peer, both in pairs.items()
    ]


def results() -> list[Result]:
    with TemporaryDirectory() as folder, one_core() as core:
        place = Path(folder)
        demand, last, whose = daily_series.m5(place)
        file, cache = place / "demand.npy", place / "cache"
        np.save(file, demand)
        cold, warm = (by_itself(file, last, 1, cache) for _ in range(2))
        say(f"cold {cold['seconds']:.2f} s, of its own process, warm {warm['seconds']:.2f} s")
        repeats = -(-MILLION // len(demand))
        million = [by_itself(file, last, repeats, cache) for _ in range(MILLION_ROUNDS)]
        for run in million:
            say(f"{run['series']} series: {run['seconds']:.1f} s, {run['memory_gb']:.2f} GB")
        pairs, alone = rates(demand, last, None, place)
        details = {
            "series": len(demand),
            "days": demand.shape[1],
            "whose": whose,
            "core": core,
            "levels": list(ForecastSettings().quantile_levels),
        }
        own_process = {
            "cold_seconds_with_compiling": cold["seconds"],
            "cold_processor_seconds": cold["processor_seconds"],
            "warm_seconds": warm["seconds"],
            "warm_processor_seconds": warm["processor_seconds"],
            "one_series_alone_milliseconds": 1000 / median(alone),
        }
        found = lines("prophet", pairs, ASKED, details | own_process)
        found.append(_million(million, pairs[ASKED[0]]))
        stores = daily_series.departments(DEPARTMENTS, DAYS)
        pairs, alone = rates(stores, date(2024, 4, 10), "JP", place)
        details |= {
            "series": len(stores),
            "days": DAYS,
            "whose": "drawn at random: week, year and holidays of Japan are fitted",
            "one_series_alone_milliseconds": 1000 / median(alone),
        }
        return found + lines("prophet_with_holidays", pairs, (), details)


def _million(runs: list[dict[str, Any]], prophet: Pairs) -> Result:
    """All series over and over; Prophet's time for as many is that of its rounds, multiplied.

    The shortest run counts: whoever shares the core makes the others longer.
    """
    by_prophet = runs[0]["series"] / median(prophet.peer)
    return Result(
        name="prophet_million",
        unit="s",
        peer_name="Prophet 1.5, 1000 samples, from its series/s above",
        pairs=Pairs(ours=[run["seconds"] for run in runs], peer=[by_prophet] * len(runs)),
        checks={
            f"shortest <= {MOST_SECONDS:g} s": min(r["seconds"] for r in runs) <= MOST_SECONDS,
            f"memory <= {MOST_MEMORY_GB:g} GB": max(r["memory_gb"] for r in runs) <= MOST_MEMORY_GB,
        },
        details={
            "series": runs[0]["series"],
            "shortest_seconds": min(run["seconds"] for run in runs),
            "processor_seconds": median(run["processor_seconds"] for run in runs),
            "memory_gb": max(run["memory_gb"] for run in runs),
        },
    )
