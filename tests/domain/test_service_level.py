"""Quantiles of count demand against textbook numbers and a slow sum of probabilities."""

from math import exp, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.service_level import (
    demand_quantile,
    ltv_service_level,
    no_stockout_probability,
    protection_demand,
)

K95 = 1.6448536269514722
probabilities = st.floats(0.5, 0.995)
means = st.floats(0.01, 500)
ratios = st.floats(0.2, 30)  # variance ÷ mean


def slow_quantile(mean, variance, probability):
    """Add up the probabilities of 0, 1, 2, … units until they reach the target."""
    units, total = -1, 0.0
    while total < probability:
        units += 1
        if variance > mean:
            n, p = mean**2 / (variance - mean), mean / variance
            ways = lgamma(n + units) - lgamma(n) - lgamma(units + 1)
            total += exp(ways + n * log(p) + units * log(1 - p))
        else:
            total += exp(units * log(mean) - mean - lgamma(units + 1))
    return units


@pytest.mark.parametrize(
    ("review", "mean", "safety_stock", "level"),
    [(0, 140, 55.1455, 195.1455), (7, 210, 57.8278, 267.8278)],
)
def test_safety_stock_where_the_lead_time_varies(review, mean, safety_stock, level):
    # design/peers.md (b): μ = 10 a day, σ = 4, L = 14, σ_L = 3, 95 %.
    m, v = protection_demand(10, 4, lead_time=14, lead_time_sd=3, review=review)
    assert m == mean
    assert K95 * np.sqrt(v) == pytest.approx(safety_stock, abs=1e-4)
    assert demand_quantile(m, v, 0.95, normal_above=0) == pytest.approx(level, abs=1e-4)


def test_periodic_review_with_the_tabulated_factor():
    # design/methods.md §4 no. 19: μ = 10, σ = 4, R = 7, L = 14, σ_L = 2, k = 1.645.
    m, v = protection_demand(10, 4, lead_time=14, lead_time_sd=2, review=7)
    assert (m, np.sqrt(v)) == pytest.approx((210, 27.12932), abs=1e-5)
    assert m + 1.645 * np.sqrt(v) == pytest.approx(254.6277, abs=1e-4)
    # the 95 % quantile has k = 1.64485…; beyond a mean of 200 the normal may be asked for
    assert demand_quantile(m, v, 0.95, normal_above=200) == pytest.approx(254.6277, abs=0.005)


@pytest.mark.parametrize(
    ("probability", "factor"),
    [(0.80, 0.8416), (0.90, 1.2816), (0.95, 1.6449), (0.98, 2.0537), (0.99, 2.3263)],
)
def test_safety_factors_of_the_tables(probability, factor):
    # Tables of the standard normal (methods §4 no. 22), at a scale where 0 is out of reach.
    level = demand_quantile(1000, 1, probability, normal_above=0)
    assert level - 1000 == pytest.approx(factor, abs=5e-5)


@pytest.mark.parametrize(
    ("mean", "sd", "probability", "level"),
    [
        (58.3, 13.1, 0.90, 75.09),  # Silver, Pyke & Thomas, Σ of a lead time (no. 18)
        (100, 25, 0.98, 151.34),  # Nahmias, Harvey's mustard, Type 1 (no. 17)
        (11.73, 4.74, 0.50 / 0.65, 15.220),  # Nahmias, Mac's newsstand (no. 15)
        (50, 8, 0.70 / 0.88, 56.60396),  # Snyder & Shen, example 4.3 (no. 5)
        (250, 8 * 5**0.5, 0.70 / 0.88, 264.7669),  # the same with lead time 4 (no. 6)
        (120, 10, 18 / 20, 132.8155),  # stockpyl's README (no. 7)
    ],
)
def test_textbook_levels_under_normal_demand(mean, sd, probability, level):
    answer = demand_quantile(mean, sd**2, probability, normal_above=0)
    assert answer == pytest.approx(level, abs=6e-3)


@pytest.mark.parametrize(("mean", "ratio", "level"), [(50, 0.70 / 0.88, 56), (6, 0.8, 8)])
def test_textbook_newsvendor_under_poisson_demand(mean, ratio, level):
    # Snyder & Shen via stockpyl 1.0.2 (no. 8 and 9).
    assert demand_quantile(mean, mean, ratio) == level


def test_negative_binomial_reference():
    # scipy (no. 21): mean 3, variance 9.
    assert demand_quantile(3, 9, 0.95) == 9
    assert demand_quantile(3, 3, 0.95) == 6
    chances = no_stockout_probability([7, 8, 9], 3, 9)
    assert chances == pytest.approx([0.917108, 0.942177, 0.959818], abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(mean=st.floats(0.01, 60), ratio=ratios, probability=probabilities)
def test_the_quantile_is_what_a_slow_sum_finds(mean, ratio, probability):
    level = float(demand_quantile(mean, mean * ratio, probability))
    slow = slow_quantile(mean, mean * ratio, probability)
    # a target that meets a probability to the last digit may go either way
    tie = abs(no_stockout_probability(min(level, slow), mean, mean * ratio) - probability) < 1e-9
    assert level == slow or tie


@settings(deadline=None, max_examples=50)
@given(mean=means, ratio=ratios, probability=probabilities)
def test_the_level_is_the_smallest_that_serves(mean, ratio, probability):
    level = demand_quantile(mean, mean * ratio, probability)
    assert no_stockout_probability(level, mean, mean * ratio) >= probability - 1e-9
    assert no_stockout_probability(level - 1, mean, mean * ratio) < probability + 1e-9


@settings(deadline=None, max_examples=50)
@given(mean=means, ratio=ratios, more=st.floats(1, 5), low=probabilities, high=probabilities)
def test_more_demand_or_more_service_never_needs_less_stock(mean, ratio, more, low, high):
    level = demand_quantile(mean, mean * ratio, low)
    assert demand_quantile(mean * more, mean * more * ratio, low) >= level
    assert (demand_quantile(mean, mean * ratio, high) >= level) == (high >= low) or (
        demand_quantile(mean, mean * ratio, high) == level
    )


@settings(deadline=None, max_examples=50)
@given(mean=st.floats(0.1, 50), cv=st.floats(0.1, 3), lead=st.floats(1, 30), more=st.floats(1, 3))
def test_a_longer_lead_time_never_needs_less_stock(mean, cv, lead, more):
    near = protection_demand(mean, cv * mean, lead_time=lead, lead_time_sd=0, review=7)
    far = protection_demand(mean, cv * mean, lead_time=lead * more, lead_time_sd=0, review=7)
    assert demand_quantile(*far, 0.95) >= demand_quantile(*near, 0.95)


def test_a_switch_to_the_normal_would_lower_the_level_as_demand_rises():
    # why normal_above is infinite by default: variance 50 × mean, either side of 200
    below = demand_quantile(199.9, 199.9 * 50, 0.95, normal_above=200)
    above = demand_quantile(200.1, 200.1 * 50, 0.95, normal_above=200)
    assert above < below - 20
    assert no_stockout_probability(above, 200.1, 200.1 * 50) < 0.94


def test_no_demand_needs_no_stock_and_extremes_stay_finite():
    assert list(demand_quantile([0, 0], [0, 4], 0.99)) == [0, 0]
    assert list(no_stockout_probability([0, 5, -1], 0, 0)) == [1, 1, 0]
    huge = demand_quantile([1e9, 1e9, 1e-9], [1e15, 1, 1], 0.995)
    assert np.isfinite(huge).all()
    assert demand_quantile(5, 5 * (1 + 1e-12), 0.95) == demand_quantile(5, 5, 0.95)
    assert demand_quantile(np.empty(0), np.empty(0), 0.9).shape == (0,)


def test_certain_demand_under_the_normal():
    assert demand_quantile(10, 0, 0.95, normal_above=0) == 10
    chances = no_stockout_probability([9, 10, 11], 10, 0, normal_above=0)
    assert list(chances) == [0, 1, 1]


MONEY = {
    "list_price": 10_000,
    "unit_cost": 4_000,
    "buyer_ltv": 0,
    "gateway_value": 0,
    "holding_cost": 500,
    "obsolescence_cost": 2_000,
}


@pytest.mark.parametrize(("ltv", "level"), [(0, 0.70588), (75_000, 0.75), (150_000, 0.7826087)])
def test_ltv_raises_the_service_level(ltv, level):
    # peers.md c6: margin 6,000, overage 2,500, a stockout loses 0 / 1,500 / 3,000 more.
    answer = ltv_service_level(**MONEY | {"buyer_ltv": ltv}, floor=0.0, ceiling=1.0)
    assert answer == pytest.approx(level, abs=1e-5)


def test_service_level_stays_within_its_caps():
    assert ltv_service_level(**MONEY) == 0.80
    assert ltv_service_level(**MONEY | {"buyer_ltv": 1e9}) == 0.995
    assert ltv_service_level(**MONEY | {"unit_cost": 20_000}) == 0.80
    nothing_at_stake = {"unit_cost": 10_000, "holding_cost": 0, "obsolescence_cost": 0}
    assert ltv_service_level(**MONEY | nothing_at_stake) == 0.80
    assert ltv_service_level(**MONEY | {"buyer_ltv": np.array([0, 1e9])}).shape == (2,)


@pytest.mark.parametrize(
    "wrong", [{"holding_cost": -3_000}, {"buyer_ltv": np.nan}, {"obsolescence_cost": np.inf}]
)
def test_service_level_needs_sound_money(wrong):
    with pytest.raises(ValueError, match="overage"):
        ltv_service_level(**MONEY | wrong)
