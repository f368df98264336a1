"""The campaign estimate against published panels, planted effects and every relabelling."""

from dataclasses import asdict
from itertools import combinations
from math import isfinite
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from app.domain.diff_in_diff import diff_in_diff

DATA = Path(__file__).resolve().parents[2] / "../shared/data"


def published(file, **pivot):
    path = DATA / file
    if not path.exists():
        pytest.skip(f"{file} lies in the folder `shared` beside the checkout, which is absent")
    return pl.read_parquet(path).pivot(**pivot)


def noisy_panel(rng, *, units=60, treated=12, periods=40, pre=32, lift=0.0, dip=0.0, levels=0.4):
    """Negative binomial sales of unequal units in one season, lifted for 4 periods."""
    labels = np.zeros(units, np.bool_)
    labels[rng.permutation(units)[:treated]] = True
    mean = np.exp(rng.normal(2.5, levels, units))[:, None]
    mean = mean * (1 + 0.3 * np.sin(np.arange(periods) / 6))
    mean[labels, pre : pre + 4] *= 1 + lift
    mean[labels, pre + 4 :] *= 1 + dip
    return rng.negative_binomial(4, 4 / (4 + mean)).astype(float), labels


def finite_or_none(record):
    for value in record.values():
        if isinstance(value, dict):
            yield from finite_or_none(value)
        elif isinstance(value, tuple):
            yield from (isfinite(number) for number in value)
        else:
            yield value is None or isfinite(value)


def test_proposition_99():
    # Abadie et al.; level DiD −27.3 as in the synthdid paper, −27.35 in methods §5.2.
    wide = published(
        "prop99_smoking.parquet", on="year", index=["state", "california"], values="cigsale"
    )
    sales = wide.select(pl.exclude("state", "california")).to_numpy()
    answer = diff_in_diff(
        sales, wide["california"].to_numpy(), pre_periods=19, campaign_periods=12, seed=1
    )
    assert answer.level_effect == pytest.approx(-27.35, abs=0.005)
    assert answer.campaign.lift == pytest.approx(-0.3356, abs=5e-4)
    # all 39 placements are tried, and California's is the most extreme
    assert answer.p_value == pytest.approx(1 / 39)
    assert answer.pre_trend_p_value > 0.05


def test_geolift_walkthrough():
    # Level DiD 255 (methods §0.7). The effect of 5.4 % is known to need a synthetic control:
    # difference-in-differences must not claim to have seen it.
    wide = published("geolift_test.parquet", on="date", index="location", values="Y")
    sales = wide.select(pl.exclude("location")).to_numpy().astype(float)
    treated = wide["location"].is_in(["chicago", "portland"]).to_numpy()
    answer = diff_in_diff(sales, treated, pre_periods=90, campaign_periods=15, seed=1, draws=999)
    assert answer.level_effect == pytest.approx(255, abs=0.1)
    assert answer.campaign.lift_interval.low < 0.0542 < answer.campaign.lift_interval.high
    assert answer.p_value > 0.05


def test_by_hand():
    # treated 10 a period, controls grow by a half: 15 expected, 18 sold; then 12 of 15
    sales = np.array([[10, 10, 18, 12], [4, 4, 6, 6], [16, 16, 24, 24]], float)
    answer = diff_in_diff(
        sales, np.array([True, False, False]), pre_periods=2, campaign_periods=1, seed=0
    )
    assert (answer.campaign.observed, answer.campaign.counterfactual) == (18, 15)
    assert answer.campaign.units == 3
    assert answer.campaign.lift == pytest.approx(0.2)
    assert answer.aftermath.units == -3
    assert answer.level_effect == pytest.approx((18 - 10) - (15 - 10))
    assert answer.pre_trend.lift == 0
    assert (answer.treated_units, answer.control_units) == (1, 2)


def test_every_relabelling_one_by_one():
    sales, treated = noisy_panel(np.random.default_rng(5), units=9, treated=3, lift=0.3)
    answer = diff_in_diff(sales, treated, pre_periods=32, campaign_periods=4, seed=0)
    lifts = []
    for rows in combinations(range(9), 3):
        others = [row for row in range(9) if row not in rows]
        growth = sales[others, 32:36].sum() / sales[others, :32].sum()
        lifts.append(sales[list(rows), 32:36].sum() / (sales[list(rows), :32].sum() * growth) - 1)
    lift = answer.campaign.lift
    extreme = [abs(other) >= abs(lift) - 1e-12 for other in lifts]
    assert len(lifts) == 84
    assert answer.p_value == pytest.approx(np.mean(extreme))
    assert min(abs(other - lift) for other in lifts) < 1e-12


def test_random_labels_come_close_to_all_labels():
    sales, treated = noisy_panel(np.random.default_rng(8), units=14, treated=4, lift=0.1)
    ask = {"pre_periods": 32, "campaign_periods": 4}
    every = diff_in_diff(sales, treated, **ask, seed=0, draws=1001)  # 14 choose 4
    some = diff_in_diff(sales, treated, **ask, seed=0, draws=1000)
    assert some.p_value == pytest.approx(every.p_value, abs=0.06)
    assert some.campaign.standard_error == pytest.approx(every.campaign.standard_error, rel=0.1)
    assert some.campaign.units == every.campaign.units


def test_planted_effects_are_found_and_covered():
    lifts, dips, covered, dips_covered, found = [], [], [], [], []
    strongest = 1.0
    for seed in range(100):
        sales, treated = noisy_panel(np.random.default_rng(seed), lift=0.6, dip=-0.25)
        answer = diff_in_diff(sales, treated, pre_periods=32, campaign_periods=4, seed=seed)
        lifts.append(answer.campaign.lift)
        dips.append(answer.aftermath.lift)
        covered.append(answer.campaign.lift_interval.low < 0.6 < answer.campaign.lift_interval.high)
        low, high = answer.aftermath.lift_interval
        dips_covered.append(low < -0.25 < high)
        found.append(answer.p_value < 0.05)
        strongest = min(strongest, answer.p_value)
    assert np.mean(lifts) == pytest.approx(0.6, abs=0.03)
    assert np.mean(dips) == pytest.approx(-0.25, abs=0.03)
    assert np.mean(found) >= 0.9
    assert strongest == pytest.approx(1 / 500)  # the actual placement and 499 others
    assert 0.88 <= np.mean(covered) <= 1
    assert 0.88 <= np.mean(dips_covered) <= 1


def test_no_effect_is_seldom_found():
    found = 0
    for seed in range(100):
        sales, treated = noisy_panel(np.random.default_rng(seed))
        answer = diff_in_diff(
            sales, treated, pre_periods=32, campaign_periods=4, seed=seed, draws=199
        )
        found += answer.p_value <= 0.05
    assert found <= 11  # 5 % ± 2 standard errors, and a little


def test_a_trend_before_the_campaign_is_seen():
    sales, treated = noisy_panel(np.random.default_rng(3))
    sales[treated, 16:32] *= 2
    answer = diff_in_diff(sales, treated, pre_periods=32, campaign_periods=4, seed=0)
    assert answer.pre_trend_p_value < 0.01
    assert answer.pre_trend.lift > 0.5


def test_best_sellers_are_not_judged_by_the_noise_of_slow_movers():
    rng = np.random.default_rng(2)
    sales = rng.poisson(np.repeat([[0.05], [20.0]], [300, 100], axis=0), (400, 36)).astype(float)
    treated = np.zeros(400, np.bool_)
    treated[300:310] = True
    ask = {"pre_periods": 32, "campaign_periods": 4, "seed": 0}
    alike = diff_in_diff(sales, treated, **ask)
    anyone = diff_in_diff(sales, treated, **ask, controls_per_stratum=10**6)
    assert alike.campaign.units == anyone.campaign.units
    assert alike.campaign.standard_error < anyone.campaign.standard_error / 3


def test_units_that_sold_nothing_before_do_not_break_the_permutation():
    rng = np.random.default_rng(4)
    sales = rng.poisson(2.0, (40, 40)).astype(float)
    sales[:30, :32] = 0  # new items, also among the treated
    treated = np.zeros(40, np.bool_)
    treated[[0, 1, 39]] = True
    answer = diff_in_diff(sales, treated, pre_periods=32, campaign_periods=4, seed=0)
    assert all(finite_or_none(asdict(answer)))
    assert 0 < answer.p_value <= 1
    assert answer.campaign.interval is not None


def test_a_unit_that_sold_from_nothing_counts_as_extreme():
    sales = np.full((10, 6), 10.0)
    sales[0, 4:] = 15
    sales[7:] = [0, 0, 0, 0, 0.1, 0.1]
    answer = diff_in_diff(sales, np.arange(10) < 1, pre_periods=4, campaign_periods=2, seed=0)
    assert answer.p_value == pytest.approx(4 / 10)


def test_on_a_quiet_panel_the_interval_is_students():
    # equal pasts and little noise: the ratio is linear, and all 56 placements are tried
    rng = np.random.default_rng(9)
    sales = np.column_stack([np.full((8, 2), 1000.0), 1000 + rng.normal(0, 1, 8)])
    treated = np.arange(8) < 3
    answer = diff_in_diff(sales, treated, pre_periods=2, campaign_periods=1, seed=0)
    student = ttest_ind(sales[treated, 2], sales[~treated, 2])
    expected = 3 * np.array(student.confidence_interval())
    assert answer.campaign.interval == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("group", [True, False])
def test_without_sales_before_there_is_no_counterfactual(group):
    sales = np.full((10, 8), 3.0)
    treated = np.arange(10) < 3
    sales[treated == group, :6] = 0
    answer = diff_in_diff(sales, treated, pre_periods=6, campaign_periods=2, seed=0)
    assert answer.campaign.units is None
    assert answer.campaign.lift_interval is answer.p_value is answer.aftermath is None
    assert all(finite_or_none(asdict(answer)))


def test_a_campaign_that_sold_nothing_still_has_an_interval():
    sales, treated = noisy_panel(np.random.default_rng(6))
    sales[treated, 32:36] = 0
    answer = diff_in_diff(sales, treated, pre_periods=32, campaign_periods=4, seed=0)
    assert answer.campaign.lift == -1
    assert (
        answer.campaign.interval.low
        < -answer.campaign.counterfactual
        < answer.campaign.interval.high
    )


def test_two_units_have_no_error():
    sales = np.array([[5, 5, 9], [4, 6, 5]], float)
    answer = diff_in_diff(sales, np.array([True, False]), pre_periods=2, campaign_periods=1, seed=0)
    assert answer.campaign.lift == pytest.approx(0.8)
    assert answer.campaign.standard_error is answer.campaign.interval is None


panels = st.integers(0, 10**6).map(
    lambda seed: noisy_panel(np.random.default_rng(seed), units=20, treated=5, levels=3.0)
)


@settings(deadline=None, max_examples=30)
@given(panel=panels, factor=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_the_unit_of_measure_does_not_matter(panel, factor, seed):
    sales, treated = panel
    ask = {"pre_periods": 32, "campaign_periods": 4, "seed": seed, "draws": 99}
    pieces, cartons = (
        diff_in_diff(sales, treated, **ask),
        diff_in_diff(sales * factor, treated, **ask),
    )
    assert all(finite_or_none(asdict(pieces)))
    assert cartons.campaign.lift == pytest.approx(pieces.campaign.lift, abs=1e-9)
    assert cartons.p_value == pytest.approx(pieces.p_value, abs=0.011)
    assert cartons.campaign.standard_error == pytest.approx(pieces.campaign.standard_error * factor)


@settings(deadline=None, max_examples=30)
@given(panel=panels, extra=st.floats(0, 100))
def test_one_more_unit_sold_in_the_campaign_is_one_more_unit_gained(panel, extra):
    sales, treated = panel
    more = sales.copy()
    more[np.flatnonzero(treated)[0], 33] += extra
    ask = {"pre_periods": 32, "campaign_periods": 4, "seed": 1, "draws": 49}
    gained = diff_in_diff(more, treated, **ask).campaign.units
    assert gained == pytest.approx(diff_in_diff(sales, treated, **ask).campaign.units + extra)


def test_the_seed_decides_the_draws():
    sales, treated = noisy_panel(np.random.default_rng(7), lift=0.1)
    ask = {"pre_periods": 32, "campaign_periods": 4}
    first = diff_in_diff(sales, treated, **ask, seed=1)
    assert first == diff_in_diff(sales, treated, **ask, seed=1)
    assert first != diff_in_diff(sales, treated, **ask, seed=2)


def test_a_wider_confidence_is_a_wider_interval():
    sales, treated = noisy_panel(np.random.default_rng(7))
    ask = {"pre_periods": 32, "campaign_periods": 4, "seed": 1}
    narrow = diff_in_diff(sales, treated, **ask, confidence=0.8).campaign.interval
    wide = diff_in_diff(sales, treated, **ask).campaign.interval
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("treated", "pre_periods", "campaign_periods", "complaint"),
    [
        ([False] * 4, 4, 2, "treated and control"),
        ([True] * 4, 4, 2, "treated and control"),
        ([True, False], 4, 2, "label"),
        ([True, False, False, False], 1, 2, "pre-period"),
        ([True, False, False, False], 4, 0, "pre-period"),
        ([True, False, False, False], 5, 2, "pre-period"),
    ],
)
def test_a_panel_that_cannot_be_compared_is_refused(
    treated, pre_periods, campaign_periods, complaint
):
    ask = {"pre_periods": pre_periods, "campaign_periods": campaign_periods, "seed": 0}
    with pytest.raises(ValueError, match=complaint):
        diff_in_diff(np.ones((4, 6)), np.array(treated), **ask)


def test_gaps_are_refused():
    sales = np.ones((4, 6))
    sales[2, 3] = np.nan
    with pytest.raises(ValueError, match="gaps"):
        diff_in_diff(sales, np.arange(4) < 1, pre_periods=4, campaign_periods=2, seed=0)
