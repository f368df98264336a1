"""Demand rates against plain re-implementations of the published methods."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.forecasting.flat_rates import (
    ALPHAS,
    ages,
    imapa,
    seasonal_naive,
    shrunken_mean,
    trailing_mean,
    tsb,
)

rows = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=40), min_size=1, max_size=5).map(
    lambda lists: [[2.0, *map(float, row)] for row in lists]
)


def matrix(lists):
    width = max(map(len, lists))
    return np.array([[np.nan] * (width - len(row)) + row for row in lists])


def slow_tsb(row, alpha, beta, warm_up):
    early = row[:warm_up]
    busy = [y for y in early if y > 0]
    chance, size = len(busy) / len(early), sum(busy) / len(busy)
    for y in row:
        chance += beta * ((y > 0) - chance)
        size += alpha * (y - size) if y > 0 else 0
    return chance * size


def slow_smoothing(totals):
    fits = []
    for alpha in ALPHAS:
        level, squared = totals[0], 0.0
        for total in totals[1:]:
            squared += (total - level) ** 2
            level = alpha * total + (1 - alpha) * level
        fits.append((squared, level))
    return min(fits, key=lambda fit: fit[0])[1]


def slow_imapa(row):
    sales = [place for place, y in enumerate(row) if y > 0]
    gaps = np.diff([-1, *sales])
    longest = max(int(np.rint(gaps.mean())), 1)
    rates = []
    for length in range(1, longest + 1):
        kept = row[len(row) % length :]
        totals = [sum(kept[i : i + length]) for i in range(0, len(kept), length)]
        rates.append(slow_smoothing(totals) / length)
    return np.mean(rates)


@settings(deadline=None, max_examples=60)
@given(rows, st.integers(1, 9))
def test_tsb_is_the_published_recursion(lists, warm_up):
    ours = tsb(matrix(lists), max(map(len, lists)), 0.3, 0.1, warm_up)
    assert ours == pytest.approx([slow_tsb(row, 0.3, 0.1, warm_up) for row in lists])


@settings(deadline=None, max_examples=60)
@given(rows)
def test_imapa_is_the_mean_of_smoothed_buckets_of_every_length(lists):
    ours = imapa(matrix(lists), max(map(len, lists)))
    assert ours == pytest.approx([slow_imapa(row) for row in lists])


@settings(deadline=None, max_examples=60)
@given(rows, st.integers(1, 9))
def test_only_the_known_periods_count(lists, known):
    demand = matrix(lists)
    known = min(known, demand.shape[1])
    cut = np.ascontiguousarray(demand[:, :known])
    for whole, past in (
        (tsb(demand, known, 0.3, 0.1, 4), tsb(cut, known, 0.3, 0.1, 4)),
        (imapa(demand, known), imapa(cut, known)),
        (trailing_mean(demand, known, 3), trailing_mean(cut, known, 3)),
        (seasonal_naive(demand, known, 3, 5), seasonal_naive(cut, known, 3, 5)),
    ):
        assert (whole == past).all()


@settings(deadline=None, max_examples=40)
@given(rows, st.floats(0.01, 1e9))
def test_rates_scale_with_demand(lists, factor):
    demand = matrix(lists)
    known = demand.shape[1]
    assert tsb(demand * factor, known, 0.3, 0.1, 4) == pytest.approx(
        tsb(demand, known, 0.3, 0.1, 4) * factor
    )
    assert imapa(demand * factor, known) == pytest.approx(imapa(demand, known) * factor)


def test_tsb_fades_where_nothing_sells_any_more():
    row = np.array([[5.0] + [0.0] * 200])
    assert tsb(row, 201, 0.1, 0.1, 1)[0] < 1e-6


def test_a_history_that_was_cut_off_may_begin_without_a_sale():
    row = np.array([[0.0] * 20 + [4.0]])
    assert tsb(row, 21, 0.3, 0.1, 8) == pytest.approx([0.1 * 4])


def test_means_of_few_periods():
    demand = np.array([[np.nan, np.nan, 4.0, 2.0], [np.nan] * 4])
    assert trailing_mean(demand, 4, 28) == pytest.approx([3, 0])
    assert trailing_mean(demand, 4, 1) == pytest.approx([2, 0])
    assert shrunken_mean(demand, 4, 1.0, 2.0) == pytest.approx([(6 + 2) / 4, 1])
    assert ages(demand, 4).tolist() == [2, 0]


def test_seasonal_naive_repeats_the_last_season_or_the_last_period():
    demand = np.array([[9.0, 1, 2, 3], [np.nan, np.nan, np.nan, 5], [np.nan] * 4])
    answer = seasonal_naive(demand, 4, 3, 5)
    assert answer.tolist() == [[1, 2, 3, 1, 2], [5] * 5, [0] * 5]


def test_no_series_and_no_periods():
    for demand, known in ((np.zeros((0, 5)), 5), (np.zeros((2, 0)), 0)):
        assert tsb(demand, known, 0.1, 0.1, 8).tolist() == [0] * len(demand)
        assert imapa(demand, known).tolist() == [0] * len(demand)
        assert trailing_mean(demand, known, 28).tolist() == [0] * len(demand)
