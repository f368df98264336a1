"""The held-out origin is judged by what was really sold, not by what it was cleaned to."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from app.domain.forecasting import engine
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup

DAYS = Calendar(date(2024, 6, 30))
SETTINGS = ForecastSettings(prophet=ProphetSetup(country=None))
PERIODS, HELD_OUT = 300, 28


def shop(n=40):
    """Steady sellers of about four a day."""
    rng = np.random.default_rng(7)
    demand = rng.poisson(4.0, (n, PERIODS)).astype(float)
    return engine.Series(demand, np.zeros(n, np.int64), np.full(n, -1))


def measured(series):
    totals = series.demand.sum(axis=0, keepdims=True)
    shared = engine.prepare_shared(totals, calendar=DAYS, horizon=28, settings=SETTINGS)
    choice = engine.choose(engine.selection_scores(series, shared), SETTINGS)
    accuracy = engine.forecast(series, shared, choice).accuracy
    rows = {row["model"]: row for row in accuracy.rows() if of_all(row) and row["first_day"] == 1}
    lead_times = [r for r in accuracy.lead_time_rows() if of_all(r) and r["level"] == 0.95]
    return rows, {row["days"]: row for row in lead_times}


def of_all(row):
    return row["demand_class"] == "all" and row.get("last_day", 28) == 28


def test_demand_that_is_not_cleaned_is_what_was_sold():
    series = shop()
    assert measured(series) == measured(replace(series, actual=series.demand))


def test_a_bulk_order_that_was_damped_still_counts():
    series = shop()
    actual = series.demand.copy()
    actual[0, -5] = 400.0
    (clean, _), (rows, lead_times) = measured(series), measured(replace(series, actual=actual))
    units = series.demand[:, -HELD_OUT:].sum()
    more = 400.0 - series.demand[0, -5]
    for model, row in rows.items():
        lost = clean[model]["bias"] * units - row["bias"] * (units + more)
        assert lost == pytest.approx(more), model
    assert lead_times[28]["coverage"] < 1
    assert lead_times[28]["units"] == pytest.approx((units + more) / 40)


def test_what_was_sold_before_the_origin_sets_the_scale():
    series = shop()
    actual = series.demand.copy()
    actual[:, 10:200:2] *= 3
    (clean, _), (rows, _) = measured(series), measured(replace(series, actual=actual))
    for model in rows:
        assert rows[model]["wape"] == clean[model]["wape"]
        assert rows[model]["rmsse"] < clean[model]["rmsse"]


def test_a_known_promotion_is_in_every_forecast_and_in_what_was_sold():
    series = shop()
    actual = series.demand.copy()
    actual[:, -HELD_OUT:] *= 3
    unforeseen, _ = measured(replace(series, actual=actual))
    promoted = replace(series, actual=actual, past_promotion=np.full((40, HELD_OUT), 3.0))
    (clean, _), (rows, lead_times) = measured(series), measured(promoted)
    for model, row in rows.items():
        assert row["bias"] == pytest.approx(clean[model]["bias"]), model
        assert row["wape"] == pytest.approx(clean[model]["wape"]), model
        assert unforeseen[model]["bias"] < -0.5
    assert lead_times[28]["stock"] > 3 * 28 * 4


def test_periods_without_goods_are_not_judged():
    series = shop()
    actual = series.demand.copy()
    actual[:20, -10:] = np.nan  # as of 20 series no goods were there
    actual[:, 50:90] = np.nan
    rows, lead_times = measured(replace(series, actual=actual))
    assert {row["series"] for row in rows.values()} == {40}
    assert (lead_times[14]["series"], lead_times[28]["series"]) == (40, 20)
    known = actual[:, -HELD_OUT:]
    error = rows["moving_average"]["bias"] * np.nansum(known)
    mean = series.demand[:, -2 * HELD_OUT : -HELD_OUT].mean(axis=1, keepdims=True)
    assert error == pytest.approx(np.nansum(mean - known))


def test_absurd_amounts_are_not_judged():
    series = shop()
    actual = series.demand.copy()
    actual[0, -3], actual[1, -3] = 1e300, -4.0
    rows, _ = measured(replace(series, actual=actual))
    assert all(np.isfinite(row["rmsse"]) for row in rows.values())


class Curve:
    """All new items sell so much a period."""

    def __init__(self, rate):
        self.rate = rate

    def forecast(self, demand, lookalike, horizon):
        return np.full((len(demand), horizon), self.rate)


@pytest.mark.parametrize(("then", "bias"), [(Curve(2.0), -0.5), (None, None)])
def test_items_that_were_new_then_follow_the_curve_of_then(then, bias):
    demand = np.full((30, PERIODS), np.nan)
    demand[:, -40:] = 4.0
    series = engine.Series(demand, np.full(30, -1), np.zeros(30, np.int64))
    shared = engine.prepare_shared(
        np.zeros((0, PERIODS)),
        calendar=DAYS,
        horizon=28,
        settings=SETTINGS,
        launch=Curve(9.0),
        launch_then=then,
    )
    choice = engine.choose(engine.selection_scores(series, shared), SETTINGS)
    found = engine.forecast(series, shared, choice)
    assert found.mean == pytest.approx(np.full((30, 28), 9.0))
    [row] = [r for r in found.accuracy.rows() if r["model"] == "ensemble" and of_all(r)][-1:]
    own = (12 * 4.0) / (12 + SETTINGS.prior_days) / 4.0 - 1  # drawn to 0: nothing is usual yet
    assert row["bias"] == pytest.approx(own if bias is None else bias)
