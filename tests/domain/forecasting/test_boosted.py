"""LightGBM as a member: only where it is asked for."""

import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from app.domain.forecasting import engine
from app.domain.forecasting.boosted import (
    LightGBMMissing,
    _features,
    _windows,
    boosted_mean,
    sampled_series,
)
from app.domain.forecasting.boosted import train_boosted as train
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup

DAYS, WEEKS = Calendar(date(2024, 6, 30)), Calendar(date(2024, 6, 30), 7)
ASKED = ForecastSettings(lightgbm=True, prophet=ProphetSetup(country=None))


def weekly_shop(n=120, periods=210):
    rng = np.random.default_rng(1)
    rate = rng.gamma(1.0, 3.0, (n, 1)) * (1 + 2.0 * (np.arange(periods) % 7 == 0))
    return rng.poisson(rate).astype(float)


def test_features_are_what_they_are_called():
    row = np.concatenate([[np.nan] * 5, np.arange(1.0, 60.0), [0.0, 0.0]])[None]
    made = _features(row, 66, 28, *_windows(DAYS))
    known = row[0, 5:66]
    assert made.shape == (1, 28, 11)
    for h in (0, 5, 27):
        assert made[0, h, :4] == pytest.approx([known[-days:].mean() for days in (7, 28, 56, 182)])
        assert made[0, h, 4] == pytest.approx(26 / 28)
        assert made[0, h, 5:9].tolist() == [2, 61, h, (66 + h) % 7]
        same = [row[0, 66 + h % 7 - 7 * back] for back in range(1, 9)]
        assert made[0, h, 9] == pytest.approx(np.mean(same[:4]))
        assert made[0, h, 10] == pytest.approx(np.mean(same))


def test_it_learns_the_week_and_looks_no_further_than_it_may():
    demand = weekly_shop()
    model = train(demand, 210, 28, DAYS)
    mean = boosted_mean(model, demand, 210, 60, DAYS)
    assert mean.shape == (120, 60)
    by_day = mean.sum(axis=0)
    busy = [day for day in range(60) if (210 + day) % 7 == 0]
    others = [day for day in range(60) if (210 + day) % 7]
    assert by_day[busy].mean() > 2 * by_day[others].mean()
    later = np.hstack([demand[:, :180], 99.0 * demand[:, 180:]])
    assert train(later, 180, 28, DAYS) == train(demand, 180, 28, DAYS)
    assert (boosted_mean(model, demand[:0], 210, 5, DAYS)).shape == (0, 5)


@pytest.mark.parametrize("calendar", [DAYS, WEEKS])
def test_it_joins_the_ensemble(calendar):
    demand = weekly_shop()
    totals = demand.sum(axis=0, keepdims=True)
    horizon = 40
    part = engine.Series(demand, np.zeros(120, np.int64), np.full(120, -1))
    methods = []
    for sample in (demand[:60], None):
        shared = engine.prepare_shared(
            totals, calendar=calendar, horizon=horizon, settings=ASKED, sample=sample
        )
        choice = engine.choose(engine.selection_scores(part, shared), ASKED)
        found = engine.forecast(part, shared, choice)
        assert np.isfinite(found.mean).all()
        models = {row["model"] for row in found.accuracy.rows()}
        assert ("lightgbm" in models) == (sample is not None)
        methods.append("".join(found.method))
    assert "lightgbm" not in methods[1]


def test_nothing_to_learn_from():
    assert train(np.zeros((3, 200)), 200, 28, DAYS) is None
    assert train(np.ones((3, 40)), 40, 28, DAYS) is None
    assert train(np.ones((0, 200)), 200, 28, DAYS) is None


def test_where_it_is_not_installed_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(LightGBMMissing, match="ml"):
        train(np.ones((3, 200)), 200, 28, DAYS)


def test_the_series_learnt_from_are_a_random_part_and_always_the_same():
    few = replace(ASKED, lightgbm_series=50)
    drawn = sampled_series(10_000, few)
    assert len(set(drawn.tolist())) == 50
    assert (np.diff(drawn) > 0).all()
    assert drawn.mean() == pytest.approx(5000, abs=1500)
    assert np.array_equal(drawn, sampled_series(10_000, few))
    assert sampled_series(7, few).tolist() == list(range(7))
