"""Expected sales and present values, against published numbers, slow sums and simulation."""

from dataclasses import fields, replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from app.domain.price_path import (
    COMPONENTS,
    Economics,
    PricePath,
    SalesTable,
    Stock,
    best_paths,
    expected_sales,
    path_value,
    price_levels,
)

POLICY = Economics(variable_cost_rate=0.05)
COLUMNS = [field.name for field in fields(Stock)][:-1]


def golden(**changes: float) -> pd.DataFrame:
    """The worked example of methods.md §3.6, in the order of the fields of `Stock`."""
    example = [100, 5, 4, 2, 0, 5000, 0, 0.7, 15, 750, 12_000, 0, 0.25, 4500]
    return pd.DataFrame([example], columns=COLUMNS, dtype=float).assign(**changes)


def random_items(n: int, weeks: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    rate, price = np.exp(rng.uniform(-2, 3, n)), rng.uniform(500, 20_000, n)
    on_hand = np.ceil(rate * weeks * rng.uniform(0.2, 4, n))
    demand = [on_hand, rate, np.exp(rng.uniform(-0.7, 3.4, n))]
    prices = [rng.uniform(0.5, 4, n), rng.uniform(0, 0.8, n), price]
    depths = [rng.choice([0.0, 0.2], n), rng.choice([0.35, 0.5, 0.8], n)]
    costs = [price * 0.003, price * rng.uniform(-0.05, 0.4, n)]
    buyers = [rng.uniform(0, 30_000, n), rng.normal(0, 1000, n), rng.uniform(0, 0.5, n)]
    columns = [*demand, *prices, *depths, *costs, *buyers, price * rate * rng.uniform(0, 0.6, n)]
    season = np.exp(0.5 * np.sin(np.arange(weeks) / 4 + rng.uniform(0, 6, (n, 1))))
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))), season


def random_stock(n: int, weeks: int, seed: int) -> Stock:
    return Stock.from_frame(*random_items(n, weeks, seed))


def path_of(n: int, now: float, later: float, week: float) -> PricePath:
    return PricePath(*np.full((n, 3), [now, later, week]).T)


def table_of(stock: Stock) -> SalesTable:
    return SalesTable(stock, stock.demand_rate * stock.season.sum(axis=1) * 0.2**-5.0)


def slow_sales(on_hand: float, mean: float, shape: float) -> float:
    """E[min(I, D)] as a sum over the demand distribution."""
    below = np.arange(int(on_hand))
    chance = nbinom.pmf(below, shape, shape / (shape + mean))
    return float(below @ chance + on_hand * (1 - chance.sum()))


def slow_value(stock: Stock, now: float, later: float, change: int, policy: Economics) -> dict:
    """Present value of the first item, week by week, as methods.md §3.4 spells it out."""
    x = {name: float(getattr(stock, name)[0]) for name in COLUMNS}
    delta = 1 / (1 + policy.annual_discount_rate / 52)
    value = dict.fromkeys(COMPONENTS, 0.0)
    mean = sold = 0.0
    before = current = x["current_depth"]
    for t, index in enumerate(stock.season[0]):
        d = now if t < change else later
        mean += x["demand_rate"] * index * (1 - d) ** -x["elasticity"]
        sold_before, sold = sold, slow_sales(x["on_hand"], mean, x["demand_shape"])
        units, at = sold - sold_before, delta ** (t + 0.5)
        premium = 1 + (policy.cash_premium if t < policy.cash_premium_weeks else 0)
        net = x["list_price"] * (1 - d) * (1 - policy.variable_cost_rate)
        value["cash"] += at * premium * units * net
        value["holding"] -= at * x["holding_cost"] * (x["on_hand"] - sold + units / 2)
        won = x["gateway_effect"] * (1 - policy.gateway_discount_haircut * d)
        value["gateway"] += at * units * x["new_buyer_share"] * won
        value["ltv_risk"] -= at * units * policy.ltv_erosion * d * x["buyer_ltv"]
        value["ops"] -= policy.action_cost * delta**t * (d != before)
        if d > current and not value["brand"]:
            value["brand"] = -(later - current) * x["repeat_margin_at_risk"] * delta**t
        before = d
    value["salvage"] = delta ** stock.season.shape[1] * x["salvage_value"] * (x["on_hand"] - sold)
    return value


def total(stock: Stock, path: PricePath, policy: Economics = POLICY) -> np.ndarray:
    return path_value(stock, path, stock.elasticity, policy)[0].sum(axis=0)


ORACLE = [  # methods.md §3.3: stock, mean, shape, expected sales
    (5, 3, 2, 2.53344),
    (1, 0.4, 1, 0.2857143),
    (40, 35, 6, 30.842390),
    (3, 100, 0.5, 2.6920247),
    (100, 50, 4, 49.139528),
    (100, 98, 4, 79.319252),
]


@pytest.mark.parametrize(("on_hand", "mean", "shape", "expected"), ORACLE)
def test_expected_sales_are_those_of_the_oracle(on_hand, mean, shape, expected):
    sales, _, _ = expected_sales(np.float64(on_hand), np.float64(mean), np.float64(shape))
    assert sales == pytest.approx(expected, abs=5e-7)
    assert sales == pytest.approx(slow_sales(on_hand, mean, shape), rel=1e-11)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 400), st.floats(0.01, 2000), st.floats(0.05, 500))
def test_expected_sales_are_the_sum_over_demand(on_hand, mean, shape):
    sales, slope, sellout = expected_sales(*map(np.float64, (on_hand, mean, shape)))
    assert sales == pytest.approx(slow_sales(on_hand, mean, shape), rel=1e-8)
    chance = nbinom.sf(on_hand - 1, shape, shape / (shape + mean))
    assert sellout == pytest.approx(chance, rel=1e-8, abs=1e-12)
    step = mean * 1e-3
    ahead = slow_sales(on_hand, mean + step, shape)
    behind = slow_sales(on_hand, mean - step, shape)
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-3, abs=1e-7)


def test_expected_sales_at_the_edges():
    def sales(*args):
        return expected_sales(*map(np.float64, args))[0]

    assert sales(0, 5, 2) == sales(7, 0, 2) == sales(1, 0, 2) == 0
    assert sales(0.5, 3, 2) == pytest.approx(0.5 * sales(1, 3, 2))
    assert sales(1e6, 40, 2) == pytest.approx(40)
    assert sales(10, 1e9, 2) == pytest.approx(10)
    assert sales(1, 1e12, 0.05) == pytest.approx(1 - (0.05 / 1e12) ** 0.05, rel=1e-3)
    known_rate = 12 - sum((12 - k) * poisson.pmf(k, 9) for k in range(12))
    assert sales(12, 9, 1e9) == pytest.approx(known_rate, rel=1e-6)


GOLDEN_VALUES = {0: 258_024.6, 0.1: 262_395.8, 0.2: 258_990.5, 0.3: 242_909.4, 0.5: 165_632.1}


@pytest.mark.parametrize(("depth", "expected"), GOLDEN_VALUES.items())
def test_constant_prices_are_worth_what_the_golden_example_says(depth, expected):
    stock = Stock.from_frame(golden(), np.ones((1, 10)))
    value = total(stock, path_of(1, depth, depth, 10))
    assert value == pytest.approx([expected], abs=0.05)


def test_full_price_has_the_parts_of_the_golden_example():
    stock = Stock.from_frame(golden(), np.ones((1, 10)))
    components, _ = path_value(stock, path_of(1, 0, 0, 10), stock.elasticity, POLICY)
    expected = [231_650.9, -11_189.8, 37_563.4, 0, 0, 0, 0]
    assert components[:, 0] == pytest.approx(expected, abs=0.05)


def test_one_week_that_sells_everything_can_be_done_by_hand():
    item = golden(on_hand=10, demand_rate=1e9, list_price=1000, holding_cost=2)
    stock = Stock.from_frame(item, np.ones((1, 1)))
    value = total(stock, PricePath.constant(np.zeros(1), 1), Economics())
    assert value == pytest.approx([POLICY.weekly_discount**0.5 * (10_000 - 2 * 5)], rel=1e-6)


PLANS = [(0, 0, 9), (0.2, 0.2, 9), (0.3, 0.3, 9), (0.3, 0.5, 2), (0.2, 0.5, 6)]


@pytest.mark.parametrize(("now", "later", "change"), PLANS)
def test_every_component_agrees_with_a_slow_loop(now, later, change):
    policy = replace(POLICY, cash_premium=0.03, action_cost=700.0, gateway_discount_haircut=1.4)
    season = np.array([[0.2, 0.0, 3.0, 1.0, 1.0, 0.5, 1.3, 1.0, 1.0]])
    item = golden(current_depth=0.2, on_hand=37, gateway_effect=-900, salvage_value=-20)
    stock = Stock.from_frame(item, season)
    path = path_of(1, now, later, change)
    components, _ = path_value(stock, path, stock.elasticity, policy)
    expected = slow_value(stock, now, later, change, policy)
    assert components[:, 0] == pytest.approx(list(expected.values()), rel=1e-9, abs=1e-9)


def test_value_is_the_mean_of_simulated_seasons():
    rng = np.random.default_rng(3)
    season = np.array([[1.0, 2.0, 0.5, 1.0, 1.5, 1.0]])
    stock = Stock.from_frame(golden(on_hand=30, demand_shape=3.0), season)
    depths = np.repeat([0.1, 0.3], [2, 4])
    level = rng.gamma(3.0, 5 / 3, (200_000, 1))  # one level for all weeks of a season
    demand = rng.poisson(level * season * (1 - depths) ** -2.0)
    sold = np.minimum(30, demand.cumsum(axis=1))
    units = np.diff(sold, axis=1, prepend=0)
    at = POLICY.weekly_discount ** (np.arange(6) + 0.5)
    simulated = (
        units @ (at * 5000 * (1 - depths) * 0.95 - at * 0.1 * depths * 12_000)
        - 15 * ((30 - sold + units / 2) @ at)
        + POLICY.weekly_discount**6 * 750 * (30 - sold[:, -1])
        - 0.3 * 4500
    )
    value = total(stock, path_of(1, 0.1, 0.3, 2))
    assert value == pytest.approx([simulated.mean()], abs=4 * simulated.std() / 200_000**0.5)


@pytest.mark.parametrize(("shape", "tolerance"), [(0.5, 1e-6), (9, 1e-6), (1e3, 1e-5), (1e6, 1e-4)])
def test_the_table_is_as_good_as_the_formula_for_choosing(shape, tolerance):
    stock = replace(random_stock(300, 26, seed=1), demand_shape=np.full(300, shape))
    table = table_of(stock)
    for now, later, week in [(0, 0, 26), (0.1, 0.5, 6), (0.3, 0.7, 12)]:
        path = path_of(300, now, later, week)
        quick, _ = path_value(stock, path, stock.elasticity, POLICY, table)
        error = np.abs(quick.sum(axis=0) - total(stock, path))
        assert (error / (stock.on_hand * stock.list_price)).max() < tolerance


def test_the_table_stays_monotone_when_demand_explodes():
    item = golden(max_depth=0.99, elasticity=5.0, demand_shape=0.05, on_hand=1)
    stock = Stock.from_frame(item, np.ones((1, 26)))
    table = SalesTable(stock, np.array([5 * 26 * 0.01**-5.0]))
    sold = table.sales(np.logspace(-9, 12, 400)[None, :])
    assert (np.diff(sold) >= -1e-12).all()
    assert sold.max() <= 1 + 1e-12


def best_by_enumeration(stock: Stock, i: int, cuts_now: bool) -> float:
    """Exact value of the best selling or holding path of item i."""
    one = stock.take(slice(i, i + 1))
    horizon, current = stock.season.shape[1], one.current_depth[0]
    allowed = [min(depth, one.max_depth[0]) for depth in (*POLICY.depth_grid, 1.0)]
    deeper = [depth for depth in allowed if depth > current]
    best = -np.inf
    for now, later in product(deeper if cuts_now else [current], [current, *deeper]):
        for week in [horizon] if later == now else [2, 6, 12] * int(later > now):
            best = max(best, total(one, path_of(1, now, later, week))[0])
    return best


def test_best_paths_are_the_best_of_all_that_are_allowed():
    stock = random_stock(25, 14, seed=2)
    sell, hold = best_paths(stock, stock.elasticity, POLICY, table_of(stock))
    for i in range(25):
        for path, cuts_now in ((sell, True), (hold, False)):
            best = best_by_enumeration(stock, i, cuts_now)
            assert total(stock, path)[i] == pytest.approx(best, rel=1e-6)


def test_paths_keep_to_what_brand_and_ladder_allow():
    stock = random_stock(200, 26, seed=4)
    sell, hold = best_paths(stock, stock.elasticity, POLICY, table_of(stock))
    assert (sell.depth_now > stock.current_depth).all()
    assert (hold.depth_now == stock.current_depth).all()
    for path in (sell, hold):
        assert ((path.depth_now <= path.depth_later) & (path.depth_later <= stock.max_depth)).all()
        assert set(path.change_week) <= {2.0, 6.0, 12.0, 26.0}
    at_end = replace(stock, current_depth=stock.max_depth)
    for path in best_paths(at_end, stock.elasticity, POLICY, table_of(at_end)):
        assert ((path.depth_now == stock.max_depth) & (path.change_week == 26)).all()
    assert np.max(price_levels(stock, POLICY)) == 0.8  # the brand goes deeper than the grid


TWENTIETHS = st.sets(st.integers(1, 13), min_size=1, max_size=3)


@settings(deadline=None, max_examples=20)
@given(grid=TWENTIETHS, more=TWENTIETHS, seed=st.integers(0, 1000))
def test_more_depths_to_choose_from_never_lower_the_value_of_selling(grid, more, seed):
    stock = replace(random_stock(20, 8, seed), current_depth=np.zeros(20))
    values = []
    for depths in (grid, grid | more):
        policy = replace(POLICY, depth_grid=tuple(depth / 20 for depth in depths))
        sell, _ = best_paths(stock, stock.elasticity, policy, table_of(stock))
        values.append(total(stock, sell, policy))
    assert (values[1] - values[0] >= -1e-6 * stock.on_hand * stock.list_price).all()


BAD_ITEM = {"list_price": 0, "demand_shape": 0, "max_depth": 1, "elasticity": np.nan}


@pytest.mark.parametrize(("name", "value"), BAD_ITEM.items())
def test_values_that_mean_nothing_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"out of range: {name}$"):
        Stock.from_frame(golden(**{name: value}), np.ones((1, 5)))


def test_frames_and_seasons_of_the_wrong_form_are_refused():
    with pytest.raises(ValueError, match="columns missing: elasticity, buyer_ltv"):
        Stock.from_frame(golden().drop(columns=["elasticity", "buyer_ltv"]), np.ones((1, 5)))
    for season in (np.ones((2, 5)), np.ones((1, 0)), np.ones(5), np.full((1, 5), -1.0)):
        with pytest.raises(ValueError, match="season"):
            Stock.from_frame(golden(), season)


BAD_POLICY = {"depth_grid": (0.5, 1.0), "review_weeks": 0, "elasticity_draws": (1.0, -1.0)}


@pytest.mark.parametrize(("name", "value"), BAD_POLICY.items())
def test_policies_that_mean_nothing_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Economics(**{name: value})


def test_prices_change_only_from_the_review_on_and_before_the_horizon():
    assert Economics(review_weeks=3, taus=(1, 12, 6)).change_weeks(12) == [3, 6]
    assert Economics().change_weeks(2) == []
