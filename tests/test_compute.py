"""The process pool: results as they come, and no hang whatever happens to a worker."""

import multiprocessing
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

from app.compute import Pool, WorkerDied


def run(function, chunks, *, processes, progress=lambda done: None):
    """One round of work on a pool of its own."""
    with Pool(processes) as pool:
        yield from pool.run(function, chunks, progress=progress)


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
        "from tests.test_compute import run, sleep_or_answer\n"
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


def test_the_workers_of_one_round_do_the_next_one_too():
    with Pool(1) as pool:
        assert set(pool.run(place, range(3))) == set(pool.run(place, range(3)))
        with pytest.raises(ValueError, match="three"):
            list(pool.run(refuse, range(10)))
        assert sorted(pool.run(double, range(3))) == [0, 2, 4], "and after a mistake, new ones do"


def long_answer(number):
    return os.getpid(), bytes([number]) * 5_000_000


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_worker_killed_while_it_hands_over_a_long_answer_holds_nobody_up(moment):
    def kill(done):
        if done == moment:
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    answers = dict(run_numbered(kill))
    assert {number: len(answer) for number, answer in answers.items()} == dict.fromkeys(
        range(8), 5_000_000
    )


def run_numbered(progress):
    for _, answer in run(long_answer, range(8), processes=2, progress=progress):
        yield answer[0], answer


def fitted(seed):
    """A fit of real Prophet, which has its optimiser write into temporary files."""
    import numpy as np  # not above, where every worker of the other tests would load them too

    from app.domain.forecasting.calendar import Calendar
    from app.domain.forecasting.settings import ProphetSetup
    from app.domain.forecasting.single_prophet import SingleProphet, single_forecast

    demand = np.random.default_rng(seed).poisson(5 + 4 * seed, 200).astype(float)
    return seed, single_forecast(
        demand,
        calendar=Calendar(date(2026, 4, 1)),
        horizon=14,
        setup=ProphetSetup(),
        single=SingleProphet(),
    ).tolist()


def test_fits_in_parallel_do_not_disturb_each_other():
    together = dict(run(fitted, range(6), processes=2))
    for seed in range(6):
        assert together[seed] == pytest.approx(fitted(seed)[1], rel=1e-9)
