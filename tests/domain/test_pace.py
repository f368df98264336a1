"""The speed of a step and its time left, from what looks at it have seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.pace import WINDOW_SECONDS, Pace, Watch, pace


def test_the_rate_is_what_was_done_over_the_time_it_took():
    found = pace([(100.0, 0), (102.0, 50_000), (104.0, 100_000)], 1_000_000, now=104.0)
    assert found == Pace(25_000, 36)


def test_a_count_that_stands_still_between_two_changes_is_no_slower():
    changes = [(0.0, 0), (5.0, 10), (10.0, 20)]
    assert pace(changes, 100, now=15.0) == pace(changes, 100, now=10.0) == Pace(2, 40)


def test_a_change_that_is_overdue_makes_the_step_slower():
    changes = [(0.0, 0), (5.0, 10), (10.0, 20)]
    assert pace(changes, 100, now=25.0) == Pace(1, 80)


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ([], 100),
        ([(1.0, 5)], 100),
        ([(1.0, 5), (1.0, 9)], 100),
        ([(1.0, 5), (2.0, 5)], 100),
        ([(1.0, 0), (2.0, 1), (3.0, 2)], 3),
    ],
    ids=["nothing seen", "one change", "no time", "no progress", "a few stages"],
)
def test_what_is_not_known_is_not_said(changes, total):
    now = changes[-1][0] if changes else 9.0
    assert pace(changes, total, now=now) == Pace(None, None)


def test_a_step_that_goes_on_past_its_total_has_no_known_end():
    assert pace([(0.0, 0), (1.0, 100)], 100, now=1.0) == Pace(100, None)


@given(
    st.lists(st.tuples(st.floats(0.1, 60), st.integers(1, 10**6)), min_size=2, max_size=20),
    st.integers(1, 10**6),
    st.floats(0, 1000),
    st.floats(0, 1000),
)
def test_waiting_longer_never_makes_a_step_faster(leaps, left, sooner, later):
    changes, now, done = [], 0.0, 0
    for seconds, units in leaps:
        now, done = now + seconds, done + units
        changes.append((now, done))
    total = done + left + 10
    early = pace(changes, total, now=now + min(sooner, later))
    late = pace(changes, total, now=now + max(sooner, later))
    assert 0 < late.rate <= early.rate
    assert late.rate * late.seconds_left == pytest.approx(total - done)


def test_a_watch_that_comes_late_waits_until_it_has_seen_the_count_change_twice():
    watch = Watch()
    assert watch.look("reading", 500, 1000, now=0.0) == Pace()
    assert watch.look("reading", 600, 1000, now=0.1) == Pace(), "how long did that take?"
    assert watch.look("reading", 700, 1000, now=10.1) == Pace(10, 30)


def test_a_watch_that_sees_a_step_begin_knows_with_its_first_change():
    watch = Watch()
    watch.look(None, 0, 0, now=0.0)
    assert watch.look("reading", 0, 1000, now=3.0) == Pace()
    assert watch.look("reading", 100, 1000, now=5.0) == Pace(50, 18)


def test_another_step_and_a_count_that_falls_back_begin_anew():
    watch = Watch()
    for now, done in enumerate((0, 100, 200)):
        watch.look("reading", done, 1000, now=float(now))
    assert watch.look("reading", 10, 1000, now=3.0) == Pace()
    assert watch.look("reading", 30, 1000, now=4.0).rate == 20
    assert watch.look("checking", 40, 1000, now=5.0) == Pace()
    assert watch.look("checking", 45, 1000, now=6.0).rate == 5


def test_what_was_long_ago_no_longer_counts():
    watch = Watch()
    watch.look(None, 0, 0, now=0.0)
    for second in range(101):
        watch.look("reading", second * 1000, 10**6, now=float(second))
    for second in range(101, 101 + int(WINDOW_SECONDS)):
        found = watch.look("reading", 100_000 + (second - 100) * 10, 10**6, now=float(second))
    assert found.rate == pytest.approx(10)


def test_changes_further_apart_than_the_window_still_tell():
    watch = Watch()
    watch.look(None, 0, 0, now=0.0)
    for minute in range(1, 5):
        found = watch.look("forecasting", minute, 20, now=60.0 * minute)
    assert found == Pace(1 / 60, pytest.approx(16 * 60))
