"""Real Prophet for one series."""

from datetime import date

import numpy as np
import pytest

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ProphetSetup
from app.domain.forecasting.single_prophet import (
    ProphetFailed,
    SeasonMode,
    SingleProphet,
    single_forecast,
)

DAYS = Calendar(date(2024, 5, 6))


def forecast(demand, horizon=28, **single):
    return single_forecast(
        demand,
        calendar=DAYS,
        horizon=horizon,
        setup=ProphetSetup(),
        single=SingleProphet(**single),
    )


def test_a_season_that_grows_with_the_level():
    t = np.arange(428)
    truth = (10 + t * 0.2) * (1 + 0.5 * np.sin(2 * np.pi * t / 7))
    found = forecast(truth[:400], mode=SeasonMode.MULTIPLICATIVE)
    plain = forecast(truth[:400])
    assert np.abs(found - truth[400:]).max() < 0.02 * truth.max()
    assert np.abs(plain - truth[400:]).max() > 0.05 * truth.max()


def test_growth_that_ends_at_a_capacity():
    t = np.arange(600)
    rng = np.random.default_rng(1)
    truth = 100 / (1 + np.exp(-(t - 200) / 60))
    found = forecast(truth[:300] + rng.normal(0, 1, 300), horizon=300, capacity=100.0)
    assert found.max() <= 101
    assert found[-1] == pytest.approx(100, abs=8)


def test_a_price_known_in_advance():
    rng = np.random.default_rng(2)
    depth = (rng.random(328) < 0.2) * 0.3
    truth = 20 + 100 * depth
    found = forecast(rng.poisson(truth[:300]).astype(float), regressors={"depth": depth})
    assert found[depth[300:] > 0].mean() == pytest.approx(50, rel=0.1)
    assert found[depth[300:] == 0].mean() == pytest.approx(20, rel=0.1)


def test_unknown_days_do_not_count():
    demand = 10.0 + np.arange(100) % 7
    demand[[5, 50, 51, 99]] = np.nan
    assert forecast(demand) == pytest.approx(10 + np.arange(100, 128) % 7, abs=0.2)


def test_what_prophet_cannot_do_is_said():
    with pytest.raises(ProphetFailed, match="less than 2"):
        forecast(np.array([np.nan, 3.0]))
    with pytest.raises(ProphetFailed, match="infinity"):
        forecast(np.array([1.0, np.inf, 3.0]))
    with pytest.raises(ProphetFailed, match=r"cap must be greater"):
        forecast(np.arange(30.0), capacity=-1.0)
    with pytest.raises(ValueError, match="'depth' needs 58 finite values"):
        forecast(np.arange(30.0), regressors={"depth": np.zeros(30)})
    with pytest.raises(ProphetFailed, match="Timeout"):
        forecast(np.random.default_rng(3).poisson(3, 800).astype(float), timeout=1e-4)
