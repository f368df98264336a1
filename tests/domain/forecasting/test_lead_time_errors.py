"""How far lead-time demand strays, and what a class lends to it."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.lead_time import SPANS, dispersion, rolling_errors
from app.domain.forecasting.level_spread import GRID, LevelCounts, _least_cv2
from app.domain.forecasting.pattern import CLASSES, NEW
from app.domain.forecasting.settings import ForecastSettings

DAYS = Calendar(date(2024, 6, 30))
SETTINGS = ForecastSettings()
OWN_ONLY = ForecastSettings(error_prior_windows=0.0)


def slow_errors(row, span, window, least):
    """Squared error and actual of every total that a trailing mean could forecast."""
    squared, totals = [], []
    for origin in range(least, len(row) - span + 1):
        past = row[max(origin - window, 0) : origin]
        actual = sum(row[origin : origin + span])
        squared.append((actual - span * sum(past) / len(past)) ** 2)
        totals.append(actual)
    return sum(squared), sum(totals), len(totals)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=90), min_size=1, max_size=4),
    st.integers(0, 5),
)
def test_own_errors_agree_with_counting_by_hand(lists, place):
    lists = [[3, *row] for row in lists]
    width = max(map(len, lists))
    demand = np.array([[np.nan] * (width - len(r)) + r for r in lists], dtype=float)
    ours = rolling_errors(demand, width, DAYS, SETTINGS)
    for i, row in enumerate(lists):
        squared, total, windows = slow_errors(row, SPANS[place], 28, 28)
        assert ours.squared[i, place] == pytest.approx(squared)
        assert ours.total[i, place] == pytest.approx(total)
        assert ours.windows[i, place] == windows
        assert ours.size[i] == pytest.approx(np.mean(row))


def test_few_windows_are_drawn_to_the_class_at_the_size_of_the_series():
    rng = np.random.default_rng(1)
    demand = rng.poisson(2.0, (1, 60)).astype(float)
    errors = rolling_errors(demand, 60, DAYS, SETTINGS)
    cv2 = np.full((1, len(SPANS)), 0.3)
    ours = dispersion(errors, cv2, 7, SETTINGS)[0, 6]
    own = errors.squared[0, 5] / errors.total[0, 5]
    weight = errors.windows[0, 5] / (errors.windows[0, 5] + 8 * 7)
    assert ours == pytest.approx(weight * own + (1 - weight) * (1 + 0.3 * 7 * demand.mean()))


def test_independent_poisson_demand_has_the_dispersion_of_theory():
    # The error of an L-day total from a W-day mean has variance λL + λL²/W, so 1 + L/W.
    demand = np.random.default_rng(7).poisson(2, (400, 400)).astype(float)
    errors = rolling_errors(demand, 400, DAYS, OWN_ONLY)
    ours = dispersion(errors, np.zeros((400, len(SPANS))), 28, OWN_ONLY).mean(axis=0)
    for days in (1, 6, 7, 14, 28):
        assert ours[days - 1] == pytest.approx(1 + days / 28, rel=0.05)


def test_nothing_known_is_what_the_class_has():
    demand = np.full((1, 5), np.nan)
    errors = rolling_errors(demand, 5, DAYS, SETTINGS)
    ours = dispersion(errors, np.full((1, len(SPANS)), 0.5), 3650, SETTINGS)
    assert (ours == 1).all(), "no demand, so no spread beyond Poisson"


def test_beyond_the_longest_span_the_level_stays_as_unsure_as_it_was():
    demand = np.full((1, 10), 2.0)  # too short for errors of its own
    errors = rolling_errors(demand, 10, DAYS, SETTINGS)
    ours = dispersion(errors, np.full((1, len(SPANS)), 0.5), 3650, SETTINGS)[0]
    assert ours == pytest.approx(1 + 0.5 * 2 * np.arange(1, 3651))


def test_the_least_cv2_is_found_as_if_every_one_were_tried():
    rng = np.random.default_rng(5)
    mean = rng.gamma(0.7, 8.0, 300)
    actual = rng.poisson(mean * rng.gamma(1.0, 1.0, 300)).astype(float)
    base, slope = rng.uniform(1, 3, 300), rng.uniform(0.2, 1.0, 300) * mean
    ours = _least_cv2(mean, actual, base, slope, GRID, 0.95)
    for i in range(300):
        variance = mean[i] * (base[i] + GRID * slope[i])
        shape = mean[i] / (variance / mean[i] - 1 + 1e-12)
        within = actual[i] <= nbinom.ppf(0.95, shape, mean[i] / variance)
        expected = int(np.argmax(within)) if within.any() else len(GRID)
        if within.any() == within[-1]:  # nearly always: a larger spread lets more in
            assert abs(ours[i] - expected) <= 1


def counted(seed, n, excess):
    """Counts of n series whose level is off by a Gamma factor of this CV²."""
    rng = np.random.default_rng(seed)
    history = rng.poisson(3.0, (n, 120)).astype(float)
    level = rng.gamma(1 / excess, excess, (n, 1)) if excess else 1.0
    actual = rng.poisson(3.0 * level * np.ones((n, 28))).astype(float)
    errors = rolling_errors(history, 120, DAYS, SETTINGS)
    counts = LevelCounts.none()
    code = np.zeros(n, np.int64)
    counts.add(3, code, errors, np.full((n, 28), 3.0), actual, DAYS, SETTINGS)
    return counts


def test_a_level_less_sure_than_its_history_asks_for_more():
    masks = [3] * len(CLASSES)
    even = counted(1, 2000, 0.0).cv2(masks, DAYS, SETTINGS)
    wild = counted(1, 2000, 0.4).cv2(masks, DAYS, SETTINGS)
    assert (wild[0] > even[0] + 0.1).all()
    assert (wild[0] == wild[3]).all(), "a class without series has that of all"


def test_counts_of_a_whole_are_the_sums_of_its_parts():
    whole = counted(1, 40, 0.1) + counted(2, 30, 0.2)
    other = counted(2, 30, 0.2) + counted(1, 40, 0.1)
    assert (whole.counts == other.counts).all()
    assert whole.counts[3, 0].sum(axis=1).tolist() == [70, 70, 70]


def test_too_few_series_prove_nothing():
    cv2 = counted(1, 19, 0.4).cv2([3] * len(CLASSES), DAYS, SETTINGS)
    assert (np.delete(cv2, NEW, axis=0) == SETTINGS.default_cv2).all()
    assert (cv2[NEW] == SETTINGS.new_cv2).all()


def test_a_small_shop_is_as_unsure_as_its_own_series_were():
    cv2 = counted(1, 60, 0.0).cv2([3] * len(CLASSES), DAYS, SETTINGS)
    assert (np.delete(cv2, NEW, axis=0) < SETTINGS.default_cv2).all()
    assert (cv2[NEW] == SETTINGS.new_cv2).all(), "what has not sold yet has proved nothing"
