"""Series that have not sold for long: some come back, and the past tells how many."""

from datetime import date
from functools import reduce
from operator import add

import numpy as np
import pytest
from scipy.stats import nbinom

from app.domain.forecasting import engine
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.comeback import Comeback, ComebackCounts
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup

DAYS, WEEKS = Calendar(date(2024, 6, 30)), Calendar(date(2024, 6, 30), 7)
SETTINGS = ForecastSettings(prophet=ProphetSetup(country=None))


def returning(seed, n, share, rate=2.0):
    """Four weeks of n inactive series of which a share comes back."""
    rng = np.random.default_rng(seed)
    return rng.poisson(rate * (rng.random((n, 1)) < share) * np.ones((n, 28))).astype(float)


def test_the_mean_and_the_upper_end_are_those_of_the_class():
    actual = returning(1, 2000, 0.2)
    found = ComebackCounts.of(np.full(2000, 9.0), actual, DAYS).found(DAYS, SETTINGS)
    assert found.rate == pytest.approx(actual.mean())
    mean = np.full((1, 28), found.rate)
    spread = found.dispersion(mean)[0]
    for days in (7, 14, 28):
        total, ratio = found.rate * days, spread[days - 1]
        held = nbinom.ppf(0.95, total / (ratio - 1), 1 / ratio)
        assert (actual[:, :days].sum(axis=1) <= held).mean() == pytest.approx(0.95, abs=0.02)


def test_where_hardly_any_comes_back_nothing_is_forecast_of_it():
    best = np.full(1000, 9.0)
    assert ComebackCounts.of(best, returning(2, 1000, 0.03), DAYS).found(DAYS, SETTINGS).rate == 0
    assert ComebackCounts.of(best, returning(2, 1000, 0.08), DAYS).found(DAYS, SETTINGS).rate > 0


def test_few_series_prove_nothing():
    few = ComebackCounts.of(np.full(99, 9.0), returning(3, 99, 0.5), DAYS)
    assert few.found(DAYS, SETTINGS).rate == 0
    assert ComebackCounts.none().found(DAYS, SETTINGS).rate == 0


def test_one_huge_comeback_counts_for_no_more_than_its_best_period():
    actual = returning(4, 200, 0.2)
    actual[0] = 1e6
    found = ComebackCounts.of(np.full(200, 3.0), actual, DAYS).found(DAYS, SETTINGS)
    assert found.rate < 0.6


@pytest.mark.parametrize("calendar", [DAYS, WEEKS])
def test_counts_of_a_whole_are_the_sums_of_its_parts(calendar):
    actual, best = returning(5, 300, 0.3), np.arange(300.0)
    whole = ComebackCounts.of(best, actual, calendar)
    cuts = [slice(0, 10), slice(10, 10), slice(10, 170), slice(170, 300)]
    parts = [ComebackCounts.of(best[cut], actual[cut], calendar) for cut in cuts]
    for total in (reduce(add, parts), reduce(add, parts[::-1], ComebackCounts.none())):
        assert (total.series, total.returned) == (whole.series, whole.returned)
        assert total.units == pytest.approx(whole.units)
        assert (total.totals == whole.totals).all()


def test_the_spread_lies_between_that_of_the_lead_times_and_goes_on_beyond():
    found = Comeback(0.5, np.array([7.0, 14.0, 28.0]), np.array([1.0, 2.0, 3.0]))
    ratio = found.dispersion(np.full((2, 60), 0.5))
    total = 0.5 * np.arange(1, 61)
    cv2 = (ratio[1] - 1) / total
    assert cv2[[0, 6, 13, 27, 59]] == pytest.approx([1, 1, 2, 3, 3])
    assert (np.diff(cv2) >= -1e-12).all()


def dormant(n, share):
    """Series that sold a while, then nothing for 250 days; later, at any time, some come back."""
    rng = np.random.default_rng(6)
    demand = rng.poisson(1.0, (n, 500)).astype(float)
    demand[:, 100:] = 0.0
    demand[:, 0] = 1.0
    back = rng.integers(350, 500, n)
    again = (rng.random(n) < share)[:, None] & (np.arange(500) >= back[:, None])
    return np.where(again, rng.poisson(3.0, (n, 500)), demand).astype(float)


def forecast(demand):
    shared = engine.prepare_shared(
        demand.sum(axis=0, keepdims=True), calendar=DAYS, horizon=28, settings=SETTINGS
    )
    n = len(demand)
    series = engine.Series(demand, np.zeros(n, np.int64), np.full(n, -1))
    choice = engine.choose(engine.selection_scores(series, shared), SETTINGS)
    return choice, engine.forecast(series, shared, choice)


def coverage(found):
    return {
        row["days"]: row["coverage"]
        for row in found.accuracy.lead_time_rows()
        if (row["demand_class"], row["level"]) == ("inactive", 0.95)
    }


def test_inactive_series_that_come_back_are_within_their_upper_end():
    demand = dormant(600, 0.8)
    never = np.zeros((1, 500))
    choice, found = forecast(np.vstack([demand, never]))
    inactive = found.demand_class == "inactive"
    assert choice.comeback.rate > 0.05
    assert (found.mean[inactive][:-1].mean(axis=1) >= choice.comeback.rate * 0.99).all()
    assert found.mean[-1].max() == 0, "what never sold cannot come back"
    assert min(coverage(found).values()) > 0.85  # all or nothing fits no negative binomial
    reasons = {found.reason[row] for row in np.flatnonzero(inactive)[:-1]}
    assert reasons == {MethodReason.COMEBACK}


def test_inactive_series_that_stay_away_are_left_at_nothing():
    choice, found = forecast(dormant(300, 0.0))
    assert choice.comeback.rate == 0
    assert found.mean.max() < 0.01
    assert MethodReason.COMEBACK not in found.reason
