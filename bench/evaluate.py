"""The evaluation of the sample: how long, in what memory, and its forecasts against plain Prophet.

The evaluation is that of the real ``zaiko run``. After it, Prophet with its defaults on some of the
series and a whole forecast run of ours, from the sales in the database to forecasts in force, take
turns, each on one processor.
"""

import asyncio
import logging
import warnings
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import psycopg
from prophet import Prophet

from app.database import connect, sessions_of
from app.domain.policy import DEFAULT
from app.postgres import EmbeddedPostgres
from app.services.forecasting.running import Workers
from app.services.forecasting.runs import forecast_demand
from bench import database
from bench.command import Watch, started, watch
from bench.measure import Pairs, Result, seconds

MOST_SECONDS = 180.0
MOST_MEMORY_GB = 1.5
ROUNDS, SERIES, SEED = 5, 4, 2
HORIZON_WEEKS = DEFAULT.horizon_weeks
# Those with most days with a sale: Prophet's own ground.
STEADY = """
    SELECT sku_id, location_id FROM sales_daily WHERE units > 0
    GROUP BY sku_id, location_id ORDER BY count(*) DESC LIMIT 500
"""
SOLD = """
    SELECT sold_on, greatest(units, 0) FROM sales_daily
    WHERE sku_id = %s AND location_id = %s AND sold_on <= %s
"""


def _series(url: str, as_of: date) -> list[pd.DataFrame]:
    """Histories day by day, as Prophet wants them, of some steady sellers."""
    with psycopg.connect(url) as connection:
        keys = connection.execute(STEADY).fetchall()
        chosen = np.random.default_rng(SEED).choice(len(keys), ROUNDS * SERIES, replace=False)
        found = []
        for number in chosen:
            rows = connection.execute(SOLD, [*keys[number], as_of]).fetchall()
            units = pd.Series(dict(rows), dtype=float)
            units.index = pd.DatetimeIndex(units.index)
            days = pd.date_range(units.index.min(), as_of)
            found.append(pd.DataFrame({"ds": days, "y": units.reindex(days, fill_value=0.0)}))
    return found


async def _forecast(url: str, as_of: date) -> int:
    async def silent(step: str, done: int, total: int) -> None:
        pass

    engine = connect(url, pool_size=2)
    summary = await forecast_demand(
        sessions_of(engine),
        silent,
        today=as_of,
        as_of=as_of,
        horizon_weeks=HORIZON_WEEKS,
        sku_ids=None,
        location_ids=None,
        workers=Workers(processes=1),
        country="GB",
    )
    await engine.dispose()
    return int(summary["series"])


def against_prophet(url: str, as_of: date) -> Pairs:
    """Series a second of one processor, in turns."""
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True
    found = _series(url, as_of)
    pairs = Pairs(ours=[], peer=[], more_is_better=True)
    count = asyncio.run(_forecast(url, as_of))  # warms up
    for number in range(ROUNDS):
        mine = found[number * SERIES : (number + 1) * SERIES]

        def ours() -> None:
            asyncio.run(_forecast(url, as_of))

        def peer(mine: list[pd.DataFrame] = mine) -> None:
            for frame in mine:
                model = Prophet().fit(frame)
                model.predict(model.make_future_dataframe(7 * HORIZON_WEEKS, include_history=False))

        sides = [(pairs.ours, ours, count), (pairs.peer, peer, SERIES)]
        for rates, work, of in sides if number % 2 else reversed(sides):
            rates.append(of / seconds(work))
    return pairs


def results() -> list[Result]:
    with database.folder() as place:
        url = EmbeddedPostgres(place / "data").url
        with started(place) as (process, port):
            seen = watch(process, url, port, place / "output.log")
            evaluation = _evaluation(url)
            as_of = date.fromisoformat(evaluation["as_of"])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pairs = against_prophet(url, as_of)
    return [_result(seen, evaluation, pairs)]


def _evaluation(url: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT summary FROM evaluation").fetchone()
    assert row is not None
    return row[0]


def _result(seen: Watch, evaluation: dict[str, Any], pairs: Pairs) -> Result:
    steps = seen.step_seconds()
    taken, peak = sum(steps.values()), sum(seen.at_peak) / 1e9
    forecasts = evaluation["forecasts"]
    return Result(
        name="evaluate",
        unit="series/s on one processor",
        peer_name="Prophet with its defaults (uncertainty_samples=1000), fit and predict alone",
        pairs=pairs,
        checks={
            f"seconds <= {MOST_SECONDS:g}": taken <= MOST_SECONDS,
            f"memory_gb <= {MOST_MEMORY_GB:g}": peak <= MOST_MEMORY_GB,
            "no forecast failed": not forecasts["failed"],
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
            "series_compared": f"{ROUNDS} times {SERIES} of the 500 steadiest (seed {SEED})",
        },
    )
