"""The walk over counts against SciPy's quantiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from app.domain.forecasting.count_quantiles import count_quantiles
from app.domain.service_level import demand_quantile, no_stockout_probability

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.995)


@settings(deadline=None, max_examples=300)
@given(st.floats(-6, 5), st.one_of(st.just(0.0), st.floats(-9, 3)))
def test_it_is_scipys_quantile(log_mean, log_beyond):
    mean = 10.0**log_mean
    variance = mean * (1 + (10.0**log_beyond if log_beyond else 0.0))
    ours = count_quantiles(mean, variance, LEVELS)
    scipys = demand_quantile(mean, variance, np.array(LEVELS))
    for level, unit, other in zip(LEVELS, ours, scipys, strict=True):
        if unit != other:  # only where the chance of one unit is the level, to the last digits
            low = min(unit, other)
            chance = no_stockout_probability(low, mean, variance)
            assert abs(unit - other) == 1
            assert chance == pytest.approx(level, abs=1e-12)


def test_the_families_are_named_by_their_moments():
    assert count_quantiles(3.0, 3.0, [0.9])[0] == poisson.ppf(0.9, 3)
    assert count_quantiles(3.0, 9.0, [0.9])[0] == nbinom.ppf(0.9, 1.5, 1 / 3)
    assert count_quantiles(3.0, 1.0, [0.9])[0] == poisson.ppf(0.9, 3), "no less than Poisson"
    assert count_quantiles(0.0, 5.0, [0.9])[0] == 0


def test_many_at_once_in_any_order_of_levels():
    mean = np.array([[0.0, 0.3, 12.0], [700.0, 9e4, 1e-12]])
    levels = [0.95, 0.5, 0.975, 0.1]
    ours = count_quantiles(mean, 3 * mean, levels)
    assert ours.shape == (2, 3, 4)
    one = demand_quantile(mean[..., None], 3 * mean[..., None], np.array(levels))
    assert (ours == one).all()


@pytest.mark.parametrize("mean", [1e7, 1e9, 1e12])
@pytest.mark.parametrize("beyond", [0.0, 1e-8, 0.5, 1e4])
def test_huge_means(mean, beyond):
    variance = mean * (1 + beyond)
    ours = count_quantiles(mean, variance, [0.025, 0.5, 0.975])
    z = np.array([-1.959964, 0, 1.959964])
    expected = mean + z * np.sqrt(variance) + (z**2 - 1) * (2 * variance / mean - 1) / 6
    assert ours == pytest.approx(expected, abs=1e-3 * np.sqrt(variance) + 1)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, np.nan])
def test_a_level_is_a_probability(level):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        count_quantiles(1.0, 1.0, [0.5, level])


def test_none_at_all():
    assert count_quantiles(np.zeros((0, 5)), np.zeros((0, 5)), LEVELS).shape == (0, 5, 10)
