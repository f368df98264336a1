"""Choice of method, Prophet for weekly data, and what a forecast says."""

import pickle
import warnings
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from app.domain.demand import DemandClass, week_ends
from app.domain.forecast import (
    REASON_TEXT,
    DemandHistory,
    ForecastMethod,
    ForecastPolicy,
    ForecastReason,
    demand_history,
    forecast_series,
)
from app.domain.prophet_weekly import ProphetFailed, ProphetSettings, prophet_forecast
from app.domain.service_level import demand_quantile

AS_OF = date(2026, 4, 1)
POLICY = ForecastPolicy()
HORIZON = POLICY.horizon
WEEKS = 60
NOTHING = np.nan


def days(weeks, horizon=HORIZON):
    return week_ends(AS_OF, range(1 - weeks, horizon + 1))


def one_of_each_kind():
    rng = np.random.default_rng(4)
    kinds = {
        "steady": rng.poisson(20, WEEKS),
        "swinging": rng.negative_binomial(1, 1 / 21, WEEKS) + 1,
        "young": np.r_[[NOTHING] * (WEEKS - 20), rng.poisson(9, 19) + 1, 9],
        "seldom": np.tile([5, 0, 0, 0, 0], WEEKS // 5),
        "new": np.r_[[NOTHING] * (WEEKS - 3), 30, 10, 20],
        "gone": np.r_[rng.poisson(50, 30) + 1, np.zeros(30)],
    }
    series = pd.DataFrame({"sku_id": list(kinds), "location_id": "X"})
    return demand_history(series, np.array(list(kinds.values()), dtype=float), POLICY)


@pytest.fixture(scope="module")
def history():
    return one_of_each_kind()


@pytest.fixture(scope="module")
def forecasts(history):
    return forecast_series(history, as_of=AS_OF, policy=POLICY).set_index("sku_id")


def test_each_kind_has_its_method_and_reason(forecasts):
    chosen = forecasts[["demand_class", "method", "reason"]].to_dict("index")
    expected = {
        "steady": (DemandClass.SMOOTH, ForecastMethod.PROPHET, ForecastReason.STEADY_SELLER),
        "swinging": (DemandClass.ERRATIC, ForecastMethod.PROPHET, ForecastReason.STEADY_SELLER),
        "young": (DemandClass.SMOOTH, ForecastMethod.TSB, ForecastReason.SHORT_HISTORY),
        "seldom": (DemandClass.INTERMITTENT, ForecastMethod.TSB, ForecastReason.SELDOM_SOLD),
        "new": (DemandClass.NEW, ForecastMethod.SHRUNKEN_MEAN, ForecastReason.NEW),
        "gone": (DemandClass.INACTIVE, ForecastMethod.TSB, ForecastReason.INACTIVE),
    }
    assert {sku: tuple(row.values()) for sku, row in chosen.items()} == expected
    assert forecasts.failure.isna().all()


def test_every_reason_has_a_sentence_in_both_languages():
    assert set(REASON_TEXT) == set(ForecastReason)
    assert all(ja and en for ja, en in REASON_TEXT.values())


def test_forecasts_are_near_what_is_true_where_the_truth_is_known(forecasts):
    mean = forecasts.weekly_mean
    assert mean["steady"] == pytest.approx(20, rel=0.15)
    # p swings about 1/5, from .8⁴·.2/(1 − .8⁵) before a sale to .2/(1 − .8⁵) after it
    assert mean["seldom"] == pytest.approx(5 * 0.8**4 * 0.2 / (1 - 0.8**5), rel=1e-3)
    assert mean["gone"] < 0.2
    settled = np.median([forecasts.rate[sku] for sku in ("steady", "swinging", "young", "seldom")])
    assert mean["new"] == pytest.approx((60 + 2 * settled) / 5)


def test_quantiles_are_counts_that_rise_with_their_level(forecasts):
    for row in forecasts.itertuples():
        assert row.yhat.shape == (HORIZON,)
        assert row.quantiles.shape == (9, HORIZON)
        assert (row.yhat >= 0).all()
        assert (np.diff(row.quantiles, axis=0) >= 0).all()
        assert (row.quantiles % 1 == 0).all()
        assert np.isfinite(row.quantiles).all()


def test_uncertainty_follows_from_the_measured_dispersion(history, forecasts):
    dispersion = history.dispersion[1]
    swinging = forecasts.loc["swinging"]
    total = np.cumsum(swinging.yhat)
    assert swinging.sum_variance == pytest.approx(dispersion * total)
    variance = dispersion[7] * total[7]
    assert swinging.level_cv2 == pytest.approx((variance - total[7]) / total[7] ** 2)
    expected = demand_quantile(swinging.yhat, dispersion[0] * swinging.yhat, 0.95)
    assert swinging.quantiles[7] == pytest.approx(expected)


def test_weekly_quantiles_hold_their_share_of_weeks():
    rng = np.random.default_rng(8)
    demand = rng.negative_binomial(4, 4 / 34, (300, 52 + HORIZON)).astype(float)
    series = pd.DataFrame({"sku_id": np.arange(300), "location_id": "X"})
    policy = replace(POLICY, prophet_least_weeks=999)
    known = demand_history(series, demand[:, :52], policy)
    forecasts = forecast_series(known, as_of=AS_OF, policy=policy)
    quantiles = np.stack(list(forecasts.quantiles))
    held = (demand[:, None, 52:] <= quantiles).mean(axis=(0, 2))
    assert held == pytest.approx(POLICY.quantile_levels, abs=0.04)


def test_chunks_give_the_same_forecasts_as_all_at_once(history, forecasts):
    chunks = [forecast_series(c, as_of=AS_OF, policy=POLICY) for c in history.chunks(4)]
    assert [len(chunk) for chunk in chunks] == [4, 2]
    again = pd.concat(chunks).set_index("sku_id")
    for column in ("yhat", "quantiles", "sum_variance"):
        for ours, theirs in zip(again[column], forecasts[column], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


def test_a_chunk_survives_the_way_to_another_process(history):
    copy = pickle.loads(pickle.dumps((history, POLICY)))
    assert copy[1] == POLICY
    pd.testing.assert_frame_equal(copy[0].series, history.series)


def test_a_failure_of_prophet_is_told_and_replaced(history):
    steady = next(history.chunks(1))
    broken = steady.demand.copy()
    broken[0, -1] = np.inf  # which Prophet refuses; its rate was taken before
    row = forecast_series(replace(steady, demand=broken), as_of=AS_OF, policy=POLICY).iloc[0]
    assert (row.method, row.reason) == (ForecastMethod.TSB, ForecastReason.PROPHET_FAILED)
    assert "infinity" in row.failure
    assert row.yhat == pytest.approx([row.rate] * HORIZON)


def test_no_series_no_forecasts():
    empty = pd.DataFrame({"sku_id": [], "location_id": []})
    known = demand_history(empty, np.zeros((0, 0)), POLICY)
    assert forecast_series(known, as_of=AS_OF, policy=POLICY).empty
    assert list(known.chunks(50)) == []


def test_a_single_new_series_has_nothing_to_be_drawn_to():
    series = pd.DataFrame({"sku_id": ["A"], "location_id": ["X"]})
    known = demand_history(series, np.array([[6.0]]), POLICY)
    row = forecast_series(known, as_of=AS_OF, policy=POLICY).iloc[0]
    assert row.weekly_mean == pytest.approx(6)
    assert row.quantiles[-1, 0] > 6


def prophet_itself(demand, **options):
    from prophet import Prophet

    model = Prophet(
        weekly_seasonality=False, daily_seasonality=False, uncertainty_samples=0, **options
    )
    known = len(demand)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="prophet")
        model.fit(pd.DataFrame({"ds": days(known)[:known], "y": demand}), algorithm="LBFGS")
        return model.predict(pd.DataFrame({"ds": days(known)[known:]})).yhat.to_numpy()


def test_undamped_it_is_prophet_to_the_last_digit():
    demand = np.random.default_rng(1).poisson(np.linspace(20, 60, 90)).astype(float)
    ours = prophet_forecast(demand, days(90), ProphetSettings(damping=1))
    theirs = prophet_itself(demand, n_changepoints=9, yearly_seasonality=False)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_damped_slope_moves_the_level_by_a_bounded_amount():
    demand = np.linspace(10, 100, 60)
    slope = 90 / 59
    straight = prophet_forecast(demand, days(60), ProphetSettings(damping=1))
    damped = prophet_forecast(demand, days(60), ProphetSettings(damping=0.8))
    flat = prophet_forecast(demand, days(60), ProphetSettings(damping=0))
    assert straight == pytest.approx(100 + slope * np.arange(1, 27), rel=0.02)
    assert damped[-1] == pytest.approx(100 + slope * 4, rel=0.02)
    assert flat == pytest.approx([flat[0]] * 26)


def test_what_falls_steeply_never_goes_below_zero():
    demand = np.maximum(np.linspace(100, -20, 40), 0)
    assert prophet_forecast(demand, days(40), ProphetSettings(damping=1)).min() == 0


def test_a_year_is_seen_only_in_more_than_two_years():
    week = np.arange(156 + HORIZON)
    truth = 50 + 30 * np.sin(2 * np.pi * week * 7 / 365.25)
    long, short = truth[:156], truth[156 - 110 : 156]
    settings = ProphetSettings(damping=0)
    assert prophet_forecast(long, days(156), settings) == pytest.approx(truth[156:], abs=3)
    flat = prophet_forecast(short, days(110), settings)
    assert flat == pytest.approx([flat[0]] * HORIZON)


@pytest.mark.parametrize("units", [5.0, 1e-6, 1e9])
def test_constant_demand_of_any_size_stays_what_it_is(units):
    ours = prophet_forecast(np.full(30, units), days(30), ProphetSettings())
    assert ours == pytest.approx([units] * HORIZON)


def test_missing_demand_is_a_failure_not_a_guess():
    with pytest.raises(ProphetFailed):
        prophet_forecast(np.full(30, np.inf), days(30), ProphetSettings())


def test_an_optimisation_that_takes_too_long_is_given_up():
    # A fit of nearly a second: on a busy machine a short one is over before its clock is looked at.
    demand = np.random.default_rng(2).poisson(30, 3000).astype(float)
    hasty = ProphetSettings(timeout=0.01, most_changepoints=300, weeks_per_changepoint=5)
    with pytest.raises(ProphetFailed, match="Timeout"):
        prophet_forecast(demand, days(3000), hasty)


def test_history_rows_and_matrix_rows_belong_together(history):
    second = list(history.chunks(1))[1]
    assert isinstance(second, DemandHistory)
    assert second.series.sku_id.tolist() == ["swinging"]
    np.testing.assert_array_equal(second.demand, history.demand[1:2])
    np.testing.assert_array_equal(second.dispersion, history.dispersion[1:2])
