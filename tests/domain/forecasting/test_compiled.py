"""Machine code is kept where it can be, and nothing hinges on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.forecasting.compiled import compiled

MODULE = """
from app.domain.forecasting.compiled import compiled

@compiled
def doubled(x):
    return 2 * x

assert doubled(3) == 6
hits = sum(doubled.stats.cache_hits.values())
print(hits)
"""


@pytest.fixture
def run(tmp_path):
    script, cache = tmp_path / "script.py", tmp_path / "cache"
    script.write_text(MODULE)

    def run(directory=cache):
        done = subprocess.run(
            [sys.executable, script],
            env=os.environ | {"NUMBA_CACHE_DIR": str(directory), "PYTHONPATH": str(Path.cwd())},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    run.cache = cache
    return run


def test_the_second_process_need_not_compile(run):
    assert run() == 0
    assert run() == 1


def test_damaged_code_is_compiled_anew(run):
    run()
    for file in run.cache.rglob("*.nb?"):
        file.write_bytes(b"")
    assert run() == 0


def test_code_that_cannot_be_kept_is_used_all_the_same(run):
    run()
    for file in run.cache.rglob("*.nb?"):
        file.unlink()
        file.mkdir()  # as on a full disk, nothing can be put there
    assert run() == 0


def test_where_nothing_can_be_written_each_process_compiles_for_itself():
    source = {}
    exec("def doubled(x):\n    return 2 * x", source)
    assert compiled(source["doubled"])(3) == 6


FORECAST = """
from datetime import date
from hashlib import sha256

import numpy as np

from app.domain.forecasting.batched_prophet import prophet_forecast
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings

demand = np.random.default_rng(1).poisson(2.0, (200, 400)).astype(float)
mean, quantiles = prophet_forecast(
    demand, calendar=Calendar(date(2024, 5, 6)), horizon=28, settings=ForecastSettings(),
    levels=[0.1, 0.9],
)
print(sha256(mean.tobytes() + quantiles.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_digits_do_not_depend_on_who_compiled_what(tmp_path):
    """Processes that start together mix their own code with what the others have kept already."""

    def start(threads):
        environment = {
            "NUMBA_CACHE_DIR": str(tmp_path),
            "PYTHONPATH": str(Path.cwd()),
            "OPENBLAS_NUM_THREADS": threads,
        }
        command = [sys.executable, "-c", FORECAST]
        return subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, text=True
        )

    together = [start("1") for _ in range(3)]
    answers = {process.communicate()[0] for process in together}
    answers |= {start(threads).communicate()[0] for threads in ("1", "2")}
    assert len(answers) == 1
    assert len(answers.pop().strip()) == 64
