"""The process pool: results as they come, and no hang whatever happens to a worker."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from app.compute import WorkerDied, run


def double(number):
    return 2 * number


def refuse(number):
    if number == 3:
        raise ValueError("three")
    return number


def place(_):
    return os.getpid(), tempfile.gettempdir(), os.environ["OMP_NUM_THREADS"]


def cmdstan_place(_):
    import cmdstanpy

    return os.getpid(), cmdstanpy._TMPDIR


def die_once(folder, number):
    """End this process the first time that chunk 3 is met."""
    mark = Path(folder) / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os._exit(9)
    return number


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def first_after_second(mark, number):
    """Chunk 1 is not done before the result of chunk 2 has arrived."""
    while number == 1 and not Path(mark).exists():
        time.sleep(0.01)
    return number


def sleep_or_answer(seconds):
    time.sleep(seconds)
    return os.getpid()


def test_every_chunk_is_answered_once_and_progress_is_told():
    told = []
    results = list(run(double, range(20), processes=2, progress=told.append))
    assert sorted(results) == [2 * n for n in range(20)]
    assert told == list(range(1, 21))


def test_no_chunks_no_results():
    assert list(run(double, [], processes=2)) == []


def test_chunks_are_drawn_only_as_workers_become_free():
    drawn = []
    results = run(double, (drawn.append(n) or n for n in range(50)), processes=1)
    next(results)
    assert len(drawn) <= 3
    results.close()


def test_results_come_as_they_are_finished(tmp_path):
    mark = tmp_path / "second is here"
    work = partial(first_after_second, str(mark))
    assert list(run(work, [1, 2], processes=2, progress=lambda _: mark.touch())) == [2, 1]


def test_an_error_of_the_work_is_raised_here():
    with pytest.raises(ValueError, match="three"):
        list(run(refuse, range(10), processes=2))


def test_each_worker_has_its_own_temporary_directory_which_is_gone_afterwards():
    seen = set(run(place, range(20), processes=2))
    by_process = {pid: directory for pid, directory, _ in seen}
    assert {threads for *_, threads in seen} == {"1"}
    assert os.getpid() not in by_process
    assert len(set(by_process.values())) == len(by_process) == len(seen)
    assert not any(Path(directory).exists() for directory in by_process.values())


def test_cmdstan_writes_into_the_directory_of_its_worker():
    seen = set(run(cmdstan_place, range(4), processes=2))
    assert len({directory for _, directory in seen}) == len({pid for pid, _ in seen})
    assert not any(Path(directory).exists() for _, directory in seen)


def test_the_work_of_a_worker_that_died_is_repeated(tmp_path):
    results = list(run(partial(die_once, str(tmp_path)), range(12), processes=2))
    assert sorted(results) == list(range(12))
    assert (tmp_path / "died").exists()


def test_workers_that_keep_dying_are_an_error_not_a_hang():
    with pytest.raises(WorkerDied):
        list(run(die, range(4), processes=2))


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "from app.compute import run\n"
        "from tests.test_compute import sleep_or_answer\n"
        "if __name__ == '__main__':\n"
        "    for pid in run(sleep_or_answer, [0, 60, 60], processes=1):\n"
        "        print(pid, flush=True)\n"
    )
    root = str(Path(__file__).resolve().parents[1])
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root, "TMPDIR": str(tmp_path)},
    )
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not is_running(worker):
            return
        time.sleep(0.1)
    pytest.fail("the worker outlives its parent")


def is_running(pid):
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return bool(state) and not state.startswith("Z")


def test_fits_in_parallel_do_not_disturb_each_other():
    import numpy as np  # not above, where every worker of the other tests would load them too
    import pandas as pd

    from app.domain.forecast import ForecastPolicy, demand_history, forecast_series

    rng = np.random.default_rng(6)
    demand = rng.poisson(rng.uniform(5, 50, (12, 1)), (12, 60)).astype(float)
    series = pd.DataFrame({"sku_id": [f"{n:02}" for n in range(12)], "location_id": "X"})
    history = demand_history(series, demand, ForecastPolicy())
    work = partial(forecast_series, as_of=date(2026, 4, 1), policy=ForecastPolicy())
    together = pd.concat(run(work, history.chunks(2), processes=2)).sort_values("sku_id")
    assert together.failure.isna().all()
    assert set(together.method) == {"prophet"}
    np.testing.assert_allclose(
        np.stack(list(together.yhat)), np.stack(list(work(history).yhat)), rtol=1e-9
    )
