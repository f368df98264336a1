"""Reasons: they add up, in the trade's words, and in money where points would mislead."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.price_path import COMPONENTS
from app.domain.reasons import reasons
from app.domain.sell_hold import decide
from tests.domain.test_price_path import POLICY, golden, random_items

SEASON = np.ones((1, 10))
POINTS = [f"points_{name}" for name in COMPONENTS]


def test_reasons_are_ordered_and_add_up_in_both_languages():
    items, season = random_items(60, 9, 8)
    d = decide(items, season, replace(POLICY, action_cost=100.0))
    for (_, row), told in zip(d.iterrows(), reasons(d), strict=True):
        assert 50 + sum(reason.points for reason in told) == pytest.approx(row["sell_score"])
        assert sum(reason.amount for reason in told) == pytest.approx(row["advantage"])
        sizes = [abs(reason.points) for reason in told]
        assert sizes == sorted(sizes, reverse=True)
        for reason in told:
            assert ("有利" in reason.text_ja) == ("better" in reason.text_en) == (reason.amount > 0)


def test_reasons_speak_the_words_of_the_trade():
    told = {reason.code: reason for reason in reasons(decide(golden(), SEASON, POLICY))[0]}
    risk, amount = told["ltv_risk"], f"{-told['ltv_risk'].amount:,.0f}"
    assert risk.text_ja == f"優良客のLTV:売り切るほうが{amount}円不利({risk.points:+.1f}点)"
    assert risk.text_en == (
        f"LTV of the customers who buy it: selling now is JPY {amount} worse"
        f" ({risk.points:+.1f} points)"
    )
    assert "USD " in reasons(decide(golden(), SEASON, POLICY), "USD")[0][0].text_ja
    assert "gateway" not in told


def test_components_that_cancel_out_are_told_in_money():
    d = decide(golden(), SEASON, replace(POLICY, score_scale=1e-4))
    assert d[POINTS].abs().max(axis=None) > 100
    assert all("点" not in reason.text_ja for reason in reasons(d)[0])


def test_a_component_that_hardly_counts_has_no_sign_of_its_own():
    d = decide(golden(), SEASON, replace(POLICY, action_cost=1.0))
    [ops] = [reason for reason in reasons(d)[0] if reason.code == "ops"]
    assert 0 < abs(ops.points) < 0.05
    assert "±0.0" in ops.text_ja
    assert "±0.0" in ops.text_en


def test_without_items_there_is_nothing_to_explain():
    items, season = random_items(1, 9, 8)
    assert reasons(decide(items.iloc[:0], season[:0], POLICY)) == []
