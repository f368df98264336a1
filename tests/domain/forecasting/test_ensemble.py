"""Which members a class is forecast by."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.forecasting.ensemble import (
    BASELINES,
    FALLBACK,
    ChoiceReason,
    SubsetSums,
    choose_members,
    combine,
    score_subsets,
    weights,
)
from app.domain.forecasting.members import ALL, MEMBERS, Member, bit, mask_members
from app.domain.forecasting.pattern import CLASSES, LUMPY, SMOOTH
from app.domain.forecasting.settings import ForecastSettings

SETTINGS = ForecastSettings()
M = len(MEMBERS)


def drawn(seed, n=30, horizon=4):
    rng = np.random.default_rng(seed)
    return {
        "mean": rng.gamma(2.0, 1.0, (M, n, horizon)),
        "usable": rng.integers(0, ALL + 1, n),
        "actual": rng.poisson(2.0, (n, horizon)).astype(float),
        "scale": rng.choice([0.0, 0.5, 2.0], n),
        "code": rng.integers(-1, len(CLASSES), n),
    }


def rows_of(data, rows):
    return {k: v[:, rows] if k == "mean" else v[rows] for k, v in data.items()}


def scored(data, origin=0):
    sums = SubsetSums.none(2)
    score_subsets(sums, origin, **data)
    return sums


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999))
def test_every_subset_is_scored_as_if_it_were_averaged(seed):
    data = drawn(seed)
    sums = scored(data)
    expected = np.zeros((len(CLASSES), ALL + 1))
    gain = np.zeros_like(expected)
    for i in range(30):
        code, scale = data["code"][i], data["scale"][i]
        if code < 0 or scale == 0:
            continue
        rmsse = np.zeros(ALL + 1)
        for mask in range(1, ALL + 1):
            present = mask & int(data["usable"][i]) or FALLBACK
            members = [m for m in range(M) if present >> m & 1]
            error = data["mean"][members, i].mean(axis=0) - data["actual"][i]
            rmsse[mask] = np.sqrt((error**2).mean() / scale)
        expected[code] += rmsse
        gain[code, 1:] += rmsse[BASELINES[1]] - rmsse[1:]
    assert sums.rmsse[0] == pytest.approx(expected)
    assert sums.gain[1, 0] == pytest.approx(gain, abs=1e-9)
    assert (sums.rmsse[1] == 0).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.integers(0, 30))
def test_sums_of_parts_are_those_of_the_whole(seed, cut):
    data = drawn(seed)
    whole = scored(data)
    parts = scored(rows_of(data, slice(cut))) + scored(rows_of(data, slice(cut, None)))
    for name in ("count", "rmsse", "gain", "gain_squared", "top_down_units", "actual_units"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=1e-9)


def history_of(better, *, origins=3, n=200, code=SMOOTH, noise=0.3, bias=0.0):
    """Sums of members that all miss by one unit, but for those of a mask, whose errors cancel."""
    rng = np.random.default_rng(1)
    sums = SubsetSums.none(origins)
    for origin in range(origins):
        actual = np.full((n, 4), 10.0)
        mean = np.repeat((actual + 1.0)[None], M, axis=0)
        good = [m for m in range(M) if better >> m & 1]
        mean[good] -= 1.0
        mean += rng.normal(0, noise, (M, n, 1))
        mean[MEMBERS.index(Member.TOP_DOWN)] += 10 * bias
        score_subsets(sums, origin, mean, np.full(n, ALL), actual, np.ones(n), np.full(n, code))
    return sums


def test_a_subset_that_was_better_from_every_origin_takes_it():
    better = bit(Member.TSB) | bit(Member.IMAPA)
    choice = choose_members(history_of(better), ForecastSettings(top_down_bias=9.0))
    assert choice.masks[SMOOTH] == better
    assert choice.reasons[SMOOTH] == ChoiceReason.PROVEN
    assert choice.masks[LUMPY] == ALL
    assert choice.reasons[LUMPY] == ChoiceReason.SHORT_HISTORY


def test_equal_weights_where_nothing_is_proven():
    choice = choose_members(history_of(ALL), SETTINGS)
    assert choice.masks[SMOOTH] == ALL
    assert choice.reasons[SMOOTH] == ChoiceReason.EQUAL_WEIGHTS


@pytest.mark.parametrize(("origins", "n"), [(2, 200), (0, 200), (3, 30)])
def test_too_little_history_proves_nothing(origins, n):
    choice = choose_members(history_of(bit(Member.TSB), origins=origins, n=n), SETTINGS)
    assert set(choice.reasons) == {ChoiceReason.SHORT_HISTORY}


@pytest.mark.parametrize(("bias", "dropped"), [(0.03, False), (0.2, True), (-0.2, True)])
def test_top_down_is_dropped_where_its_aggregates_are_biased(bias, dropped):
    choice = choose_members(history_of(ALL, bias=bias, noise=0.1), SETTINGS)
    assert choice.top_down_dropped == dropped
    assert choice.top_down_bias == pytest.approx(abs(bias), abs=0.01)
    assert bool(choice.masks[LUMPY] & bit(Member.TOP_DOWN)) != dropped
    assert not (dropped and choice.masks[SMOOTH] & bit(Member.TOP_DOWN))


def test_biases_of_opposite_origins_do_not_cancel():
    sums = SubsetSums.none(2)
    sums.top_down_units[:] = 80, 120
    sums.actual_units[:] = 100
    assert sums.top_down_bias == pytest.approx(0.2)


def test_a_run_without_lightgbm_chooses_among_the_others():
    present = ALL & ~bit(Member.LIGHTGBM)
    choice = choose_members(history_of(bit(Member.LIGHTGBM)), SETTINGS, present)
    assert all(mask & ~present == 0 for mask in choice.masks)


def test_weights_are_equal_over_those_that_can_say_something():
    masks = np.array([ALL, bit(Member.PROPHET), bit(Member.TSB)])
    usable = np.array([ALL & ~bit(Member.PROPHET), FALLBACK, ALL])
    share = weights(masks, usable)
    assert share == pytest.approx(
        np.array([[0, 1 / 4, 1 / 4, 1 / 4, 1 / 4], [0, 0, 1 / 2, 1 / 2, 0], [0, 0, 1, 0, 0]])
    )
    mean = combine(tuple(np.full((3, 2), float(m)) for m in range(M)), share, 2)
    assert mean[:, 0] == pytest.approx([2.5, 2.5, 2.0])


def test_a_mask_names_its_members():
    names = [mask_members(mask) for mask in range(1, ALL + 1)]
    assert len(set(names)) == ALL
    subsets = itertools.chain.from_iterable(
        itertools.combinations(MEMBERS, k) for k in range(1, M + 1)
    )
    assert set(names) == set(subsets)
