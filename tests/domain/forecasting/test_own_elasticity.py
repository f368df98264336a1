"""The elasticity that a series' own history tells of."""

import numpy as np
import polars as pl
import pytest

from app.domain.forecasting.own_elasticity import LEAST, MOST, own_elasticity
from tests.domain.real_purchases import read

PRIOR = {"prior": 2.0, "prior_sd": 0.7, "block": 182}


def a_week_in_four(n: int, periods: int, depth: float = 0.25) -> np.ndarray:
    return np.tile(-np.log1p(-depth) * (np.arange(periods) // 7 % 4 == 1), (n, 1))


@pytest.mark.parametrize("truth", [1.0, 3.5])
def test_much_history_tells_the_truth_and_how_sure_it_is(truth):
    rng = np.random.default_rng(1)
    strength = a_week_in_four(200, 728)
    season = 1 + 0.5 * np.sin(np.arange(728) / 120)
    sold = rng.poisson(10 * season * np.exp(truth * strength)).astype(float)
    sold[:, :100] = np.nan
    found, sd = own_elasticity(sold, strength, **PRIOR)
    assert found.mean() == pytest.approx(truth, abs=0.08)  # drawn a little towards 2
    assert (np.abs(found - truth) < 2 * sd).mean() > 0.95
    assert (sd < 0.2).all()


def test_it_is_the_maximum_of_what_it_says():
    rng = np.random.default_rng(2)
    strength = a_week_in_four(1, 60)
    sold = rng.poisson(5 * np.exp(3 * strength)).astype(float)
    [found], _ = own_elasticity(sold, strength, prior=2.0, prior_sd=0.7, block=60)
    grid = np.linspace(0.5, 5, 4501)
    weight = np.exp(grid[:, None] * strength)
    share = weight / weight.sum(axis=1, keepdims=True)
    mean = sold.sum() * share[np.argmin(np.abs(grid - found))]
    spread = 2 * max(((sold - mean) ** 2 / mean).sum() / 58, 1.0)
    gain = (sold * np.log(share)).sum(axis=1) / spread - (grid - 2) ** 2 / (2 * 0.49)
    assert grid[np.argmax(gain)] == pytest.approx(found, abs=0.002)


def test_a_history_that_tells_nothing_leaves_the_assumption():
    strength = a_week_in_four(4, 120)
    sold = np.ones((4, 120))
    sold[1], sold[2, 7:], strength[3] = 0, np.nan, 0.3
    found, sd = own_elasticity(sold, strength, **PRIOR)
    assert found[1:].tolist() == pytest.approx([2.0] * 3)
    assert sd[1:].tolist() == pytest.approx([0.7] * 3)
    found, sd = own_elasticity(sold[:, :0], strength[:, :0], **PRIOR)
    assert (found.tolist(), sd.tolist()) == ([2.0] * 4, pytest.approx([0.7] * 4))
    certain, sd = own_elasticity(sold, strength, prior=2.0, prior_sd=0.0, block=182)
    assert (certain.tolist(), sd.tolist()) == ([2.0] * 4, [0.0] * 4)


def test_it_stays_where_a_policy_may_lie():
    strength = a_week_in_four(2, 364)
    sold = np.where(strength > 0, np.array([[900.0], [1.0]]), np.array([[10.0], [50.0]]))
    sold[0] = np.where(strength[0] > 0, 9000.0, 10.0)
    found, _ = own_elasticity(sold * 100, strength, prior=2.0, prior_sd=3.0, block=182)
    assert found.tolist() == [MOST, LEAST]


def test_a_series_is_told_the_same_among_others_and_alone():
    rng = np.random.default_rng(3)
    strength = a_week_in_four(30, 300)
    sold = rng.poisson(2 * np.exp(3 * strength)).astype(float)
    together = own_elasticity(sold, strength, **PRIOR)
    for row in range(0, 30, 7):
        alone = own_elasticity(sold[row : row + 1], strength[row : row + 1], **PRIOR)
        assert (alone[0][0], alone[1][0]) == (together[0][row], together[1][row])


def test_orange_juice_is_forecast_better_than_with_one_elasticity_for_all():
    frame = read("dominicks_oj_weekly.parquet").with_columns(
        units=pl.col("logmove").exp(),
        price=pl.concat_list(f"price{brand}" for brand in range(1, 12)).list.get(
            pl.col("brand").cast(pl.Int64) - 1
        ),
    )
    series = (frame["store"] * 100 + frame["brand"]).to_numpy()
    week = (frame["week"] - frame["week"].min()).to_numpy().astype(int)
    _, row = np.unique(series, return_inverse=True)
    units = np.full((row.max() + 1, week.max() + 1), np.nan)
    price = units.copy()
    units[row, week], price[row, week] = frame["units"], frame["price"]
    usual = np.fmax.reduce([np.roll(price, back, axis=1) for back in range(13)])[:, 13:]
    strength = np.nan_to_num(-np.log(np.minimum(price[:, 13:] / usual, 1.0)))
    units = units[:, 13:]
    errors = {"assumed": 0.0, "own": 0.0}
    for origin in range(units.shape[1] - 20, units.shape[1] - 3, 4):
        past, off = units[:, :origin], strength[:, :origin]
        own, _ = own_elasticity(past, off, prior=2.0, prior_sd=0.7, block=26)
        for name, elasticity in (("assumed", np.full(len(units), 2.0)), ("own", own)):
            lift = np.exp(elasticity[:, None] * strength)
            recent = (units / lift)[:, origin - 26 : origin]
            known = ~np.isnan(recent)
            mean = np.nansum(recent, axis=1) / np.maximum(known.sum(axis=1), 1)
            ahead = slice(origin, origin + 4)
            errors[name] += np.nansum(np.abs(mean[:, None] * lift[:, ahead] - units[:, ahead]))
    assert errors["own"] < 0.98 * errors["assumed"]
