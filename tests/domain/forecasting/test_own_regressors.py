"""Best sellers that learn from their own history what a discount does."""

from datetime import date

import numpy as np
import pytest

from app.domain.forecasting.accuracy import AccuracySums
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.own_regressors import with_own_regressors
from app.domain.forecasting.pieces import SeriesForecasts
from app.domain.forecasting.promotions import discounts
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup

DAYS = Calendar(date(2024, 6, 30))
T, H, DEPTH, ELASTICITY = 280, 14, 0.25, 4.0
SETTINGS = ForecastSettings(prophet=ProphetSetup(country=None))


def forecast_of(rows, demand_of):
    """Three series forecast as 1 a day; the last two with a week of discount in every four."""
    weeks = np.arange(-T + 1, H + 1, 28)
    spans = [(row, first, first + 6) for row in (1, 2) for first in weeks.tolist()]
    row, first, last = np.array(spans).T
    depth = np.full(len(row), DEPTH)
    known = discounts(row, first, last, depth, history=T, horizon=H).at(2.0)
    demand = np.ones((3, T))
    demand[1:] = demand_of(known.slope[:, :T])
    found = SeriesForecasts(
        np.ones((3, H)),
        np.ones((3, H)),
        np.array(["smooth"] * 3),
        ["prophet"] * 3,
        [MethodReason.PROVEN] * 3,
        [None] * 3,
        AccuracySums.none(DAYS, SETTINGS.quantile_levels),
    )
    usual = known.without(demand)
    with_own_regressors(found, np.array(rows), usual, known, calendar=DAYS, settings=SETTINGS)
    return found, known.slope[:, T:]


def test_the_effect_of_a_discount_is_learnt():
    rng = np.random.default_rng(1)
    found, ahead = forecast_of([1], lambda slope: rng.poisson(50 * np.exp(ELASTICITY * slope)))
    assert 0 < (ahead[0] > 0).sum() < H
    own = 2 * found.mean[1] - 1
    assert own == pytest.approx(50 * np.exp(ELASTICITY * ahead[0]), rel=0.15)
    assert found.method == ["prophet", "prophet+own_prophet", "prophet"]
    assert found.reason[1] == MethodReason.OWN_REGRESSORS
    assert (found.mean[[0, 2]] == 1).all()
    assert found.failure == [None] * 3


def test_one_that_fails_stays_as_it_was_and_says_so():
    only_one = np.where(np.arange(T) < T - 1, np.nan, 3.0)
    found, _ = forecast_of([0, 1], lambda _: only_one)
    assert (found.mean == 1).all()
    assert found.method == ["prophet"] * 3
    assert found.reason == [MethodReason.PROVEN] * 3
    assert (found.failure[0], found.failure[2]) == (None, None)
    assert found.failure[1].startswith("its own Prophet failed, the usual methods forecast it: ")
