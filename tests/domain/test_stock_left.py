"""What demand leaves of a stock, against the sums over every demand there can be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from app.domain.sell_through.stock_left import chance_of_demand, expected_sales, sales_variance

stocks = st.integers(0, 200)
means = st.floats(0, 300)
ratios = st.floats(0.2, 40)  # variance ÷ mean


def moments(stock: int, mean: float, variance: float) -> tuple[float, float]:
    """E and Var of min(I, D), added up over D = 0, 1, … I − 1 and the rest."""
    d = np.arange(stock)
    if mean <= 1e-9:
        below = (d == 0).astype(float)
    elif variance > mean:
        below = nbinom.pmf(d, mean**2 / (variance - mean), mean / variance)
    else:
        below = poisson.pmf(d, mean)
    enough = 1 - below.sum()
    first = (d * below).sum() + stock * enough
    second = (d**2 * below).sum() + stock**2 * enough
    return first, second - first**2


@pytest.mark.parametrize(
    ("stock", "mean", "shape", "sold"),
    [
        (5, 3, 2, 2.53344),
        (1, 0.4, 1, 0.2857143),
        (40, 35, 6, 30.842390),
        (3, 100, 0.5, 2.6920247),
        (100, 50, 4, 49.139528),
        (100, 98, 4, 79.319252),
    ],
)
def test_expected_sales_of_the_methods(stock: int, mean: float, shape: float, sold: float):
    # design/methods.md §3.3
    variance = mean + mean**2 / shape
    assert expected_sales(stock, mean, variance) == pytest.approx(sold, rel=1e-7)


@given(stocks, means, ratios)
def test_closed_forms_are_the_sums(stock: int, mean: float, ratio: float):
    first, second = moments(stock, mean, ratio * mean)
    assert expected_sales(stock, mean, ratio * mean) == pytest.approx(first, rel=1e-8, abs=1e-8)
    found = sales_variance(stock, mean, ratio * mean)
    assert found == pytest.approx(second, rel=1e-6, abs=1e-6 * max(stock, 1))


@given(stocks, means, ratios, st.floats(1, 3))
def test_more_demand_takes_more(stock: int, mean: float, ratio: float, more: float):
    """Demand of the same shape but a higher mean, as a discount makes it."""
    m = mean * more
    before = expected_sales(stock, mean, ratio * mean)
    beyond = max((ratio - 1) * mean, 0) * more**2
    assert expected_sales(stock, m, m + beyond) >= before - 1e-9 * max(stock, 1)
    chance = chance_of_demand(stock, mean, ratio * mean)
    assert chance_of_demand(stock, m, m + beyond) >= chance - 1e-9


@given(stocks, means, ratios, st.floats(1, 3))
def test_unsteadier_demand_sells_no_more(stock: int, mean: float, ratio: float, more: float):
    before = expected_sales(stock, mean, ratio * mean)
    assert expected_sales(stock, mean, ratio * more * mean) <= before + 1e-8 * max(stock, 1)


@given(stocks, means, ratios)
def test_more_stock_leaves_more_and_sells_more(stock: int, mean: float, ratio: float):
    now = expected_sales(stock, mean, ratio * mean)
    then = expected_sales(stock + 1, mean, ratio * mean)
    assert now - 1e-9 <= then <= now + 1 + 1e-9
    chance = chance_of_demand(stock, mean, ratio * mean)
    assert chance_of_demand(stock + 1, mean, ratio * mean) <= chance + 1e-12


def test_no_stock_sells_nothing_and_no_demand_leaves_all():
    assert expected_sales([-3, 0], 5, 8).tolist() == [0, 0]
    assert sales_variance([-3, 0], 5, 8).tolist() == [0, 0]
    assert chance_of_demand([-3, 0, 1], 0, 0).tolist() == [1, 1, 0]
    assert expected_sales(7, 0, 0) == 0


def test_huge_stocks_and_means_stay_finite():
    stock, mean = np.array([1e9, 1e9, 1]), np.array([1e8, 1e9, 1e9])
    for ratio in (0.5, 1, 1 + 1e-12, 50):
        sold = expected_sales(stock, mean, ratio * mean)
        assert np.isfinite(sold).all()
        assert (sold <= np.minimum(stock, mean) * (1 + 1e-9)).all()
        assert np.isfinite(sales_variance(stock, mean, ratio * mean)).all()
