"""The evaluation of the sample by the real ``zaiko run``: how long, and in what memory."""

from typing import Any

import psycopg

from app.postgres import EmbeddedPostgres
from bench import database
from bench.command import Watch, started, watch
from bench.measure import Pairs, Result

MOST_SECONDS = 180.0
MOST_MEMORY_GB = 1.5


def results() -> list[Result]:
    with database.folder() as place:
        url = EmbeddedPostgres(place / "data").url
        with started(place) as (process, port):
            seen = watch(process, url, port, place / "output.log")
            evaluation = _evaluation(url)
    return [_result(seen, evaluation)]


def _evaluation(url: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT summary FROM evaluation").fetchone()
    assert row is not None
    return row[0]


def _result(seen: Watch, evaluation: dict[str, Any]) -> Result:
    steps = seen.step_seconds()
    taken, peak = sum(steps.values()), sum(seen.at_peak) / 1e9
    forecasts = evaluation["forecasts"]
    return Result(
        name="evaluate",
        unit="s",
        peer_name="what was asked for",
        pairs=Pairs(ours=[taken], peer=[MOST_SECONDS]),
        checks={
            f"seconds <= {MOST_SECONDS:g}": taken <= MOST_SECONDS,
            f"memory_gb <= {MOST_MEMORY_GB:g}": peak <= MOST_MEMORY_GB,
            "no forecast failed": not forecasts["failures"],
        },
        details={
            "seconds": taken,
            "step_seconds": steps,
            "run_until_ready_seconds": seen.step_at[-1][1],
            "memory_gb": peak,
            "memory_gb_each": [resident / 1e9 for resident in seen.at_peak],
            "memory_gb_without_double_counting": seen.proportional_bytes / 1e9,
            "memory_gb_by_step": {step: b / 1e9 for step, b in seen.service_bytes.items()},
            "postgres_memory_gb": seen.postgres_bytes / 1e9,
            "forecast_methods": forecasts["methods"],
            "forecasting_series_per_second": forecasts["series"] / steps["forecasting"],
        },
    )
