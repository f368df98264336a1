"""The evaluation of the sample: how long, in what memory, and its forecasts against plain Prophet.

The evaluation is that of the real ``zaiko run``. After it, Prophet with its defaults and our own
forecast take some of the same series in turns, in this process.
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
from app.domain.demand import SERIES as SERIES_KEY
from app.domain.demand import Floats, week_ends, weekly_demand
from app.domain.forecast import DemandHistory, ForecastPolicy, demand_history, forecast_series
from app.domain.returns import net_returns
from app.postgres import EmbeddedPostgres
from app.queries import history
from bench import database
from bench.command import Watch, started, watch
from bench.measure import Pairs, Result, seconds

MOST_SECONDS = 180.0
MOST_MEMORY_GB = 1.5
SERIES, SEED = 20, 2


async def _history(url: str, as_of: date, policy: ForecastPolicy) -> DemandHistory:
    """The series as the evaluation sees them."""
    engine = connect(url, pool_size=1)
    async with sessions_of(engine)() as session:
        lines = await history.sales_lines(session, as_of)
    await engine.dispose()
    bought = net_returns(lines).lines.query("net_quantity > 0")
    sales = pd.DataFrame(
        {
            "sku_id": bought["sku_id"].astype(object),
            "location_id": bought["location_id"].astype(object),
            "sold_on": bought["sold_on"],
            "quantity": bought["net_quantity"],
        }
    )
    return demand_history(*weekly_demand(sales, as_of=as_of), policy)


def against_prophet(found: DemandHistory, as_of: date, policy: ForecastPolicy) -> Pairs:
    """Series a second of one process; the same series to both, in turns."""
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True
    steady = np.flatnonzero(found.series["method"] == "prophet")
    chosen = np.random.default_rng(SEED).choice(steady, SERIES + 1, replace=False)
    pairs = Pairs(ours=[], peer=[], more_is_better=True)
    for number, row in enumerate(chosen):
        keys, demand = found.series.iloc[[row]][SERIES_KEY], found.demand[[row]]
        units = demand[0][~np.isnan(demand[0])]
        days = week_ends(as_of, range(1 - len(units), 1))
        frame = pd.DataFrame({"ds": days, "y": units})

        def ours(keys: pd.DataFrame = keys, demand: Floats = demand) -> None:
            one = demand_history(keys, demand, policy)
            forecast_series(one, as_of=as_of, policy=policy)

        def peer(frame: pd.DataFrame = frame) -> None:
            model = Prophet().fit(frame)
            weeks = model.make_future_dataframe(policy.horizon, freq="7D", include_history=False)
            model.predict(weeks)

        sides = [(pairs.ours, ours), (pairs.peer, peer)]
        for rates, work in sides if number % 2 else reversed(sides):
            taken = seconds(work)
            if number > 0:  # the first series only warms up
                rates.append(1 / taken)
    return pairs


def results() -> list[Result]:
    policy = ForecastPolicy()
    with database.folder() as place:
        url = EmbeddedPostgres(place / "data").url
        with started(place) as (process, port):
            seen = watch(process, url, port, place / "output.log")
            evaluation = _evaluation(url)
            as_of = date.fromisoformat(evaluation["as_of"])
            found = asyncio.run(_history(url, as_of, policy))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = against_prophet(found, as_of, policy)
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
        unit="series/s on one process",
        peer_name="Prophet with its defaults (uncertainty_samples=1000)",
        pairs=pairs,
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
            "series_compared": f"{SERIES} at random (seed {SEED}) of those forecast by Prophet",
        },
    )
