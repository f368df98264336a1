"""Quantiles of Prophet's forecast error without drawing it."""

import numpy as np
import pytest
from scipy.stats import norm

from app.domain.forecasting.prophet_intervals import SHARES, interval_table, path_moments

LEVELS = (0.005, 0.025, 0.1, 0.5, 0.9, 0.975, 0.995)


def drawn(horizon, probability, rng, draws=50_000):
    """W_h of the last period, as ``Prophet._make_trend_shift_matrix`` makes it."""
    bends = rng.laplace(size=(draws, horizon)) * (rng.random((draws, horizon)) < probability)
    return bends @ (np.arange(horizon)[::-1] + 0.5)


def test_without_a_path_it_is_the_normal_distribution():
    table = interval_table(5, 0.06, LEVELS)
    assert table[:, 0] == pytest.approx(np.tile(norm.ppf(LEVELS), (5, 1)), abs=2e-3)


def test_it_is_symmetric():
    table = interval_table(30, 0.2, LEVELS)
    assert table == pytest.approx(-table[:, :, ::-1], abs=2e-3)


@pytest.mark.parametrize(("horizon", "probability"), [(1, 1.0), (7, 0.06), (28, 0.06), (182, 0.3)])
def test_the_path_has_the_moments_of_prophets_draws(horizon, probability):
    rng = np.random.default_rng(1)
    path = drawn(horizon, probability, rng)
    variance, bends = path_moments(horizon, probability)
    assert variance[-1] == pytest.approx(path.var(), rel=0.05)
    kurtosis = (path**4).mean() / path.var() ** 2 - 3
    assert 10.8 / bends[-1] == pytest.approx(kurtosis, rel=0.25, abs=0.1)


@pytest.mark.parametrize(("horizon", "probability"), [(7, 0.3), (28, 0.06), (182, 0.06)])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.7, 0.95])
def test_quantiles_are_those_of_the_draws(horizon, probability, share):
    rng = np.random.default_rng(2)
    path = drawn(horizon, probability, rng)
    variance, _ = path_moments(horizon, probability)
    error = np.sqrt(share) * path / np.sqrt(variance[-1])
    error += np.sqrt(1 - share) * rng.normal(size=len(path))
    table = interval_table(horizon, probability, LEVELS)[-1]
    ours = [np.interp(share, SHARES, table[:, q]) for q in range(len(LEVELS))]
    assert ours == pytest.approx(np.quantile(error, LEVELS), rel=0.05, abs=0.02)
