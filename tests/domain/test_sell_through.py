"""The outlook on a stock: against draws of demand, and what must hold whatever the numbers."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.price_path import Economics
from app.domain.sell_through import price_response
from app.domain.sell_through.days import Demand, daily_demand
from app.domain.sell_through.outlook import (
    BAND,
    CHANCES,
    NEVER,
    at_day,
    left_quantile,
    outlook,
    sell_out_day,
)
from app.domain.sell_through.price_response import Prices, demand_factors
from app.domain.sell_through.stock_left import Floats

DAYS = 40
stocks = st.integers(0, 150)
rates = st.floats(0, 12)
ratios = st.floats(0.3, 20)
depths = st.floats(0, 0.9)
NOW = np.zeros(1, int)


def demand(rate: float, ratio: float, days: int = DAYS) -> Demand:
    """One series of an even rate, whose totals vary so many times as much as Poisson."""
    return daily_demand(
        np.full((1, days), rate),
        ratio * rate * np.arange(1, days + 1)[None],
        step_days=1,
        skipped=NOW,
    )


def sell_out(stock: float, *draws: Demand) -> list[int]:
    """Days on which the stock is gone with each of the chances."""
    sold_out = outlook(np.array([stock]), draws).sold_out
    return [int(sell_out_day(sold_out, chance)[0]) for chance in CHANCES]


def later(day: int) -> float:
    return np.inf if day == NEVER else day


def test_against_a_thousand_courses_of_demand():
    rng = np.random.default_rng(4)
    rate, shape, stock = 3.0, 4.0, 60
    level = rng.gamma(shape, 1 / shape, 40_000)[:, None]
    courses = np.cumsum(rng.poisson(rate * level, (40_000, DAYS)), axis=1)
    left = np.maximum(stock - courses, 0)
    m = rate * np.arange(1, DAYS + 1)[None]
    seen = outlook(np.array([stock]), [Demand(m, m + m**2 / shape)])
    assert seen.expected_left[0] == pytest.approx(left.mean(axis=0), abs=0.35)
    assert seen.sold_out[0] == pytest.approx((left == 0).mean(axis=0), abs=0.01)
    for probability in BAND:
        found = left_quantile(seen.left_at_most, np.array([stock]), probability, shape=(1, DAYS))
        drawn = np.quantile(left, probability, axis=0, method="inverted_cdf")
        assert np.abs(found[0] - drawn).max() <= 1
    gone = np.argmax(left == 0, axis=1) + 1.0
    gone[left[:, -1] > 0] = np.inf
    for day, chance in zip(sell_out(stock, Demand(m, m + m**2 / shape)), CHANCES, strict=True):
        drawn = np.quantile(gone, chance, method="inverted_cdf")
        assert later(day) == pytest.approx(drawn, abs=1)


@given(stocks, rates, ratios)
def test_what_is_sold_stays_sold(stock: int, rate: float, ratio: float):
    seen = outlook(np.array([float(stock)]), [demand(rate, ratio)])
    assert (np.diff(seen.expected_left[0]) <= 1e-9).all()
    assert (np.diff(seen.sold_out[0]) >= 0).all()
    assert ((seen.expected_left >= 0) & (seen.expected_left <= stock + 1e-9)).all()
    shape = (1, DAYS)
    low, high = (left_quantile(seen.left_at_most, np.array([stock]), p, shape=shape) for p in BAND)
    assert ((low >= 0) & (low <= high) & (high <= stock)).all()


@given(stocks, rates, ratios, st.integers(1, 30))
def test_more_stock_is_sold_out_later(stock: int, rate: float, ratio: float, more: int):
    now, then = (sell_out(s, demand(rate, ratio)) for s in (stock, stock + more))
    assert all(later(a) <= later(b) for a, b in zip(now, then, strict=True))


@given(stocks, rates, ratios, depths, depths, st.floats(0.3, 5), st.floats(0, 2))
def test_a_deeper_discount_is_never_later(
    stock: int, rate: float, ratio: float, depth: float, other: float, beta: float, sd: float
):
    def dates(d: float) -> list[int]:
        factors = demand_factors(d, np.zeros(1), elasticity=beta, elasticity_sd=sd)
        return sell_out(stock, *(demand(rate, ratio).times(k[:, None]) for k in factors))

    shallow, deep = sorted((depth, other))
    pairs = zip(dates(shallow), dates(deep), strict=True)
    assert all(later(b) <= later(a) for a, b in pairs)


@given(stocks, st.floats(0.1, 12), ratios, st.floats(1, 4))
def test_unsteadier_demand_leaves_more(stock: int, rate: float, ratio: float, more: float):
    even, uneven = (
        outlook(np.array([float(stock)]), [demand(rate, r)]) for r in (ratio, ratio * more)
    )
    assert (even.expected_left <= uneven.expected_left + 1e-7 * max(stock, 1)).all()


@pytest.mark.parametrize("stock", [0.0, -5.0])
def test_without_stock_it_is_sold_out_at_once(stock: float):
    assert sell_out(stock, demand(2, 3)) == [1, 1, 1]
    assert sell_out(stock, demand(0, 1)) == [1, 1, 1]
    assert outlook(np.array([stock]), [demand(2, 3)]).expected_left.max() == 0


def test_without_demand_it_is_never_sold_out():
    assert sell_out(1.0, demand(0, 1)) == [NEVER] * 3
    assert outlook(np.array([9.0]), [demand(0, 1)]).expected_left.min() == 9


def test_huge_demand_and_huge_stock():
    assert sell_out(1.0, demand(1e7, 5)) == [1, 1, 1]
    assert sell_out(1e9, demand(1e7, 5)) == [NEVER] * 3


def test_weeks_are_brought_to_days_evenly():
    found = daily_demand(
        np.array([[7.0, 14.0]]), np.array([[14.0, 70.0]]), step_days=7, skipped=NOW
    )
    assert found.mean[0].tolist() == pytest.approx([*range(1, 8), *range(9, 23, 2)])
    assert found.variance[0, [0, 6, 13]].tolist() == pytest.approx([2, 14, 70])


def test_days_that_have_passed_are_left_out():
    yhat = np.array([[1.0, 2.0, 3.0, 4.0]] * 4)
    variance = np.array([[2.0, 6.0, 12.0, 20.0]] * 4)  # twice the mean total
    found = daily_demand(yhat, variance, step_days=1, skipped=np.array([0, 1, 4, 9]))
    nothing = [np.nan] * 4
    expected = [[1, 3, 6, 10], [2, 5, 9, np.nan], nothing, nothing]
    np.testing.assert_allclose(found.mean, expected)
    np.testing.assert_allclose(found.variance, 2 * np.array(expected))


def test_what_is_counted_later_meets_demand_later():
    m = np.array([[1.0, 3.0, 6.0], [1.0, 3.0, 6.0], [1.0, 3.0, 6.0], [1.0, np.nan, np.nan]])
    found = Demand(m, 2 * m).after(np.array([0, 1, 9, 2]))
    expected = [[1, 3, 6], [0, 2, 5], [0, 0, 0], [0, np.nan, np.nan]]
    np.testing.assert_allclose(found.mean, expected)
    np.testing.assert_allclose(found.variance, 2 * np.array(expected))


def test_a_day_of_no_forecast_is_not_known():
    passed = daily_demand(np.ones((1, 5)), np.ones((1, 5)), step_days=1, skipped=np.array([3]))
    seen = outlook(np.array([1.0]), [passed])
    assert np.isnan(seen.sold_out[0]).tolist() == [False, False, True, True, True]
    values = at_day(seen.sold_out.repeat(4, axis=0), np.array([0, 1, 3, 99]), np.full(4, 7.0))
    assert values[0] == 7
    assert values[1] == seen.sold_out[0, 0]
    assert np.isnan(values[2:]).all()


@given(
    st.lists(st.floats(0.01, 20), min_size=7, max_size=7),
    st.floats(0.001, 0.3),
    st.integers(0, 9),
    st.integers(5, 400),
)
def test_a_quiet_day_makes_nothing_unsold_again(
    week: list[float], growth: float, skipped: int, stock: int
):
    days = 26 * 7
    mean = np.cumsum(np.tile(week, 26))[None]
    given = Demand(mean, mean * (1 + growth * np.arange(1, days + 1) * np.mean(week)))
    given.mean[0, days - skipped :] = given.variance[0, days - skipped :] = np.nan
    paced = given.paced()
    known = days - skipped
    assert paced.variance[0, 6:known:7] == pytest.approx(given.variance[0, 6:known:7])
    assert np.isnan(paced.variance[0, known:]).all()
    beyond = np.diff((paced.variance - paced.mean)[0, :known] / paced.mean[0, :known] ** 2)
    assert (beyond[7 : known // 7 * 7 - 1] < 1e-9).all()


def test_what_is_left_falls_on_saturdays_too():
    week = np.tile([1, 1, 1, 1, 1.1, 0.8, 0.05], 26)
    mean = 6 * np.cumsum(week)[None]
    given = Demand(mean, mean * (1 + 0.2 * np.arange(1, 183)))
    stock = np.array([600.0])
    before, after = (outlook(stock, [d]).expected_left[0] for d in (given, given.paced()))
    assert (np.diff(before)[5::7] == 0).any()
    assert (np.diff(after) < 0).all()
    even = demand(2, 4)
    assert even.paced().variance == pytest.approx(even.variance)
    nothing = Demand(np.zeros((1, 9)), np.zeros((1, 9)))
    assert not nothing.paced().variance.any()
    closed = Demand(np.array([[0.0, 0.0, 3.0, 3.0]]), np.array([[0.0, 0.0, 9.0, 9.0]]))
    assert closed.paced().variance.tolist() == closed.variance.tolist()


def test_the_response_to_a_price():
    factors = demand_factors(0.5, [0.0, 0.5], elasticity=2, elasticity_sd=0.5)
    assert factors[:, 0] == pytest.approx([2**1.4, 2**2.0, 2**2.6])
    assert factors[:, 1] == pytest.approx([1, 1, 1])
    dearer = demand_factors(0.0, [0.5], elasticity=2, elasticity_sd=0)
    assert dearer[:, 0] == pytest.approx([0.25] * 3)


def test_a_known_promotion_keeps_its_price_and_is_not_counted_twice():
    known = Prices(
        verdict=np.array([0.1, 0.3]),
        is_promoted=np.array([False, True]),  # what runs today was taken out of the history
        promotion=np.array([[0.0, 0.4, 0.4], [0.3, 0.3, 0.0]]),
    )
    assert known.counted_on.tolist() == [[0.1, 0.4, 0.4], [0.3, 0.3, 0.0]]
    assert known.tried(0.3).tolist() == [[0.3, 0.4, 0.4], [0.3, 0.3, 0.3]]
    middle = demand_factors(known.tried(0.3), known.counted_on, elasticity=2, elasticity_sd=0)[1]
    assert middle[0] == pytest.approx([(0.7 / 0.9) ** -2, 1, 1])
    assert middle[1] == pytest.approx([1, 1, 0.7**-2])


@given(rates, ratios, st.floats(0.1, 9), st.integers(1, DAYS - 1))
def test_demand_that_changes_from_a_day_on(rate: float, ratio: float, k: float, day: int):
    then = np.where(np.arange(DAYS) < day, 1.0, k)[None]
    usual, found = demand(rate, ratio), demand(rate, ratio).times(then)
    assert found.mean[0] == pytest.approx(rate * np.cumsum(then[0]))
    assert (found.mean[0, :day] == usual.mean[0, :day]).all()
    assert found.variance[0, :day] == pytest.approx(
        np.maximum(usual.variance, usual.mean)[0, :day], abs=1e-9
    )
    even, whole = np.full((1, 1), k), np.full((1, DAYS), k)
    assert usual.times(even).mean == pytest.approx(usual.times(whole).mean)


def test_elasticities_are_those_of_sell_or_hold():
    defaults = {field.name: field.default for field in fields(Economics)}
    assert defaults["elasticity_draws"] == price_response.DRAWS
    assert defaults["elasticity_bounds"] == price_response.BOUNDS


def test_several_draws_are_the_mean_of_each():
    factors = np.array([[0.5], [1.0], [3.0]])
    draws = [demand(2, 4).times(k) for k in factors]
    alone: list[Floats] = [outlook(np.array([50.0]), [d]).sold_out for d in draws]
    seen = outlook(np.array([50.0]), draws)
    assert seen.sold_out == pytest.approx(np.mean(alone, axis=0))
    assert sell_out(50, *draws)[0] <= sell_out(50, draws[1])[0]
