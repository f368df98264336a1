"""Prophet for every series at once: exact, whatever the series and whoever shares the batch."""

from dataclasses import replace
from datetime import date

import clarabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from app.domain.forecasting.batched_prophet import fits, prophet_forecast, prophet_mean
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.prophet_calendar import UnknownHolidayCountry
from app.domain.forecasting.prophet_map import negative_log_posterior, objective
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup
from tests.domain.forecasting.daily_series import counts, retail, started

DAYS = Calendar(date(2024, 5, 6))
WEEKS = Calendar(date(2024, 5, 6), step_days=7)
PLAIN = ForecastSettings(prophet=ProphetSetup(), trend_damping=0.8)
JAPAN = ForecastSettings(plain_prophet=ProphetSetup(country="JP"))
LEVELS = (0.1, 0.5, 0.9)


def forecast(demand, given=PLAIN, calendar=DAYS, horizon=28, levels=LEVELS):
    demand = np.atleast_2d(np.asarray(demand, dtype=float))
    return prophet_forecast(
        demand, calendar=calendar, horizon=horizon, settings=given, levels=levels
    )


def solved(demand, given=PLAIN, calendar=DAYS):
    """Scaled demand and optimum of each group of series."""
    for rows, periods, optima in fits(demand, calendar=calendar, setup=given.plain_prophet):
        yield demand[rows][:, periods] / optima.scale[:, None], optima


def quadratic_program(y, design, sigma):
    """The same posterior for one series and this noise, by an interior-point solver."""
    T, S = len(y), len(design.changepoints)
    hinges = np.maximum(design.t[:, None] - design.changepoints, 0.0)
    columns = np.column_stack([design.t, np.ones(T), design.features, hinges, -hinges])
    ridge = np.concatenate([[1 / 25, 1 / 25], design.prior_scales**-2.0, np.zeros(2 * S)])
    n = len(ridge)
    # min ½r'r + ½v·θ'Λθ + (v/τ)·Σδ±, with r = y − columns·θ as variables of their own
    P = sparse.block_diag([sparse.eye(T), sparse.diags(ridge * sigma**2)], format="csc")
    q = np.concatenate([np.zeros(T + n - 2 * S), np.full(2 * S, sigma**2 / design.tau)])
    positive = sparse.hstack([sparse.csc_matrix((2 * S, T + n - 2 * S)), -sparse.eye(2 * S)])
    A = sparse.vstack(
        [sparse.hstack([sparse.eye(T), sparse.csc_matrix(columns)]), positive], format="csc"
    )
    options = clarabel.DefaultSettings()
    options.verbose = False
    options.tol_gap_abs = options.tol_gap_rel = options.tol_feas = 1e-13
    cones = [clarabel.ZeroConeT(T), clarabel.NonnegativeConeT(2 * S)]
    found = clarabel.DefaultSolver(
        sparse.triu(P).tocsc(), q, A, np.concatenate([y, np.zeros(2 * S)]), cones, options
    ).solve()
    theta = np.array(found.x[T:])
    delta = theta[n - 2 * S : n - S] - theta[n - S :]
    return theta[0], theta[1], theta[2 : n - 2 * S], delta


@pytest.mark.parametrize(
    ("draw", "days", "given"),
    [(counts, 419, PLAIN), (counts, 60, PLAIN), (retail, 800, JAPAN), (retail, 200, JAPAN)],
)
def test_it_agrees_with_a_quadratic_program(draw, days, given):
    demand = draw(np.random.default_rng(3), 6, days)
    demand[:, 0] += 1  # so that all start on the same day
    for y, optima in solved(demand, given):
        design = optima.design
        f = objective(y, optima)
        for i in range(len(y)):
            k, m, beta, delta = quadratic_program(y[i], design, optima.sigma[i])
            one = np.array
            theirs = negative_log_posterior(
                y[[i]], design, one([k]), one([m]), delta[None], beta[None], optima.sigma[[i]]
            )
            assert f[i] <= theirs[0] + 1e-6
            assert f[i] == pytest.approx(theirs[0], abs=1e-5)
            ahead = design.t[-1] + np.linspace(0, 0.2, 10)
            ours, qp = (
                slope * ahead + level + np.maximum(ahead[:, None] - design.changepoints, 0) @ bends
                for slope, level, bends in [
                    (optima.k[i], optima.m[i], optima.delta[i]),
                    (k, m, delta),
                ]
            )
            assert np.abs(ours - qp).max() <= 1e-6
            assert np.abs(design.features @ (optima.beta[i] - beta)).max() <= 1e-6


def test_no_step_in_any_direction_is_better():
    rng = np.random.default_rng(4)
    for y, optima in solved(counts(rng, 20, 300)):
        best = objective(y, optima)
        names = ("k", "m", "delta", "beta", "sigma")
        at = {name: getattr(optima, name) for name in names}
        for size in (1e-2, 1e-4):
            for name in names:
                moved = at | {name: at[name] + size * rng.normal(size=at[name].shape)}
                moved["sigma"] = np.abs(moved["sigma"])
                assert (negative_log_posterior(y, optima.design, **moved) >= best - 1e-9).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(3, 90), st.sampled_from([1e-9, 1.0, 1e9]))
def test_noise_and_bends_are_stationary(seed, days, unit):
    rng = np.random.default_rng(seed)
    demand = unit * (counts(rng, 3, days) - rng.integers(0, 2))
    for y, optima in solved(demand):
        moves = y.min(axis=1) < y.max(axis=1)
        design, v = optima.design, optima.sigma**2
        T, P = len(design.t), len(design.d)
        residual = y - optima.coefficients @ design.basis.T
        squares = (residual**2).sum(axis=1)
        held = moves & (v > 1e-12)  # else an exact fit: no noise to speak of
        assert (4 * v**2 + T * v)[held] == pytest.approx(squares[held], rel=1e-6)
        pull = (residual @ design.basis[:, P:])[held]
        bound = (v / design.tau)[held, None]
        assert (np.abs(pull) <= bound * (1 + 1e-6)).all()
        bends = optima.delta[held]
        agree = np.abs(pull - bound * np.sign(bends)) <= 1e-6 * bound
        assert agree[bends != 0].all()


def test_the_company_in_the_batch_changes_nothing():
    rng = np.random.default_rng(5)
    demand = started(counts(rng, 60, 200), rng.integers(0, 190, 60))
    demand[7, 150:160] = np.nan
    mean, quantiles = forecast(demand, JAPAN)
    damped = prophet_mean(demand, calendar=DAYS, horizon=28, settings=JAPAN)
    order = rng.permutation(60)
    for parts in ([order], np.array_split(order, 7), [[row] for row in order]):
        for rows in parts:
            some, some_quantiles = forecast(demand[rows], JAPAN)
            assert np.array_equal(some, mean[rows], equal_nan=True)
            assert np.array_equal(some_quantiles, quantiles[rows], equal_nan=True)
            again = prophet_mean(demand[rows], calendar=DAYS, horizon=28, settings=JAPAN)
            assert np.array_equal(again, damped[rows], equal_nan=True)


def test_days_before_the_first_sale_do_not_count():
    demand = counts(np.random.default_rng(6), 5, 120) + 1
    longer = np.hstack([np.full((5, 300), np.nan), demand])
    ours, theirs = forecast(demand), forecast(longer)
    assert np.array_equal(ours[0], theirs[0])
    assert np.array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("unit", [1e-9, 1e9, -1.0])
def test_units_do_not_matter(unit):
    demand = counts(np.random.default_rng(7), 10, 300)
    mean, quantiles = forecast(demand)
    other, other_quantiles = forecast(unit * demand)
    assert other == pytest.approx(unit * mean, rel=1e-9, abs=1e-9 * abs(unit))
    if unit < 0:
        other_quantiles = other_quantiles[:, ::-1]
    assert other_quantiles == pytest.approx(unit * quantiles, rel=1e-6, abs=1e-6 * abs(unit))


def test_a_series_that_never_changes_goes_on_as_it_is():
    demand = np.array([np.zeros(100), np.full(100, 7.0), np.full(100, -3.0), np.full(100, 1e9)])
    mean, quantiles = forecast(demand)
    assert mean == pytest.approx(np.repeat(demand[:, [0]], 28, axis=1), rel=1e-12)
    assert quantiles == pytest.approx(np.stack([mean] * 3, axis=1), rel=1e-5, abs=1e-4)


def test_one_known_day_is_all_there_is_to_say():
    demand = np.full((3, 50), np.nan)
    demand[0, -1], demand[1, 20] = 4.0, 2.0
    mean, quantiles = forecast(demand)
    assert (mean[:2] == [[4.0], [2.0]]).all()
    assert (quantiles[:2] == [[[4.0]], [[2.0]]]).all()
    assert np.isnan(mean[2]).all(), "nothing is known of it"
    assert np.isnan(quantiles[2]).all()
    damped = prophet_mean(demand, calendar=DAYS, horizon=28, settings=PLAIN)
    assert np.array_equal(damped, mean, equal_nan=True)


@pytest.mark.parametrize("days", [2, 3, 4, 5, 8, 13, 14, 15, 30, 34])
def test_short_series_have_a_forecast(days):
    demand = counts(np.random.default_rng(days), 30, days)
    for given_ in (PLAIN, JAPAN):
        mean, quantiles = forecast(demand, given_)
        assert np.isfinite(mean).all()
        assert (np.diff(quantiles, axis=1) >= 0).all()


def test_a_straight_line_is_continued():
    mean, _ = forecast(np.arange(400.0))
    assert mean[0] == pytest.approx(np.arange(400, 428), rel=1e-6)


def test_the_damped_mean_follows_the_slope_ever_less_and_is_never_negative():
    demand = np.vstack([np.arange(400.0), 400 - np.arange(400.0)])
    damped = prophet_mean(demand, calendar=DAYS, horizon=182, settings=PLAIN)
    phi = PLAIN.trend_damping ** (1 / 7)
    expected = 399 + np.cumsum(phi ** np.arange(1, 183))
    assert damped[0] == pytest.approx(expected, rel=1e-5)
    assert (damped >= 0).all()
    undamped = prophet_mean(
        demand, calendar=DAYS, horizon=182, settings=replace(PLAIN, trend_damping=1.0)
    )
    assert undamped == pytest.approx(np.maximum(forecast(demand, horizon=182)[0], 0), rel=1e-12)


def test_ten_years_ahead_and_one_day():
    demand = retail(np.random.default_rng(8), 3, 900)
    long, _ = forecast(demand, JAPAN, horizon=3650)
    short, _ = forecast(demand, JAPAN, horizon=1)
    assert np.isfinite(long).all()
    assert long[:, :1] == pytest.approx(short, rel=1e-9)


def test_bad_questions_have_clear_answers():
    demand = counts(np.random.default_rng(9), 3, 100)
    with pytest.raises(ValueError, match="horizon is 0"):
        forecast(demand, horizon=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        forecast(demand, levels=[0.5, 1.0])
    with pytest.raises(UnknownHolidayCountry, match="'XX'"):
        forecast(demand, ForecastSettings(plain_prophet=ProphetSetup(country="XX")))
    with pytest.raises(UnknownHolidayCountry, match="HolidayBase"):
        forecast(demand, ForecastSettings(plain_prophet=ProphetSetup(country="HolidayBase")))


def test_a_broken_series_leaves_the_others_alone():
    demand = counts(np.random.default_rng(9), 4, 100)
    broken = demand.copy()
    broken[1, 50], broken[3, :-1], broken[3, -1] = np.inf, np.nan, -np.inf
    mean, quantiles = forecast(broken)
    assert np.isnan(mean[[1, 3]]).all()
    assert np.isnan(quantiles[[1, 3]]).all()
    expected, _ = forecast(demand)
    assert np.array_equal(mean[[0, 2]], expected[[0, 2]])


def test_no_series_no_forecast():
    mean, quantiles = forecast(np.empty((0, 100)))
    assert mean.shape == (0, 28)
    assert quantiles.shape == (0, 3, 28)


def test_a_holiday_of_the_week_is_seen_on_any_of_its_days():
    """Golden Week sells double; the weeks end on Mondays, its days lie anywhere in them."""
    weeks = 160
    ends = WEEKS.ends(np.arange(1 - weeks, 53))
    golden = [any((e - np.timedelta64(d, "D")).strftime("%m-%d") == "05-03" for d in range(7))
              for e in ends]  # fmt: skip
    demand = np.random.default_rng(10).poisson(np.where(golden, 60, 30)).astype(float)
    given_ = ForecastSettings(plain_prophet=ProphetSetup(country="JP", yearly_order=0))
    mean, _ = forecast(demand[:weeks], given_, WEEKS, 52)
    is_golden = np.array(golden[weeks:])
    assert mean[0, is_golden].min() > 1.4 * np.median(mean[0])


def test_intervals_widen_with_the_horizon_and_hold_the_noise():
    rng = np.random.default_rng(11)
    demand = rng.normal(100.0, 5.0, (50, 500))
    _, quantiles = forecast(demand, levels=(0.1, 0.5, 0.9), horizon=90)
    width = quantiles[:, 2] - quantiles[:, 0]
    assert np.median(width[:, 0]) == pytest.approx(2 * 1.2816 * 5, rel=0.05)
    assert (width[:, -1] > width[:, 0]).all()
