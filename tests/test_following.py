"""What a terminal, and what a log file, shows of a job that goes on."""

import re
from io import StringIO

import pytest
from rich.console import Console

from app.launcher.following import LINE_SECONDS, Steps
from app.models import Job, JobStatus


def job(step: str | None, done: int, total: int, attempts: int = 1) -> Job:
    return Job(
        kind="import",
        payload={},
        status=JobStatus.RUNNING,
        step=step,
        done=done,
        total=total,
        attempts=attempts,
    )


class Onlooker:
    """Shows jobs, each at the second that the test says."""

    def __init__(self, *, is_terminal: bool) -> None:
        self.now = 1000.0
        self.out = StringIO()
        console = Console(file=self.out, force_terminal=is_terminal, width=140, _environ={})
        self.steps = Steps("sales", console, clock=lambda: self.now)

    def show(self, now: float, shown: Job) -> None:
        self.now = 1000.0 + now
        self.steps.show(shown)

    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()


@pytest.fixture
def plain() -> Onlooker:
    return Onlooker(is_terminal=False)


def test_without_a_terminal_a_line_says_which_step_it_is(plain):
    with plain.steps:
        for now, step in enumerate((None, "reading", "reading", "merging")):
            plain.show(now, job(step, now, 100))
    assert plain.lines() == ["sales: reading", "sales: merging"]


def test_a_long_step_says_now_and_then_how_far_it_is_how_fast_and_how_long_still(plain):
    with plain.steps:
        plain.show(0, job(None, 0, 0))
        for second in range(31):
            plain.show(second, job("reading", second * 50_000, 20_000_000))
    assert plain.lines() == [
        "sales: reading",
        "sales: reading 500,000 of 20,000,000, 50,000 rows/s, 0:06:30 left",
        "sales: reading 1,000,000 of 20,000,000, 50,000 rows/s, 0:06:20 left",
        "sales: reading 1,500,000 of 20,000,000, 50,000 rows/s, 0:06:10 left",
    ]


def test_a_step_that_stands_still_is_not_repeated(plain):
    with plain.steps:
        for second in range(0, 100, 5):
            plain.show(second, job("deciding", 3, 5))
    assert plain.lines() == ["sales: deciding", "sales: deciding 3 of 5"]


def test_a_step_that_counts_nothing_has_no_count_to_show(plain):
    with plain.steps:
        plain.show(0, job("waiting for job 7", 0, 0))
        plain.show(3 * LINE_SECONDS, job("waiting for job 7", 0, 0))
    assert plain.lines() == ["sales: waiting for job 7"]


def test_a_job_that_is_begun_anew_is_measured_anew(plain):
    with plain.steps:
        plain.show(0, job("reading", 0, 1000))
        plain.show(1, job("reading", 900, 1000))
        plain.show(2, job("reading", 0, 1000, attempts=2))
        plain.show(12, job("reading", 100, 1000, attempts=2))
    assert plain.lines()[-1] == "sales: reading 100 of 1,000, 10 rows/s, 0:01:30 left"


def test_a_terminal_has_a_bar_with_rate_and_time_left():
    seen = Onlooker(is_terminal=True)
    with seen.steps:
        seen.show(0, job(None, 0, 0))
        seen.show(0, job("forecasting", 0, 90))
        seen.show(10, job("forecasting", 15, 90))
    drawn = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen.out.getvalue())
    last = drawn.splitlines()[-1]
    assert last.startswith("sales: forecasting")
    assert "15/90" in last
    assert last.rstrip().endswith("1.5/s, 0:00:50 left")
    seen.steps.complete()
