from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, gamma

from app.domain.bg_nbd import BgNbd, _log_likelihood, fit_bg_nbd
from app.domain.ltv import purchase_summary
from tests.domain.real_purchases import cdnow_master, cdnow_sample

PUBLISHED = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
MODIFIED = BgNbd(r=0.525, alpha=6.183, a=0.891, b=1.614, is_modified=True)
BOTH = pytest.mark.parametrize("model", [PUBLISHED, MODIFIED])


def histories(*rows):
    """Arrays frequency, recency, T."""
    return np.array(rows, float).T


def by_quadrature(model, x, recency, T, weeks, nodes=500):
    """Likelihood, P(alive) and expected purchases of one history, straight from the story."""
    u, w = np.polynomial.legendre.leggauss(nodes)
    u, w = (u + 1) / 2, w / 2
    # The substitution u⁵ crowds nodes at zero, where both densities may have a pole.
    rate = gamma.ppf(u**5, model.r, scale=1 / model.alpha)[:, None]
    leave = beta.ppf(u**5, model.a, model.b)[None, :]
    weight = np.outer(w * 5 * u**4, w * 5 * u**4)
    k = x + model.is_modified
    alive = rate**x * np.exp(-rate * T) * (1 - leave) ** k
    gone = rate**x * np.exp(-rate * recency) * leave * (1 - leave) ** (k - 1) if k > 0 else 0.0
    with np.errstate(invalid="ignore"):
        to_come = np.where(leave > 0, -np.expm1(-rate * leave * weeks) / leave, rate * weeks)
    likelihood = (weight * (alive + gone)).sum()
    return (
        likelihood,
        (weight * alive).sum() / likelihood,
        (weight * alive * to_come).sum() / likelihood,
    )


def simulated(model, customers, T, rng):
    """Histories of customers who act as the model says."""
    rows = []
    for _ in range(customers):
        rate, leave = rng.gamma(model.r) / model.alpha, rng.beta(model.a, model.b)
        x, last, now = 0, 0.0, 0.0
        active = not (model.is_modified and rng.random() < leave)
        while active:
            now += rng.exponential(1 / rate)
            if now > T:
                break
            x, last = x + 1, now
            active = rng.random() >= leave
        rows.append((x, last, T))
    return histories(*rows)


def cdnow_histories(purchases):
    summary = purchase_summary(purchases, date(1997, 9, 30))
    return summary[["frequency", "recency", "T"]].to_numpy().T


@pytest.mark.parametrize(
    ("is_modified", "params", "log_likelihood"),
    [
        # Fader, Hardie & Lee (2005), table 2.
        (False, [0.2426, 4.4135, 0.7929, 2.4258], -9582.4),
        # The package lifetimes and our own reading of the formula agreed on these.
        (True, [0.5248, 6.1830, 0.8914, 1.6140], -9582.1),
    ],
)
def test_cdnow_gives_the_published_parameters(is_modified, params, log_likelihood):
    x, recency, T = cdnow_histories(cdnow_sample())
    assert (x.size, (x > 0).sum()) == (2357, 946)
    model, fit = fit_bg_nbd(x, recency, T, is_modified=is_modified)
    assert [model.r, model.alpha, model.a, model.b] == pytest.approx(params, abs=2e-4)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=0.05)
    assert fit.converged


def test_all_cdnow_customers_buy_as_often_as_measured_before():
    purchases = cdnow_master()
    x, recency, T = cdnow_histories(purchases)
    model, _ = fit_bg_nbd(x, recency, T)
    assert [model.r, model.alpha, model.a, model.b] == pytest.approx(
        [0.252, 4.789, 0.723, 2.161], abs=1e-3
    )
    later = purchases[purchases["sold_on"] > "1997-09-30"]
    assert len(later.drop_duplicates(["customer_id", "sold_on"])) == 19_684
    assert model.expected_purchases(39, x, recency, T).sum() == pytest.approx(16_874, abs=1)


def test_expected_purchases_of_the_published_customer():
    # Fader, Hardie & Lee (2005), section 5: 1.226.
    expected = PUBLISHED.expected_purchases(39, *histories((2, 30.43, 38.86)))
    assert expected == pytest.approx(1.22603, abs=1e-5)


@BOTH
@pytest.mark.parametrize(
    ("x", "recency", "T"), [(0, 0, 0), (0, 0, 30), (1, 0.5, 40), (2, 30.43, 38.86), (26, 30, 31)]
)
def test_answers_are_those_of_the_story_integrated_by_hand(model, x, recency, T):
    likelihood, p_alive, expected = by_quadrature(model, x, recency, T, weeks=26)
    history = histories((x, recency, T))
    assert model.p_alive(*history) == pytest.approx(p_alive, rel=1e-3)
    assert model.expected_purchases(26, *history) == pytest.approx(expected, rel=1e-3)
    log_params = np.log([model.r, model.alpha, model.a, model.b])
    own, _ = _log_likelihood(log_params, *history, history[0] + model.is_modified)
    assert np.exp(own) == pytest.approx(likelihood, rel=1e-3)


@BOTH
def test_slopes_are_those_of_the_likelihood(model):
    x, recency, T = histories((0, 0, 20), (1, 3, 30), (4, 12.5, 13), (60, 70, 71))
    k = x + model.is_modified
    at = np.log([model.r, model.alpha, model.a, model.b])
    slope = _log_likelihood(at, x, recency, T, k)[1]
    for i, step in enumerate(np.eye(4) * 1e-5):
        rise = _log_likelihood(at + step, x, recency, T, k)[0]
        rise = rise - _log_likelihood(at - step, x, recency, T, k)[0]
        assert slope[i] == pytest.approx(rise / 2e-5, rel=1e-5, abs=1e-7)


@BOTH
def test_a_simulated_customer_base_is_found_again(model):
    history = simulated(model, 4000, 52.0, np.random.default_rng(5))
    found, fit = fit_bg_nbd(*history, is_modified=model.is_modified)
    truth = np.log([model.r, model.alpha, model.a, model.b])
    error = np.sqrt(np.diag(fit.covariance))
    assert (np.abs(fit.log_params - truth) < 3 * error).all()
    assert (error < 0.6).all()
    assert np.log([found.r, found.alpha, found.a, found.b]) == pytest.approx(fit.log_params)
    drawn = np.log(fit.draw(np.random.default_rng(1), 4000))
    assert np.cov(drawn.T) == pytest.approx(fit.covariance, rel=0.15, abs=0.01)


def test_a_customer_counted_twice_weighs_twice():
    history = simulated(PUBLISHED, 300, 30.0, np.random.default_rng(2))
    once, fit_once = fit_bg_nbd(*history)
    twice, fit_twice = fit_bg_nbd(*np.tile(history, 2))
    assert twice.alpha == pytest.approx(once.alpha, rel=1e-4)
    assert fit_twice.log_likelihood == pytest.approx(2 * fit_once.log_likelihood)
    assert fit_twice.covariance == pytest.approx(fit_once.covariance / 2, rel=1e-2)


def test_the_unit_of_time_does_not_matter():
    history = simulated(PUBLISHED, 300, 30.0, np.random.default_rng(2))
    weekly, fit_weekly = fit_bg_nbd(*history)
    x, recency, T = history
    daily, fit_daily = fit_bg_nbd(x, recency * 7, T * 7)
    assert [daily.r, daily.alpha / 7, daily.a] == pytest.approx(
        [weekly.r, weekly.alpha, weekly.a], rel=1e-6
    )
    # A density per day is a seventh of one per week, once for each purchase.
    assert fit_daily.log_likelihood == pytest.approx(
        fit_weekly.log_likelihood - x.sum() * np.log(7)
    )


def test_nobody_who_bought_once_has_left_unless_the_model_lets_them():
    history = histories((0, 0, 100))
    assert PUBLISHED.p_alive(*history) == 1
    assert MODIFIED.p_alive(*history) < 0.3


def test_where_nobody_leaves_the_rate_is_the_shrunk_run_rate():
    model = BgNbd(r=2.0, alpha=26.0, a=0.0, b=1.0)
    history = histories((3, 10, 26), (0, 0, 0))
    assert model.p_alive(*history) == pytest.approx([1, 1])
    assert model.expected_purchases(52, *history) == pytest.approx([5, 4])
    nearly = BgNbd(r=2.0, alpha=26.0, a=1e-9, b=2.0)
    assert nearly.expected_purchases(52, *history) == pytest.approx([5, 4], rel=1e-5)


@pytest.mark.parametrize(("a", "b"), [(1.0, 2.0), (0.4, 0.6), (0.5, 2.0), (2.5, 1.0)])
def test_singular_parameters_do_no_harm(a, b):
    history = histories((0, 0, 20), (1, 5, 20), (7, 19, 20), (99, 0.5, 0.5))
    at = BgNbd(r=0.5, alpha=5, a=a, b=b).expected_purchases(10, *history)
    near = BgNbd(r=0.5, alpha=5, a=a + 1e-4, b=b).expected_purchases(10, *history)
    assert at == pytest.approx(near, rel=1e-3)


@given(
    r=st.floats(0.01, 50),
    alpha=st.floats(0.5, 200),
    a=st.floats(0.01, 50),
    b=st.floats(0.01, 50),
    is_modified=st.booleans(),
    x=st.integers(0, 150),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    weeks=st.floats(0.5, 260),
)
@settings(max_examples=50, deadline=None)
def test_shares_are_shares_and_silence_never_helps(r, alpha, a, b, is_modified, x, shares, weeks):
    model = BgNbd(r=r, alpha=alpha, a=a, b=b, is_modified=is_modified)
    T = 500 * shares[0]
    recency = T * shares[1] if x else 0.0
    now, later = histories((x, recency, T)), histories((x, recency, T + 10))
    alive, expected = model.p_alive(*now), model.expected_purchases(weeks, *now)
    assert 0 <= alive <= 1
    assert model.p_alive(*later) <= alive
    # Never more than if nobody ever left, and more the longer one waits.
    run_rate = alive * (r + x) / (alpha + T) * weeks
    assert -1e-9 <= expected <= run_rate * (1 + 1e-6) + 1e-9
    assert expected <= model.expected_purchases(weeks * 1.5, *now) + 1e-9


def test_histories_that_cannot_be_are_refused():
    for wrong in (
        (-1, 0, 5),
        (1, 6, 5),
        (1, -1, 5),
        (np.nan, 1, 5),
        (1, np.nan, 5),
        (1, 1, np.nan),
    ):
        with pytest.raises(ValueError, match="recency"):
            fit_bg_nbd(*histories((2, 3, 9), wrong))


@pytest.mark.parametrize("rows", [np.empty((0, 3)), [(0, 0, 0)]])
def test_no_history_is_refused(rows):
    with pytest.raises(ValueError, match="no customer has a history"):
        fit_bg_nbd(*np.array(rows, float).T)


def test_one_customer_is_enough_for_an_answer_but_fixes_nothing():
    model, fit = fit_bg_nbd(*histories((3, 10, 12)))
    assert np.isfinite([model.r, model.alpha, model.a, model.b]).all()
    assert np.sqrt(np.diag(fit.covariance)).max() <= 2 + 1e-9
