"""Several stocks together, against draws in which their demand moves together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.sell_through.days import Demand
from app.domain.sell_through.outlook import BAND, left_quantile, outlook
from app.domain.sell_through.stock_left import expected_sales
from app.domain.sell_through.together import common_correlation, correlated, outlook_together

DAYS = 30
RATES = np.array([0.3, 0.8, 1.5, 2.0, 0.1, 3.0])
STOCK = np.array([20.0, 15.0, 30.0, 70.0, 12.0, 40.0])
DRAWS = 20_000


def courses(common: float, own: float, rng: np.random.Generator) -> np.ndarray:
    """Demand (draws, n, D) whose levels have a part in common and a part of their own."""
    shared = rng.gamma(1 / common, common, (DRAWS, 1)) if common else np.ones((DRAWS, 1))
    single = rng.gamma(1 / own, own, (DRAWS, len(RATES)))
    daily = rng.poisson((RATES * shared * single)[:, :, None], (DRAWS, len(RATES), DAYS))
    return np.cumsum(daily, axis=2)


@pytest.mark.parametrize(("common", "own"), [(0.2, 0.1), (0.02, 0.4), (0, 0.2)])
def test_the_band_holds_what_is_drawn(common: float, own: float):
    demand = courses(common, own, np.random.default_rng(8))
    total = demand.sum(axis=1)
    members = Demand(demand.mean(axis=0), demand.var(axis=0))
    dispersion = total.var(axis=0) / total.mean(axis=0)
    left = np.maximum(STOCK[:, None] - demand, 0).sum(axis=1)
    few = np.floor(0.05 * STOCK.sum())
    seen = outlook_together(STOCK, [members], dispersion, sold_out_units=few)
    assert seen.expected_left[0] == pytest.approx(left.mean(axis=0), abs=1)
    for probability in BAND:
        bound = left_quantile(seen.left_at_most, STOCK.sum()[None], probability, shape=(1, DAYS))
        share = (left <= bound[0]).mean(axis=0)
        assert share == pytest.approx(probability, abs=0.06)
    assert seen.sold_out[0] == pytest.approx((left <= few).mean(axis=0), abs=0.08)


def test_one_heap_would_leave_less_than_the_members_do():
    m = RATES[:, None] * np.arange(1, DAYS + 1)
    members = Demand(m, 2 * m)
    seen = outlook_together(STOCK, [members], np.full(DAYS, 2.0), sold_out_units=0)
    heap = STOCK.sum() - expected_sales(STOCK.sum(), m.sum(axis=0), 2 * m.sum(axis=0))
    assert (seen.expected_left[0] >= heap - 1e-9).all()
    alone = outlook(STOCK, [members]).expected_left.sum(axis=0)
    assert seen.expected_left[0] == pytest.approx(alone)


def test_a_member_nobody_can_forecast_keeps_its_stock():
    m = np.array([[1.0, 2.0], [np.nan, np.nan]])
    seen = outlook_together(np.array([1.0, 5.0]), [Demand(m, m)], np.ones(2), sold_out_units=0)
    assert (seen.expected_left >= 5).all()
    unknown = np.full((2, 2), np.nan)
    none = outlook_together(STOCK[:2], [Demand(unknown, unknown)], np.ones(2), sold_out_units=0)
    assert np.isnan(none.expected_left).all()
    assert np.isnan(none.sold_out).all()


def test_the_outlook_ends_where_one_of_the_forecasts_does():
    m = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.nan]])
    seen = outlook_together(np.array([9.0, 9.0]), [Demand(m, m)], np.ones(3), sold_out_units=0)
    assert np.isnan(seen.expected_left[0]).tolist() == [False, False, True]
    assert np.isnan(seen.sold_out[0]).tolist() == [False, False, True]


def test_nothing_in_stock():
    m = np.ones((2, 3))
    for stock in (np.zeros(2), np.array([-4.0, 0.0])):
        seen = outlook_together(stock, [Demand(m, m)], np.ones(3), sold_out_units=0)
        assert seen.expected_left.tolist() == [[0, 0, 0]]
        assert seen.sold_out.tolist() == [[1, 1, 1]]


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=6),
    st.floats(0, 1),
)
def test_the_correlation_is_the_one_that_was_put_in(variances: list[float], rho: float):
    parts = np.array(variances)[:, None]
    together = correlated(parts, np.array([rho]))
    found = common_correlation(parts, together)
    assert 0 <= found[0] <= 1
    assert correlated(parts, found) == pytest.approx(together, abs=1e-6)


def test_less_than_independence_counts_as_independence():
    parts = np.array([[4.0], [9.0]])
    assert common_correlation(parts, np.array([1.0])).tolist() == [0]
    assert correlated(parts, np.zeros(1)).tolist() == [13]
