"""Demand rates that bear weeks without sales."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.intermittent import shrunken_mean, tsb

series = st.lists(st.integers(0, 500), min_size=0, max_size=40).map(lambda tail: [7, *tail])


def slow_tsb(demand, alpha, beta):
    """One series, one week at a time, started at the first sale as in the paper."""
    chance, size = 1.0, demand[0]
    for y in demand[1:]:
        chance += beta * ((1 if y > 0 else 0) - chance)
        if y > 0:
            size += alpha * (y - size)
    return chance * size


def test_by_hand():
    # p: 1 → .8 → .84 → .672;  z: 10 → 10 → 16 → 16
    demand = np.array([[10.0, 0.0, 40.0, 0.0]])
    assert tsb(demand, alpha=0.2, beta=0.2, warm_up=1) == pytest.approx([0.672 * 16])


def test_a_longer_warm_up_starts_at_the_mean_of_those_weeks():
    # start: 2 of 4 weeks sold, 20 on average; p: .6 → .48 → .584 → .4672, z: 19 → 19 → 20.1
    demand = np.array([[10.0, 0.0, 30.0, 0.0]])
    assert tsb(demand, alpha=0.1, beta=0.2, warm_up=4) == pytest.approx([0.4672 * 20.1])
    # a history shorter than the warm-up starts at its own mean
    assert tsb(demand[:, :1], alpha=0.1, beta=0.2, warm_up=8) == pytest.approx([10])


@settings(deadline=None, max_examples=50)
@given(st.lists(series, min_size=1, max_size=5), st.floats(0.01, 1), st.floats(0.01, 1))
def test_agrees_with_the_recursion_of_the_paper(rows, alpha, beta):
    width = max(map(len, rows))
    demand = np.array([[np.nan] * (width - len(row)) + row for row in rows])
    expected = [slow_tsb(row, alpha, beta) for row in rows]
    assert tsb(demand, alpha=alpha, beta=beta, warm_up=1) == pytest.approx(expected)


def test_demand_that_has_stopped_fades_to_nothing():
    stopped = np.array([[8.0] * 10 + [0.0] * 30])
    assert tsb(stopped, alpha=0.2, beta=0.2, warm_up=8) == pytest.approx([8 * 0.8**30])


@settings(deadline=None, max_examples=30)
@given(series, st.floats(0.001, 1e6))
def test_scales_with_demand_and_stays_within_it(row, scale):
    demand = np.array([row], dtype=float)
    rate = tsb(demand, alpha=0.2, beta=0.2, warm_up=8)
    assert tsb(demand * scale, alpha=0.2, beta=0.2, warm_up=8) == pytest.approx(rate * scale)
    assert 0 <= rate[0] <= max(row) * (1 + 1e-12)


@pytest.mark.parametrize(("alpha", "beta", "warm_up"), [(0, 0.1, 1), (0.1, 1.1, 1), (0.1, 0.1, 0)])
def test_refuses_weights_that_are_none(alpha, beta, warm_up):
    with pytest.raises(ValueError, match="alpha"):
        tsb(np.ones((1, 3)), alpha=alpha, beta=beta, warm_up=warm_up)


def test_no_series_no_rates():
    assert tsb(np.zeros((0, 5)), alpha=0.2, beta=0.2, warm_up=8).shape == (0,)


def test_a_short_history_is_drawn_towards_the_usual():
    demand = np.array([[np.nan, 30.0, 10.0], [np.nan, np.nan, 9.0]])
    assert shrunken_mean(demand, prior_rate=5, prior_weeks=2) == pytest.approx([50 / 4, 19 / 3])
    assert shrunken_mean(demand, prior_rate=5, prior_weeks=0) == pytest.approx([20, 9])
