"""How long real Prophet takes, and the CmdStan program inside it without anything around it."""

import json
import logging
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import prophet
from prophet import Prophet
from prophet.models import CmdStanPyBackend

HORIZON = 28
BINARY = Path(prophet.__file__).parent / "stan_model" / "prophet_model.bin"


def quiet() -> None:
    warnings.filterwarnings("ignore", module="prophet")
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True


def histories(demand: np.ndarray, last: pd.Timestamp) -> list[pd.DataFrame]:
    days = pd.date_range(end=last, periods=demand.shape[1])
    frames = [pd.DataFrame({"ds": days, "y": row}) for row in demand]
    return [frame.dropna(ignore_index=True) for frame in frames]


def fit_and_predict(frame: pd.DataFrame, samples: int, country: str | None) -> None:
    """As in Prophet's own quick start."""
    model = Prophet(uncertainty_samples=samples)
    if country:
        model.add_country_holidays(country)
    model.fit(frame)
    model.predict(model.make_future_dataframe(HORIZON, include_history=False))
    if model.stan_backend.stan_fit is not None:
        model.stan_backend.cleanup()


def whole(frames: list[pd.DataFrame], samples: int, country: str | None) -> Callable[[], float]:
    def measure() -> float:
        started = perf_counter()
        for frame in frames:
            fit_and_predict(frame, samples, country)
        return perf_counter() - started

    return measure


def bare(frames: list[pd.DataFrame], country: str | None, place: Path) -> Callable[[], float]:
    """Only the program: its input is written beforehand, and nobody reads its output."""
    commands = []
    for number, frame in enumerate(frames):
        model = Prophet(uncertainty_samples=0)
        if country:
            model.add_country_holidays(country)
        inputs = model.preprocess(frame)
        init = vars(model.calculate_initial_params(inputs.K))
        init, data = CmdStanPyBackend.prepare_data(init, vars(inputs))
        files = [place / f"{number}-{name}.json" for name in ("data", "init")]
        for file, content in zip(files, (data, init), strict=True):
            file.write_text(json.dumps(content))
        commands.append(
            [BINARY, "random", "seed=1", "data", f"file={files[0]}", f"init={files[1]}",
             "output", f"file={place / 'output.csv'}",
             "method=optimize", "algorithm=lbfgs", "iter=10000"]
        )  # fmt: skip

    def measure() -> float:
        started = perf_counter()
        for command in commands:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return perf_counter() - started

    return measure
