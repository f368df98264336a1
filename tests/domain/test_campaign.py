"""Units into yen and the verdict: worked examples and the monotone rules of §5.4."""

from dataclasses import asdict, replace
from math import isfinite, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.campaign import (
    CampaignTerms,
    Neighbours,
    Verdict,
    campaign_effect,
)
from app.domain.diff_in_diff import Change, DiffInDiff, Interval, diff_in_diff
from app.domain.doubts import EffectPolicy

# 有効 > 判定不能 > 赤字だが妥当 > 不要な値引き・赤字
RANK = {
    Verdict.EFFECTIVE: 3,
    Verdict.UNDECIDED: 2,
    Verdict.JUSTIFIED_CLEARANCE: 1,
    Verdict.NEEDLESS_DISCOUNT: 0,
    Verdict.LOSS: 0,
}


def change(observed, counterfactual, error):
    gained = observed - counterfactual
    return Change(
        observed=observed,
        counterfactual=counterfactual,
        lift=observed / counterfactual - 1,
        standard_error=error,
        interval=Interval(gained - 2 * error, gained + 2 * error),
    )


NOTHING = Change(observed=5, counterfactual=None, lift=None, standard_error=None, interval=None)


def measured(sold=300.0, baseline=100.0, error=5.0, **changes):
    answer = DiffInDiff(
        campaign=change(sold, baseline, error),
        aftermath=None,
        correlation=0.0,
        p_value=0.002,
        pre_trend=change(1000, 1000, 50),
        pre_trend_p_value=0.6,
        level_effect=1.0,
        critical_value=2.0,
        treated_units=6,
        control_units=24,
        pre_periods=28,
        campaign_periods=7,
    )
    return replace(answer, **changes)


TERMS = CampaignTerms(
    list_price=1000, discount=0.3, unit_cost=400, variable_cost_rate=0.0, cost=10_000
)


def effect(estimate=None, terms=TERMS, policy=None, **more):
    return campaign_effect(
        estimate or measured(), terms, period_days=1, policy=policy or EffectPolicy(), **more
    )


@pytest.mark.parametrize(
    ("margin", "discount", "multiple"), [(0.60, 0.30, 2.0), (0.50, 0.20, 5 / 3), (0.30, 0.30, None)]
)
def test_break_even_multiples(margin, discount, multiple):
    # methods §5.4: margin 60 %, depth 30 % → 2.0×; 50 %, 20 % → 1.667×; no margin left → never.
    terms = replace(TERMS, unit_cost=1000 * (1 - margin), discount=discount)
    assert terms.break_even_multiple == (None if multiple is None else pytest.approx(multiple))


def test_break_even_with_variable_costs_repays_exactly():
    terms = replace(TERMS, variable_cost_rate=0.1, cost=0)
    multiple = terms.break_even_multiple
    assert multiple == pytest.approx((900 - 400) / (630 - 400))
    accounts = effect(measured(sold=100 * multiple), terms).accounts
    assert accounts.incremental_margin == pytest.approx(0, abs=1e-9)
    assert (accounts.roi, accounts.roi_with_ltv) == (None, None)  # nothing was spent


def test_the_accounts_by_hand():
    # 300 sold at 700 instead of 100 at 1,000; unit cost 400; 10,000 spent
    answer = effect(ltv_change=5_000)
    accounts = answer.accounts
    assert accounts.incremental_units == 200
    assert accounts.incremental_revenue == 300 * 700 - 100 * 1000
    assert accounts.incremental_margin == 300 * 300 - 100 * 600 - 10_000
    assert accounts.incremental_margin_interval == (20_000 - 2 * 5 * 600, 20_000 + 2 * 5 * 600)
    assert accounts.needless_discount == 300 * 100
    assert accounts.needless_share == pytest.approx(1 / 3)
    assert accounts.roi == 2
    assert accounts.roi_with_ltv == 2.5
    assert accounts.clearance_benefit is None
    assert (answer.verdict, answer.verdict.label) == (Verdict.EFFECTIVE, "有効")
    assert answer.doubts == ()


def test_sales_after_the_campaign_that_were_only_brought_forward():
    dip = measured(aftermath=change(60, 100, 10), correlation=0.5)
    accounts = effect(dip).accounts
    assert accounts.pull_forward_units == -40
    assert accounts.incremental_units == 160
    assert accounts.incremental_revenue == 110_000 - 40_000
    assert accounts.incremental_margin == 20_000 - 40 * 600
    error = 600 * (5**2 + 10**2 + 2 * 0.5 * 5 * 10) ** 0.5
    low, high = accounts.incremental_margin_interval
    assert (high - low) / 4 == pytest.approx(error)


@pytest.mark.parametrize("aftermath", [change(95, 100, 10), change(150, 100, 10), NOTHING, None])
def test_noise_and_gains_after_the_campaign_are_not_counted(aftermath):
    answer = effect(measured(aftermath=aftermath)).accounts
    assert answer == effect().accounts


@pytest.mark.parametrize(("sold", "shifted"), [(50, -30), (110, 30), (79, 0)])
def test_neighbours_lose_or_gain(sold, shifted):
    neighbours = Neighbours(change=change(sold, 80, 2), list_price=500, unit_margin=200)
    accounts = effect(neighbours=neighbours).accounts
    assert accounts.cannibalised_units == shifted
    assert accounts.incremental_units == 200 + shifted
    assert accounts.incremental_revenue == 110_000 + shifted * 500
    assert accounts.incremental_margin == 20_000 + shifted * 200
    low, high = accounts.incremental_margin_interval
    assert ((high - low) / 4) ** 2 == pytest.approx(3000**2 + (400**2 if shifted else 0))


@pytest.mark.parametrize(
    ("sold", "terms", "verdict", "label"),
    [
        (300, {}, Verdict.EFFECTIVE, "有効"),
        (110, {}, Verdict.NEEDLESS_DISCOUNT, "不要な値引き"),
        (90, {}, Verdict.NEEDLESS_DISCOUNT, "不要な値引き"),
        # 110 more sold than 100: 10 × (400 − 0 + 2,700) yen of stock cleared
        (
            110,
            {"cost": 0, "salvage_value": 0.0, "holding_cost_saved": 2_700.0},
            Verdict.JUSTIFIED_CLEARANCE,
            "赤字だが在庫整理として妥当",
        ),
        (110, {"salvage_value": 0.0}, Verdict.NEEDLESS_DISCOUNT, "不要な値引き"),
        (100, {"discount": 0.0, "cost": 50_000}, Verdict.LOSS, "赤字"),
        # most came by the discount, but each was sold below cost
        (800, {"discount": 0.7}, Verdict.LOSS, "赤字"),
        (99, {"discount": 0.0, "cost": 0}, Verdict.UNDECIDED, "判定不能"),
        (235, {}, Verdict.UNDECIDED, "判定不能"),
    ],
)
def test_verdicts(sold, terms, verdict, label):
    answer = effect(measured(sold=sold), replace(TERMS, **terms))
    assert (answer.verdict, answer.verdict.label) == (verdict, label)


def test_a_discount_given_away_is_needless_even_within_the_error_unless_policy_wants_proof():
    vague = measured(sold=110, error=60)
    assert effect(vague).verdict is Verdict.NEEDLESS_DISCOUNT
    proof = EffectPolicy(needless_share=1.1)
    assert effect(vague, policy=proof).verdict is Verdict.UNDECIDED


def test_a_halo_can_keep_a_given_away_discount_from_being_needless():
    halo = Neighbours(change=change(300, 80, 80), list_price=1000, unit_margin=300)
    assert effect(measured(sold=110), neighbours=halo).verdict is Verdict.UNDECIDED


def test_without_counterfactual_there_are_no_accounts():
    assert effect(measured(campaign=NOTHING)).accounts is None


def test_without_an_error_there_is_no_verdict():
    bare = replace(change(300, 100, 5), standard_error=None, interval=None)
    answer = effect(measured(campaign=bare))
    assert answer.accounts.incremental_margin_interval is None
    assert answer.verdict is Verdict.UNDECIDED


def test_nothing_sold():
    accounts = effect(measured(sold=0)).accounts
    assert (accounts.needless_discount, accounts.needless_share) == (0, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"list_price": 0},
        {"discount": 1.0},
        {"variable_cost_rate": 1.0},
        {"cost": -1},
        {"salvage_value": nan},
    ],
)
def test_terms_that_are_wrong_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|lies in"):
        replace(TERMS, **wrong)


all_terms = st.builds(
    CampaignTerms,
    list_price=st.floats(100, 10_000),
    discount=st.floats(0, 0.9),
    unit_cost=st.floats(0, 10_000),
    variable_cost_rate=st.floats(0, 0.3),
    cost=st.just(0.0) | st.floats(1, 1e6),
    salvage_value=st.none() | st.floats(0, 5_000),
    holding_cost_saved=st.floats(0, 500),
)
estimates = st.builds(
    measured, sold=st.floats(0, 2000), baseline=st.floats(30, 1000), error=st.floats(0.1, 300)
)


@settings(deadline=None, max_examples=50)
@given(estimate=estimates, terms=all_terms, extra=st.floats(0, 1e6))
def test_more_cost_never_improves_the_verdict(estimate, terms, extra):
    cheap, dear = effect(estimate, terms), effect(estimate, replace(terms, cost=terms.cost + extra))
    assert RANK[dear.verdict] <= RANK[cheap.verdict]
    assert dear.accounts.incremental_margin <= cheap.accounts.incremental_margin


@settings(deadline=None, max_examples=50)
@given(estimate=estimates, terms=all_terms)
def test_needless_discount(estimate, terms):
    answer = effect(estimate, terms)
    accounts, sold = answer.accounts, estimate.campaign.observed
    baseline = estimate.campaign.counterfactual
    given_away = terms.discount * terms.list_price * (1 - terms.variable_cost_rate)
    assert accounts.needless_discount == pytest.approx(given_away * min(sold, baseline), abs=1e-6)
    if sold <= baseline:
        assert accounts.needless_discount == pytest.approx(given_away * sold, abs=1e-6)
    full_price = effect(estimate, replace(terms, discount=0.0))
    assert full_price.accounts.needless_discount == 0
    assert full_price.verdict is not Verdict.NEEDLESS_DISCOUNT


@settings(deadline=None, max_examples=50)
@given(estimate=estimates, terms=all_terms)
def test_every_number_is_finite_or_none(estimate, terms):
    accounts = asdict(effect(estimate, terms).accounts)
    numbers = [*accounts.pop("incremental_margin_interval"), *accounts.values()]
    assert all(number is None or isfinite(number) for number in numbers)


@settings(deadline=None, max_examples=50)
@given(estimate=estimates, terms=all_terms)
def test_a_campaign_repays_itself_just_at_the_break_even_multiple(estimate, terms):
    terms = replace(terms, cost=0.0)
    multiple, margin = (
        terms.break_even_multiple,
        effect(estimate, terms).accounts.incremental_margin,
    )
    scale = terms.list_price * (estimate.campaign.observed + estimate.campaign.counterfactual)
    if multiple is None:
        assert margin <= max(0.0, -terms.full_margin) * scale
    elif abs(margin) > 1e-9 * scale:
        assert (1 + estimate.campaign.lift > multiple) == (margin > 0)


def test_from_panel_to_verdict():
    rng = np.random.default_rng(11)
    treated = np.arange(40) < 10
    mean = np.full((40, 35), 8.0)
    mean[treated, 28:] *= 3
    sales = rng.poisson(mean).astype(float)
    estimate = diff_in_diff(sales, treated, pre_periods=28, campaign_periods=7, seed=1)
    answer = effect(estimate)
    assert answer.verdict is Verdict.EFFECTIVE
    assert answer.accounts.incremental_units == pytest.approx(10 * 7 * 16, rel=0.05)
