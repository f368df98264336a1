"""How far demand strays from its forecast."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.dispersion import level_cv2, sum_error_dispersion


def slow_dispersion(row, weeks, window, least_weeks):
    """Squared error and actual of every L-week total that a trailing mean could forecast."""
    squared, totals = [], []
    for origin in range(len(row) + 1):
        past = row[max(origin - window, 0) : origin]
        future = row[origin : origin + weeks]
        if len(past) >= least_weeks and len(future) == weeks:
            squared.append((sum(future) - weeks * sum(past) / len(past)) ** 2)
            totals.append(sum(future))
    return (sum(squared) / sum(totals), len(totals)) if totals and sum(totals) else (None, 0)


def one_class(n):
    return np.full(n, "smooth")


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=30), min_size=1, max_size=4),
    st.integers(1, 6),
)
def test_own_errors_agree_with_counting_by_hand(rows, weeks):
    rows = [[3, *row] for row in rows]
    width = max(map(len, rows))
    demand = np.array([[np.nan] * (width - len(r)) + r for r in rows], dtype=float)
    ours = sum_error_dispersion(demand, one_class(len(rows)), weeks, prior_windows=0)
    for row, dispersion in zip(rows, ours, strict=True):
        expected, windows = slow_dispersion(row, weeks, 8, 4)
        if windows:
            assert dispersion == pytest.approx(expected)


def test_few_windows_are_drawn_to_the_class_at_the_size_of_the_series():
    demand = np.array([[2.0, 2.0, 2.0, 2.0, 8.0, 0.0], [np.nan] * 4 + [6.0, 6.0]])
    # L = 1: forecasts 2 and 16/5, actual 8 and 0: squared errors 36 and 10.24 over a total of 8
    own = 46.24 / 8
    cv2 = (own - 1) / 4  # mean total 4
    usual = 1 + cv2 * np.array([16 / 6, 6])  # mean weekly demand of each
    ours = sum_error_dispersion(demand, one_class(2), 1, prior_windows=6, least_series=1)
    assert ours == pytest.approx([2 / 8 * own + 6 / 8 * usual[0], usual[1]])


def test_a_class_with_few_measured_series_borrows_from_all():
    rng = np.random.default_rng(1)
    demand = np.vstack([rng.poisson(9, (20, 60)), np.full((1, 60), np.nan)]).astype(float)
    demand[20, -2:] = 9
    classes = np.array(["smooth"] * 20 + ["new"])
    alone = sum_error_dispersion(demand[20:], classes[20:], 4, default_cv2=0.5)
    assert alone == pytest.approx([1 + 0.5 * 36])
    among_others = sum_error_dispersion(demand, classes, 4)[20]
    assert 1 <= among_others < 3  # as even as the Poisson series beside it


def test_independent_poisson_demand_has_the_dispersion_of_theory():
    # The error of an L-week total from a W-week mean has variance λL + λL²/W, so 1 + L/W.
    demand = np.random.default_rng(7).poisson(20, (400, 300)).astype(float)
    for weeks in (1, 4, 8):
        measured = sum_error_dispersion(demand, one_class(400), weeks)
        assert np.mean(measured) == pytest.approx(1 + weeks / 8, rel=0.03)


def test_a_wandering_level_makes_totals_stray_more_than_weeks_do():
    rng = np.random.default_rng(3)
    level = 50 * np.exp(np.cumsum(rng.normal(0, 0.1, (200, 150)), axis=1))
    demand = rng.poisson(level).astype(float)
    week = sum_error_dispersion(demand, one_class(200), 1)
    month = sum_error_dispersion(demand, one_class(200), 4)
    assert np.median(month) > 1.5 * np.median(week)


def test_always_a_number():
    demand = np.array([[np.nan, np.nan, 4.0], [0.0, 0.0, 0.0], [1e9, 0.0, 1e9]])
    for weeks in (1, 3, 26):
        ratio = sum_error_dispersion(demand, one_class(3), weeks)
        assert np.isfinite(ratio).all()
        assert (ratio > 0).all()
    assert sum_error_dispersion(np.zeros((0, 5)), one_class(0), 4).shape == (0,)


def test_level_cv2_is_the_variance_beyond_poisson():
    # m 40, V 200: (200 − 40)/40² = .1; no more than Poisson, and no demand: certain
    ours = level_cv2(np.array([40.0, 40.0, 0.0]), np.array([5.0, 0.8, 5.0]))
    assert ours == pytest.approx([0.1, 0, 0])
