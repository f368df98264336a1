"""What would have sold, had there been goods: demand planted, lost to empty shelves, found."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import nbinom

from app.domain.forecasting.true_demand import HALF, true_demand, weekday_profile
from tests.domain.real_purchases import read

DAYS, ITEMS = 364, 200
WEEKDAYS = np.array([0.7, 0.7, 0.8, 0.9, 1.1, 1.5, 1.3])
PROFILE = np.resize(WEEKDAYS / WEEKDAYS.mean(), DAYS)


@cache
def shop(mean, shape, service_level):
    """Demand, sales and exposure under weekly orders up to a level, one week on their way."""
    rng = np.random.default_rng(7)
    rate = mean * PROFILE
    wanted = rng.negative_binomial(shape, shape / (shape + rate), size=(ITEMS, DAYS))
    up_to = nbinom.ppf(service_level, 7 * shape, 7 * shape / (7 * shape + 14 * mean))
    on_hand, due = np.full(ITEMS, up_to), np.zeros((ITEMS, DAYS + 7))
    sold, opened, closed = (np.zeros((ITEMS, DAYS)) for _ in range(3))
    for day in range(DAYS):
        on_hand = on_hand + due[:, day]
        opened[:, day] = on_hand
        sold[:, day] = np.minimum(on_hand, wanted[:, day])
        on_hand = on_hand - sold[:, day]
        closed[:, day] = on_hand
        if day % 7 == 0:
            due[:, day + 7] = np.maximum(up_to - on_hand - due[:, day + 1 :].sum(axis=1), 0)
    exposure = np.where(opened <= 0, 0.0, np.where(closed <= 0, HALF, 1.0))
    return wanted, sold, exposure


def bias(estimate, wanted):
    """Mean over items, in per cent."""
    return 100 * (estimate / wanted.mean(axis=1) - 1).mean()


@pytest.mark.parametrize(
    ("mean", "shape", "naive", "half"),
    [(8, 4, (-5, -3), (-1, 0.5)), (2, 2, (-9, -6), (-2, 0.5)), (0.4, 1.5, (-20, -14), (-4, 0.5))],
)
def test_planted_demand_is_found_again_at_a_service_level_of_60_percent(mean, shape, naive, half):
    wanted, sold, exposure = shop(mean, shape, 0.6)
    assert naive[0] < bias(sold.mean(axis=1), wanted) < naive[1]
    by_exposure = sold.sum(axis=1) / (exposure * PROFILE).sum(axis=1)
    assert half[0] < bias(by_exposure, wanted) < half[1]
    ours = true_demand(sold, exposure, profile=PROFILE)
    assert abs(bias(ours.demand.mean(axis=1), wanted)) < 1.5
    lost = (wanted - sold).sum() / wanted.sum()
    assert ours.estimated_share.mean() == pytest.approx(lost, abs=0.015)
    assert ours.unmet.sum() == pytest.approx((wanted - sold).sum(), rel=0.1)


def test_leaving_out_days_that_end_with_nothing_is_worse_than_doing_nothing():
    wanted, sold, exposure = shop(0.4, 1.5, 0.6)
    kept = np.where(exposure == 1, sold, np.nan)
    assert bias(np.nanmean(kept, axis=1), wanted) < bias(sold.mean(axis=1), wanted) - 3


def test_weeks_of_which_a_share_is_known_are_filled_too():
    wanted, sold, exposure = shop(2, 2, 0.6)
    by_week = [m.reshape(ITEMS, -1, 7).sum(axis=2) for m in (wanted, sold, exposure)]
    ours = true_demand(by_week[1], by_week[2] / 7, step_days=7)
    assert -4 < bias(ours.demand.mean(axis=1), by_week[0]) < 1
    assert bias(by_week[1].mean(axis=1), by_week[0]) < -6


def test_a_row_depends_on_no_other_row():
    _, sold, exposure = shop(2, 2, 0.6)
    whole = true_demand(sold, exposure, profile=PROFILE)
    parts = [true_demand(sold[k : k + 1], exposure[k : k + 1], profile=PROFILE) for k in range(9)]
    assert np.array_equal(whole.demand[:9], np.concatenate([part.demand for part in parts]))


def test_nothing_is_estimated_where_goods_lay_all_the_time():
    sold = np.array([[np.nan, 3.0, 0.0, 2.0], [1.0, 0.0, 0.0, 0.0]])
    ours = true_demand(sold, np.ones((2, 4)))
    assert np.array_equal(ours.demand, sold, equal_nan=True)
    assert ours.estimated_share.tolist() == ours.unmet.tolist() == [0, 0]
    assert not ours.is_all_censored.any()


def test_it_is_never_below_what_was_sold_and_sales_speak_against_an_empty_shelf():
    sold = np.array([[2.0, 5.0, 0.0, 2.0, 2000.0] * 8])
    ours = true_demand(sold, np.resize([1.0, 0.0, 0.0, 1.0, HALF], (1, 40)))
    assert (ours.demand >= sold).all()
    assert (ours.demand[0, 1::5] > 5).all()
    assert np.isfinite(ours.demand).all()


def test_without_a_day_with_goods_there_is_no_estimate():
    sold = np.array([[np.nan, 0.0, 0.0], [4.0, 0.0, 0.0], [np.nan] * 3])
    ours = true_demand(sold, np.zeros((3, 3)))
    assert ours.is_all_censored.tolist() == [True, False, False]
    assert np.isnan(ours.demand[0]).all()
    assert (ours.demand[1] >= 4).any()  # sold, so there was something on that day
    assert ours.unmet[0] == ours.estimated_share[0] == 0


def test_few_days_with_goods_are_drawn_to_what_is_usual_for_such_items():
    sold = np.array([[1.0] + [0.0] * 19])
    exposure = np.array([[1.0] * 2 + [0.0] * 18])
    own = true_demand(sold, exposure).demand[0, -1]
    drawn = true_demand(sold, exposure, prior_rate=np.array([5.0])).demand[0, -1]
    assert own == pytest.approx(0.5)
    usual = (1 + 14 * 5) / 16  # of the whole history; the window around is drawn to it again
    assert drawn == pytest.approx((1 + 14 * usual) / 16)


def test_the_profile_of_weekdays_ends_on_the_last_day():
    totals = np.tile(np.resize(np.arange(1.0, 8.0), 73), (2, 1))
    profile = weekday_profile(totals)
    assert profile.shape == (73,)
    assert profile == pytest.approx(totals[0] / 4)
    assert weekday_profile(totals, step_days=7).tolist() == [1] * 73
    assert weekday_profile(totals[:, :20]).tolist() == [1] * 20
    assert weekday_profile(np.zeros((1, 50))).tolist() == [1] * 50


def test_real_weeks_that_are_hidden_are_filled_with_what_they_sold():
    """VN2: weeks of three in a row that had goods, in one of five places made to look empty."""
    frame = read("vn2_weekly_dev.parquet").sort("Store", "Product", "week")
    sold = frame["sales"].to_numpy().reshape(599, -1).astype(float)
    in_stock = frame["in_stock"].to_numpy().reshape(599, -1)
    started = np.maximum.accumulate(sold > 0, axis=1)
    starts = np.random.default_rng(3).random((599, 157 // 3 + 1)) < 0.2
    hidden = np.repeat(starts, 3, axis=1)[:, :157] & in_stock & started
    hidden &= np.cumsum(started, axis=1) > 1  # else the first sale would be another
    history = np.where(started, np.where(hidden, 0.0, sold), np.nan)
    ours = true_demand(history, np.where(in_stock & ~hidden, 1.0, 0.0), step_days=7)
    assert hidden.sum() > 10_000
    known = hidden & np.isfinite(ours.demand)
    assert ours.demand[known].sum() == pytest.approx(sold[known].sum(), rel=0.03)
    error = np.abs(ours.demand - sold)[known].sum() / sold[known].sum()
    assert error < 0.65  # nothing in their place is an error of 1
