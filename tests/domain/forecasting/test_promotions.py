"""Promotions out of the history and into the forecast."""

import numpy as np
import polars as pl
import pytest

from app.domain.forecasting.promotions import DEEPEST, discounts
from tests.domain.real_purchases import read


def spans(*rows, elasticity=2.0, history=10, horizon=5, step_days=1):
    row, first, last, depth = (np.array(c) for c in zip(*rows, strict=True))
    return discounts(
        row,
        first,
        last,
        depth.astype(float),
        history=history,
        horizon=horizon,
        step_days=step_days,
    ).at(elasticity)


def test_a_campaign_comes_out_of_its_days_and_a_known_one_goes_in():
    ours = spans((1, -2, -1, 0.5), (1, 2, 3, 0.2), (3, -400, -9, 0.5))
    demand = np.full((4, 10), 8.0)
    demand[3, 0] = np.nan
    usual = ours.without(demand)
    assert usual[0].tolist() == [8] * 10
    assert usual[1].tolist() == pytest.approx([8] * 7 + [2, 2, 8])
    assert np.isnan(usual[3, 0])
    assert usual[3, 1:].tolist() == [8] * 9
    ahead = ours.ahead(4)
    assert ahead[1] == pytest.approx([1, 1 / 0.64, 1 / 0.64, 1, 1])
    assert (ahead[[0, 2, 3]] == 1).all()
    assert ours.coming() == [(1, 2, 3, pytest.approx(1 / 0.64))]


@pytest.mark.parametrize("elasticity", [0.0, 1.3, 2.0])
def test_the_depths_are_told_from_as_of_on(elasticity: float):
    ours = spans((1, -2, 1, 0.5), (3, -400, -1, 0.5), elasticity=elasticity)
    assert ours.rows.tolist() == [1, 3]
    depths = ours.depths()
    assert depths.shape == (2, 6)
    assert depths[0] == pytest.approx([0.5, 0.5, 0, 0, 0, 0])
    assert not depths[1].any()
    weekly = spans((0, 1, 7, 0.2), (0, 8, 9, 0.5), step_days=7, elasticity=elasticity)
    some = weekly.depths()[0]
    assert some[:2] == pytest.approx([0, 0.2])
    assert 0 < some[2] < 0.5


def test_the_deeper_of_two_holds_and_nothing_is_free():
    ours = spans((0, 1, 2, 0.2), (0, 2, 3, 0.5), (0, 4, 4, 1.0))
    assert ours.lift[0, 10:] == pytest.approx([1 / 0.64, 4, 4, (1 - DEEPEST) ** -2, 1])


def test_without_promotion_ahead_there_is_no_factor():
    ours = spans((0, -5, -5, 0.5))
    assert ours.ahead(3) is None
    assert ours.coming() == []
    none = discounts(
        *(np.zeros(0, np.int64) for _ in range(3)),
        np.zeros(0),
        history=10,
        horizon=5,
    ).at(2)
    assert none.ahead(3) is None
    assert none.without(np.ones((3, 10))).tolist() == np.ones((3, 10)).tolist()
    assert none.variance(np.ones((3, 5)), 0.7).tolist() == np.zeros((3, 5)).tolist()


def test_a_price_that_stays_low_is_no_news():
    ours = spans((0, -20, 99, 0.5), (1, -20, 2, 0.5))
    assert [found[0] for found in ours.coming()] == [1]
    assert (ours.ahead(2)[0] == 4).all()


def test_a_week_has_the_mean_of_its_days():
    ours = spans((0, 1, 2, 0.5), history=3, horizon=2, step_days=7)
    assert ours.lift[0] == pytest.approx([1, 1, 1, (2 * 4 + 5) / 7, 1])


@pytest.mark.parametrize("step_days", [1, 7])
def test_the_slope_is_that_of_the_lift(step_days):
    rows = [(0, 1, 3, 0.3), (0, 5, 30, 0.6)]
    low, mid, high = (spans(*rows, elasticity=b, step_days=step_days) for b in (1.999, 2, 2.001))
    slope = (np.log(high.lift) - np.log(low.lift)) / 0.002
    assert mid.slope == pytest.approx(slope, abs=1e-6)


def test_the_elasticity_errs_in_all_promoted_periods_alike():
    ours = spans((1, 2, 3, 0.2))
    variance = ours.variance(np.full((2, 5), 10.0), 0.7)
    one = (10 * np.log(1 / 0.8) * 0.7) ** 2
    assert variance[0].tolist() == [0] * 5
    assert variance[1] == pytest.approx([0, one, 4 * one, 4 * one, 4 * one])


def error_at(elasticity, units, depth):
    """Absolute error over units of four weeks ahead by the mean of 26, over all origins."""
    row, week = np.nonzero(depth)
    missed = sold = 0.0
    for origin in range(40, units.shape[1] - 4, 12):
        near = (week >= origin - 26) & (week < origin + 4)
        ours = discounts(
            row[near],
            7 * (week[near] - origin) + 1,
            7 * (week[near] - origin) + 7,
            depth[row[near], week[near]],
            history=26,
            horizon=4,
            step_days=7,
        ).at(elasticity)
        usual = ours.without(units[:, origin - 26 : origin])
        known = (~np.isnan(usual)).sum(axis=1) > 12
        mean = np.nansum(usual, axis=1) / np.maximum((~np.isnan(usual)).sum(axis=1), 1)
        ahead = ours.ahead(len(units))
        lift = 1.0 if ahead is None else ahead  # at an elasticity of 0
        error = np.abs(mean[:, None] * lift - units[:, origin : origin + 4])[known]
        missed += np.nansum(error)
        sold += np.nansum(units[known, origin : origin + 4])
    return missed / sold


def test_known_prices_make_forecasts_of_orange_juice_better():
    frame = read("dominicks_oj_weekly.parquet")
    brands = frame.select(f"price{brand}" for brand in range(1, 12)).to_numpy()
    paid = brands[np.arange(len(frame)), frame["brand"].to_numpy() - 1]
    row = frame.select(pl.struct("store", "brand").rank("dense").cast(pl.Int64)).to_series() - 1
    week = frame["week"].to_numpy() - frame["week"].min()
    shape = (row.max() + 1, week.max() + 1)
    units, price = np.full(shape, np.nan), np.full(shape, np.nan)
    units[row.to_numpy(), week] = np.exp(frame["logmove"].to_numpy())
    price[row.to_numpy(), week] = paid
    wide = np.pad(np.nan_to_num(price), ((0, 0), (12, 0)))
    usual = np.lib.stride_tricks.sliding_window_view(wide, 13, axis=1).max(axis=2)
    depth = np.nan_to_num(1 - price / np.where(usual > 0, usual, np.nan))
    depth[depth < 0.03] = 0
    without, ours = error_at(0.0, units, depth), error_at(2.0, units, depth)
    assert without > 0.7
    assert ours < 0.85 * without


def test_each_may_have_an_elasticity_of_its_own():
    both = discounts(
        np.array([0, 2]),
        np.array([-2, -2]),
        np.array([3, 3]),
        np.array([0.5, 0.5]),
        history=10,
        horizon=5,
    )
    ours = both.at(np.array([1.0, 3.0]))
    assert ours.lift[:, 8].tolist() == pytest.approx([2, 8])
    mean = np.ones((3, 5))
    apart = ours.variance(mean, np.array([0.1, 0.3]))
    assert apart[0] == pytest.approx(ours.variance(mean, 0.1)[0])
    assert apart[2] == pytest.approx(ours.variance(mean, 0.3)[2])
    assert (apart[1] == 0).all()
