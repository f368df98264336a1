"""Real Prophet with the exact solver inside, and judged by real Prophet."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from app.domain.forecasting.batched_prophet import prophet_forecast
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.prophet_backend import (
    Audit,
    ExactBackend,
    NotSolvedExactly,
    audit,
    fitted_prophet,
)
from app.domain.forecasting.prophet_calendar import new_prophet, quiet
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup
from tests.domain.forecasting.daily_series import counts, retail, started

DAYS = Calendar(date(2024, 5, 6))
WEEKS = Calendar(date(2024, 5, 6), step_days=7)
PLAIN, JAPAN = ProphetSetup(), ProphetSetup(country="JP")


def predicted(model, calendar, horizon):
    with quiet():
        return model.predict(pd.DataFrame({"ds": calendar.ends(np.arange(1, horizon + 1))}))


def gappy(demand, rng):
    """Days unknown in the middle and at the end."""
    demand = np.where(rng.random(demand.shape) < 0.2, np.nan, demand)
    demand[-1, -15:] = np.nan
    return demand


@pytest.mark.parametrize(
    ("setup", "calendar", "days"),
    [(PLAIN, DAYS, 300), (JAPAN, DAYS, 800), (JAPAN, WEEKS, 150), (JAPAN, DAYS, 20),
     (JAPAN, DAYS, 2), (PLAIN, DAYS, 4)],
)  # fmt: skip
def test_prophet_predicts_what_the_batch_predicts(setup, calendar, days):
    """Features, changepoints and seasons are then Prophet's own, made from the history alone."""
    rng = np.random.default_rng(1)
    demand = started(retail(rng, 6, days), [0, 0, days // 3, days // 2, 0, 0])
    if days > 50:
        demand[4:] = gappy(demand[4:], rng)
    given = ForecastSettings(plain_prophet=setup)
    mean, _ = prophet_forecast(demand, calendar=calendar, horizon=40, settings=given, levels=[0.5])
    for row in np.flatnonzero((~np.isnan(demand)).sum(axis=1) > 1):
        model = fitted_prophet(demand[row], calendar=calendar, setup=setup, horizon=100)
        theirs = predicted(model, calendar, 40)["yhat"].to_numpy()
        size = np.nanmax(np.abs(demand[row])) + np.abs(theirs).max()
        assert np.abs(mean[row] - theirs).max() <= 1e-6 * size


def test_components_and_json_work():
    from prophet.serialize import model_from_json, model_to_json

    demand = retail(np.random.default_rng(2), 1, 800)[0]
    model = fitted_prophet(demand, calendar=DAYS, setup=JAPAN, horizon=400, uncertainty_samples=100)
    with quiet():
        again = model_from_json(model_to_json(model))
    first, second = predicted(model, DAYS, 400), predicted(again, DAYS, 400)
    parts = ["trend", "weekly", "yearly", "holidays"]
    assert first["yhat"].to_numpy() == pytest.approx(first[parts].sum(axis=1).to_numpy())
    assert second["yhat"].to_numpy() == pytest.approx(first["yhat"].to_numpy())
    assert (first["yhat_lower"] < first["yhat_upper"]).all()


@pytest.mark.parametrize("horizon", [28, 120])
def test_intervals_are_those_of_very_many_draws(horizon):
    rng = np.random.default_rng(3)
    demand = np.vstack([retail(rng, 2, 400), started(counts(rng, 2, 400) + 1, [300, 380])])
    given = ForecastSettings(plain_prophet=PLAIN)
    mean, quantiles = prophet_forecast(
        demand, calendar=DAYS, horizon=horizon, settings=given, levels=[0.025, 0.1, 0.5, 0.9, 0.975]
    )
    np.random.seed(4)  # noqa: NPY002 - Prophet draws from the global generator
    for row in range(len(demand)):
        model = fitted_prophet(
            demand[row],
            calendar=DAYS,
            setup=PLAIN,
            horizon=horizon,
            uncertainty_samples=10_000,
            interval_width=0.8,
        )
        drawn = predicted(model, DAYS, horizon)
        width = (drawn["yhat_upper"] - drawn["yhat_lower"]).to_numpy()
        ours = quantiles[row, 3] - quantiles[row, 1]
        assert ours / width == pytest.approx(np.ones(horizon), abs=0.05)
        model.interval_width = 0.95
        drawn = predicted(model, DAYS, horizon)
        width = (drawn["yhat_upper"] - drawn["yhat_lower"]).to_numpy()
        assert (quantiles[row, 4] - quantiles[row, 0]) / width == pytest.approx(
            np.ones(horizon), abs=0.05
        )
        assert quantiles[row, 2] == pytest.approx(mean[row], abs=1e-3 * width.max())


@pytest.mark.parametrize("others", [{"growth": "flat"}, {"seasonality_mode": "multiplicative"}])
def test_what_it_does_not_cover_it_refuses(others):
    demand = retail(np.random.default_rng(5), 1, 60)[0]
    with pytest.raises(NotSolvedExactly, match="additive terms only"):
        fitted_prophet(demand, calendar=DAYS, setup=PLAIN, horizon=1, **others)
    with pytest.raises(NotSolvedExactly, match="no samples"):
        fitted_prophet(demand, calendar=DAYS, setup=PLAIN, horizon=1, mcmc_samples=10)


def test_it_is_a_backend_like_others():
    backend = ExactBackend()
    backend.set_options(newton_fallback=True)
    backend.cleanup()
    assert backend.get_type() == "EXACT"
    assert backend.stan_fit is None


@pytest.mark.parametrize("setup", [PLAIN, JAPAN, ForecastSettings().prophet])
def test_an_audit_finds_no_series_that_real_prophet_fits_better(setup):
    rng = np.random.default_rng(6)
    demand = started(retail(rng, 5, 400), [0, 0, 100, 0, 0])
    demand[3] = 4.0
    demand[4] = gappy(demand[[4]], rng)[0]
    found = audit(demand, calendar=DAYS, setup=setup)
    assert (len(found.excess), found.failed, found.worse) == (4, 0, 0)
    assert found.told()["largest_excess"] <= 1e-6
    assert found.told()["median_excess"] < 0


def test_an_audit_of_nothing_says_so():
    found = audit(np.zeros((2, 50)), calendar=DAYS, setup=PLAIN)
    assert found == Audit()
    assert found.told() == {
        "series": 0, "failed": 0, "worse": 0, "median_excess": None, "largest_excess": None,
    }  # fmt: skip


def test_audits_of_two_samples_add_up():
    both = Audit((-1.0, 2e-6), 1) + Audit((-3.0,), 0)
    assert both.told() == {
        "series": 3, "failed": 1, "worse": 1, "median_excess": -1.0, "largest_excess": 2e-6,
    }  # fmt: skip


def test_an_optimiser_that_takes_too_long_is_counted_as_failed():
    demand = retail(np.random.default_rng(7), 2, 400)
    found = audit(demand, calendar=DAYS, setup=PLAIN, timeout=1e-4)
    assert (len(found.excess), found.failed) == (0, 2)


def test_a_history_decides_its_seasons_as_in_prophet():
    def seasons(step, offsets, setup):
        calendar = Calendar(date(2024, 5, 6), step_days=step)
        days = calendar.ends(offsets)
        ours = new_prophet(setup, days, step_days=step)
        from prophet import Prophet

        auto = Prophet(uncertainty_samples=0)
        frame = pd.DataFrame({"ds": days, "y": np.arange(len(days)) % 3})
        with quiet():
            ours.preprocess(frame)
            auto.preprocess(frame)
        assert list(ours.seasonalities) == list(auto.seasonalities)
        return list(ours.seasonalities)

    assert seasons(1, np.arange(-730, 1), PLAIN) == ["yearly", "weekly"]
    assert seasons(1, np.arange(-729, 1), PLAIN) == ["weekly"]
    assert seasons(1, np.arange(-13, 1), PLAIN) == []
    assert seasons(1, np.arange(-14, 1), PLAIN) == ["weekly"]
    assert seasons(7, np.arange(-103, 1), PLAIN) == []
    assert seasons(1, np.arange(-700, 1, 7), PLAIN) == []
