"""Accuracy as sums: the same as measured at once, series by series."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.forecasting.accuracy import BAND_DAYS, AccuracySums, Scales, scales_of
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.pattern import CLASSES

LEVELS = (0.1, 0.5, 0.95)
DAYS, WEEKS = Calendar(date(2024, 6, 30)), Calendar(date(2024, 6, 30), 7)


def drawn(seed, n=12, horizon=28):
    rng = np.random.default_rng(seed)
    mean = rng.gamma(1.0, 2.0, (n, horizon))
    return {
        "code": rng.integers(-1, len(CLASSES), n),
        "actual": rng.poisson(mean).astype(float),
        "mean": mean,
        "quantiles": np.sort(rng.gamma(1.0, 2.0, (n, horizon, len(LEVELS)))),
        "scales": Scales(rng.choice([0.0, 1.5], n), rng.choice([0.0, 0.7], n)),
    }


def part(data, rows):
    scales = Scales(data["scales"].squared[rows], data["scales"].absolute[rows])
    return {k: scales if k == "scales" else v[rows] for k, v in data.items()}


def summed(data, calendar=DAYS):
    sums = AccuracySums.none(calendar, LEVELS)
    sums.add("ensemble", **data)
    return sums


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999))
def test_they_are_the_published_measures(seed):
    data = drawn(seed)
    found = {
        (row["demand_class"], row["first_day"], row["last_day"]): row for row in summed(data).rows()
    }
    for first, last in BAND_DAYS:
        rows = data["code"] >= 0
        at = slice(first - 1, last)
        y, f, q = (data[k][rows][:, at] for k in ("actual", "mean", "quantiles"))
        squared, absolute = data["scales"].squared[rows], data["scales"].absolute[rows]
        row = found["all", first, last]
        rmsse = np.sqrt(((y - f) ** 2).mean(axis=1)[squared > 0] / 1.5)
        gap = y[..., None] - q
        loss = np.maximum(np.array(LEVELS) * gap, (np.array(LEVELS) - 1) * gap).mean(axis=(1, 2))
        if len(rmsse):
            assert row["rmsse"] == pytest.approx(rmsse.mean())
        if (absolute > 0).any():
            assert row["scaled_pinball"] == pytest.approx((loss[absolute > 0] / 0.7).mean())
        assert row["wape"] == pytest.approx(np.abs(y - f).sum() / y.sum())
        assert row["bias"] == pytest.approx((f - y).sum() / y.sum())
        assert row["coverage"][0.95] == pytest.approx((gap[..., 2] <= 0).mean())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.integers(0, 12))
def test_sums_of_parts_are_those_of_the_whole_in_any_order(seed, cut):
    data = drawn(seed)
    whole = summed(data)
    parts = summed(part(data, slice(cut, None))) + summed(part(data, slice(cut)))
    assert parts.values == pytest.approx(whole.values)
    shuffled = summed(part(data, np.random.default_rng(seed).permutation(12)))
    assert shuffled.values == pytest.approx(whole.values)


def test_weeks_are_cut_to_whole_weeks():
    data = drawn(1, horizon=4)
    bands = {(row["first_day"], row["last_day"]) for row in summed(data, WEEKS).rows()}
    assert bands == set(BAND_DAYS)


def test_a_flat_forecast_may_be_given_once():
    data = drawn(2)
    flat = {**data, "mean": data["mean"][:, :1], "quantiles": data["quantiles"][:, :1]}
    wide = {
        **data,
        "mean": np.repeat(flat["mean"], 28, axis=1),
        "quantiles": np.repeat(flat["quantiles"], 28, axis=1),
    }
    assert (summed(flat).values == summed(wide).values).all()


def test_lead_times_are_judged_by_their_totals():
    sums = AccuracySums.none(DAYS, LEVELS)
    stock = np.array([[5.0, 6.0, 7.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    sums.add_lead_time(1, np.array([0, 3, -1]), np.array([6.0, 1.0, 9.0]), stock)
    rows = {(r["demand_class"], r["level"]): r for r in sums.lead_time_rows()}
    assert rows["all", 0.9]["coverage"] == 0.5
    assert rows["all", 0.95]["coverage"] == 1.0
    assert rows["all", 0.9]["pinball"] == pytest.approx(0.9 * 1 / 2)
    assert rows["smooth", 0.98]["stock"] == 7.0
    assert rows["lumpy", 0.98]["units"] == 1.0
    assert {r["days"] for r in sums.lead_time_rows()} == {14}


def test_nothing_measured_is_nothing_said():
    sums = AccuracySums.none(DAYS, LEVELS)
    assert sums.rows() == []
    assert sums.lead_time_rows() == []


def test_nothing_sold_has_no_share_of_it():
    zeros = np.zeros((1, 28))
    data = {
        "code": np.array([0]),
        "actual": zeros,
        "mean": zeros,
        "quantiles": np.zeros((1, 28, 3)),
        "scales": Scales(np.zeros(1), np.zeros(1)),
    }
    row = summed(data).rows()[0]
    assert [row[k] for k in ("series", "rmsse", "wape", "bias", "scaled_pinball")] == [
        0, None, None, None, None,
    ]  # fmt: skip


def test_scales_look_at_known_changes_only():
    demand = np.array([[np.nan, 1.0, 3.0, 3.0, 99.0], [np.nan] * 5, [2.0] * 5])
    squared, absolute = scales_of(demand, 4)
    assert squared == pytest.approx([2, 0, 0])
    assert absolute == pytest.approx([1, 0, 0])


def test_periods_that_cannot_be_judged_are_left_out_of_every_measure():
    data = drawn(4)
    gone = data["actual"].copy()
    gone[:, 7:14] = np.nan
    rows = {(r["demand_class"], r["last_day"]): r for r in summed({**data, "actual": gone}).rows()}
    first_week = {r["demand_class"]: r for r in summed(data).rows() if r["last_day"] == 7}
    assert ("all", 14) not in rows
    assert rows["all", 7] == first_week["all"]
    rest = np.r_[0:7, 14:28]
    seen = data["code"] >= 0
    error = np.abs(data["mean"] - data["actual"])[seen][:, rest].sum()
    whole = [r for r in summed({**data, "actual": gone}).rows() if r["first_day"] == 1]
    [all_days] = [r for r in whole if (r["demand_class"], r["last_day"]) == ("all", 28)]
    assert all_days["wape"] == pytest.approx(error / data["actual"][seen][:, rest].sum())


def test_a_lead_time_that_cannot_be_judged_is_left_out():
    sums = AccuracySums.none(DAYS, LEVELS)
    sums.add_lead_time(0, np.zeros(2, np.int64), np.array([np.nan, 1.0]), np.full((2, 3), 2.0))
    [row] = [r for r in sums.lead_time_rows() if (r["demand_class"], r["level"]) == ("all", 0.9)]
    assert (row["series"], row["coverage"]) == (1, 1.0)


def test_scales_step_over_what_is_not_known():
    squared, absolute = scales_of(np.array([[1.0, np.nan, 5.0, 7.0, 7.0]]), 5)
    assert (squared[0], absolute[0]) == (2.0, 1.0)
