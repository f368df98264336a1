"""How unsure several series are together, read off their past together."""

from datetime import date

import numpy as np
import pytest

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings
from app.domain.sell_through.days import Demand
from app.domain.sell_through.own_past import dispersion_together
from app.domain.sell_through.stock_left import Floats

DAYS = 90


def members(rate: float = 2.0, count: int = 3) -> Demand:
    m = np.repeat(rate * np.arange(1, DAYS + 1)[None], count, axis=0)
    return Demand(m, 3 * m)


def ratio(history: Floats, of: Demand | None = None) -> Floats:
    return dispersion_together(
        history, Calendar(date(2026, 6, 30)), of or members(), ForecastSettings()
    )


def test_independent_customers_are_about_poisson():
    rng = np.random.default_rng(2)
    found = ratio(rng.poisson(6, 730).astype(float))
    assert found[0] == pytest.approx(1, abs=0.15)
    # besides chance there is the error of the trailing mean itself, which grows with L
    assert 1 < found[27] < 5


def test_what_moves_together_shows_in_the_past_of_the_total():
    rng = np.random.default_rng(3)
    level = np.repeat(rng.gamma(4, 1 / 4, 26), 29)[:730]  # changes once a month
    together = ratio(rng.poisson(6 * level).astype(float))
    steady = ratio(rng.poisson(6, 730).astype(float))
    assert (together[27:] > 5 * steady[27:]).all()


@pytest.mark.parametrize("known", [0, 1, 20])
def test_without_a_past_the_members_are_taken_to_move_as_one(known: int):
    history = np.full(730, np.nan)
    if known:
        history[-known:] = 1.0
    assert ratio(history) == pytest.approx(np.full(DAYS, 9.0))  # (3·√V)² / 3·m, V = 3·m


def test_spans_too_long_for_the_past_have_its_usual_spread():
    rng = np.random.default_rng(5)
    history = np.full(730, np.nan)
    history[-60:] = rng.poisson(6 * rng.gamma(2, 1 / 2, 60))
    found = ratio(history)
    assert np.isfinite(found).all()
    assert (found >= 0.5).all()
    assert found[-1] > found[0]
