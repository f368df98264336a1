from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from app.domain.gamma_gamma import GammaGamma, fit_gamma_gamma, pooled_spend
from app.domain.ltv import purchase_summary
from tests.domain.real_purchases import cdnow_sample

CDNOW = GammaGamma(p=6.2488, q=3.7446, v=15.4477)


def simulated(model, customers, rng):
    """Numbers of purchases and mean spend of customers who act as the model says."""
    x = rng.integers(1, 6, customers).astype(float)
    nu = rng.gamma(model.q, 1 / model.v, customers)
    return x, np.array(
        [rng.gamma(model.p, 1 / b, int(n)).mean() for n, b in zip(x, nu, strict=True)]
    )


def test_cdnow_gives_the_published_parameters():
    summary = purchase_summary(cdnow_sample(), date(1997, 9, 30))
    x, m = summary["frequency"].to_numpy(), summary["monetary_value"].to_numpy()
    model, fit = fit_gamma_gamma(x, m)
    # Fader & Hardie (2013), section 4: p 6.25, q 3.74, v 15.44, from the 946 who bought again.
    assert ((x > 0) & (m > 0)).sum() == 946
    assert [model.p, model.q, model.v] == pytest.approx([6.25, 3.74, 15.44], abs=0.005)
    # Their optimum as a looser stopping rule found it; ours must not be less likely.
    assert [model.p, model.q, model.v] == pytest.approx([6.2488, 3.7446, 15.4477], rel=3e-4)
    assert fit.log_likelihood == pytest.approx(-4055.9177, abs=1e-3)
    assert fit.converged
    nobody = model.expected_spend(np.zeros(1), np.zeros(1), otherwise=np.nan)
    assert nobody == pytest.approx(35.171, abs=1e-3)


def test_expected_spend_of_published_customers():
    x, m = np.array([2.0, 1.0]), np.array([22.35, 11.77])
    expected = CDNOW.expected_spend(x, m, otherwise=np.nan)
    assert expected == pytest.approx([24.6586, 18.9115], abs=1e-4)


@pytest.mark.parametrize(("x", "m"), [(1.0, 10.0), (4.0, 80.0), (30.0, 2.0)])
def test_expected_spend_is_the_posterior_mean_integrated_by_hand(x, m):
    nu = np.geomspace(1e-4, 1e3, 100_000)
    log_weight = gamma.logpdf(m, CDNOW.p * x, scale=1 / (x * nu))
    log_weight += gamma.logpdf(nu, CDNOW.q, scale=1 / CDNOW.v) + np.log(nu)
    weight = np.exp(log_weight - log_weight.max())
    slowly = (weight * CDNOW.p / nu).sum() / weight.sum()
    expected = CDNOW.expected_spend(np.array([x]), np.array([m]), otherwise=np.nan)
    assert expected == pytest.approx(slowly, rel=1e-3)


def test_the_likelihood_is_that_of_the_story_integrated_by_hand():
    x, m = simulated(CDNOW, 30, np.random.default_rng(4))
    model, fit = fit_gamma_gamma(x, m)
    u = (np.arange(100_000) + 0.5) / 100_000
    nu = gamma.ppf(u, model.q, scale=1 / model.v)
    each = [gamma.pdf(b, model.p * a, scale=1 / (a * nu)).mean() for a, b in zip(x, m, strict=True)]
    assert fit.log_likelihood == pytest.approx(np.log(each).sum(), rel=1e-3)


def test_simulated_customers_are_found_again():
    truth = GammaGamma(p=3.0, q=4.0, v=5000.0)
    x, m = simulated(truth, 5000, np.random.default_rng(8))
    _, fit = fit_gamma_gamma(x, m)
    error = np.sqrt(np.diag(fit.covariance))
    assert (np.abs(fit.log_params - np.log([3.0, 4.0, 5000.0])) < 3 * error).all()
    assert (error < 0.2).all()


@given(currency=st.floats(1e-3, 1e6))
@settings(max_examples=10, deadline=None)
def test_the_currency_does_not_matter(currency):
    x, m = simulated(CDNOW, 200, np.random.default_rng(1))
    here, fit_here = fit_gamma_gamma(x, m)
    there, fit_there = fit_gamma_gamma(x, m * currency)
    assert [there.p, there.q, there.v / currency] == pytest.approx(
        [here.p, here.q, here.v], rel=1e-4
    )
    assert fit_there.log_likelihood == pytest.approx(
        fit_here.log_likelihood - 200 * np.log(currency), abs=1e-4
    )


@given(x=st.floats(0, 1e5), m=st.floats(0, 1e8))
@settings(max_examples=50, deadline=None)
def test_expected_spend_lies_between_the_customers_own_and_everybodys(x, m):
    everybody = CDNOW.p * CDNOW.v / (CDNOW.q - 1)
    low, high = sorted([m, everybody])
    own = CDNOW.expected_spend(np.array([x]), np.array([m]), otherwise=np.nan)
    assert low * (1 - 1e-9) <= own <= high * (1 + 1e-9)


def test_without_a_mean_the_other_answer_is_given():
    heavy = GammaGamma(p=0.3, q=0.5, v=10)
    spend = heavy.expected_spend(np.array([0.0, 1.0, 5.0]), np.array([0.0, 8, 8]), otherwise=7)
    assert spend[:2] == pytest.approx([7, 7])
    assert spend[2] == pytest.approx(0.3 * (10 + 40) / (1.5 + 0.5 - 1))


def test_a_loss_is_taken_as_nothing():
    x, m = np.array([2.0, 2.0]), np.array([-50.0, 0.0])
    assert np.ptp(CDNOW.expected_spend(x, m, otherwise=0)) == 0


def test_those_who_never_came_back_do_not_count():
    x, m = simulated(CDNOW, 200, np.random.default_rng(1))
    alone, _ = fit_gamma_gamma(x, m)
    among, _ = fit_gamma_gamma(np.append(x, [0, 3, 2]), np.append(m, [0, -4, np.nan]))
    assert among == alone
    with pytest.raises(ValueError, match="bought again"):
        fit_gamma_gamma(np.array([0.0]), np.array([0.0]))
    with pytest.raises(ValueError, match="bought again"):
        fit_gamma_gamma(np.empty(0), np.empty(0))


def test_pooled_spend_is_the_same_for_everybody():
    margins = np.array([100.0, 300.0, 200.0])
    model = pooled_spend(margins)
    x, m = np.array([0.0, 10.0, 500.0]), np.array([0.0, 9999.0, 1.0])
    assert model.expected_spend(x, m, otherwise=np.nan) == pytest.approx(200, rel=1e-3)
    assert model.p**-0.5 == pytest.approx(margins.std() / 200)


@pytest.mark.parametrize(
    ("margins", "mean"), [([], 0), ([-5.0, 2.0], 0), ([120.0], 120), ([50.0, 50.0], 50)]
)
def test_pooled_spend_at_its_edges(margins, mean):
    model = pooled_spend(np.array(margins))
    spend = model.expected_spend(np.zeros(2), np.zeros(2), otherwise=np.nan)
    assert spend == pytest.approx(mean, rel=1e-6)
