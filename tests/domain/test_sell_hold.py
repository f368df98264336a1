"""The decision: golden example, invariants of the trade, scores that add up, reasons."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app.domain.sell_hold as module
from app.domain.price_path import COMPONENTS, Economics, PricePath, Stock, best_paths
from app.domain.sell_hold import Decision, decide, probability_positive
from tests.domain.test_price_path import POLICY, golden, random_items, table_of, total

SEASON = np.ones((1, 10))
ADVANTAGES = [f"advantage_{name}" for name in COMPONENTS]
POINTS = [f"points_{name}" for name in COMPONENTS]


def one(policy: Economics = POLICY, **changes: float) -> pd.Series:
    return decide(golden(**changes), SEASON, policy).iloc[0]


GOLDEN = {0: 3054, 5000: 824, 12_000: 672, 30_000: -6149, 60_000: -23_683}  # by buyers' LTV


@pytest.mark.parametrize(("ltv", "advantage"), GOLDEN.items())
def test_dearer_buyers_turn_the_golden_example_from_sell_to_hold(ltv, advantage):
    row = one(buyer_ltv=ltv)
    assert row["advantage"] == pytest.approx(advantage, abs=0.6)
    assert row["decision"] == ("sell" if advantage > 0 else "hold")
    assert row["sell_score"] == pytest.approx(100 / (1 + np.exp(-row["advantage"] / 25_000)))
    assert row["probability_sell"] == (advantage > 0)


def test_the_plan_of_the_golden_example():
    sell = one(buyer_ltv=12_000)
    plan = ["depth_now", "depth_later", "change_week", "review_week"]
    assert list(sell[plan]) == [0.1, 0.2, 6, 6]
    hold = one(buyer_ltv=60_000)
    assert list(hold[plan].fillna(-1)) == [0, 0, -1, 10]
    assert hold["surplus_units"] == pytest.approx(100 - 49.139528, abs=1e-6)
    assert hold["full_price_sellout_probability"] == pytest.approx(0.04814282, abs=1e-8)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), weeks=st.integers(1, 20), cautious=st.booleans())
def test_everything_adds_up(seed, weeks, cautious):
    items, season = random_items(30, weeks, seed)
    d = decide(items, season, replace(POLICY, action_cost=500.0, cautious=cautious))
    assert d[ADVANTAGES].sum(axis=1).to_numpy() == pytest.approx(d["advantage"].to_numpy())
    assert (50 + d[POINTS].sum(axis=1) - d["sell_score"]).abs().max() < 1e-9
    assert (d["sell_score"] + d["hold_score"] - 100).abs().max() < 1e-12
    assert (d["depth_later"] >= d["depth_now"]).all()
    is_sell = d["decision"] == Decision.SELL
    assert (d["advantage"][is_sell] > 0).all()
    assert (d["advantage"][d["decision"] == Decision.HOLD] <= 0).all()
    assert ((d["depth_now"] > items["current_depth"]) == is_sell).all()
    assert (d["review_week"] <= weeks).all()
    assert (d["review_week"][d["decision"] == Decision.WATCH] == min(2, weeks)).all()
    for units in ("surplus_units", "expected_units_sell", "expected_units_hold"):
        assert d[units].between(-1e-9, items["on_hand"] + 1e-9).all()


TO_SELL = ["holding_cost", "elasticity", "on_hand", "annual_discount_rate"]
TO_HOLD = ["buyer_ltv", "repeat_margin_at_risk", "salvage_value", "ltv_erosion", "demand_rate"]


def raised(name, factor, items, policy=POLICY):
    if name in items:
        return items.assign(**{name: items[name] * factor}), policy
    return items, replace(policy, **{name: getattr(policy, name) * factor})


@pytest.mark.parametrize("name", [*TO_SELL, *TO_HOLD])
def test_no_verdict_turns_the_wrong_way(name):
    """methods.md §3.7; for the elasticity it holds for items still at full price only."""
    items, season = random_items(200, 14, seed=0)
    items = items.assign(salvage_value=items["salvage_value"].clip(lower=0), gateway_effect=0.0)
    if name == "elasticity":
        items = items.assign(current_depth=0.0)
    before = decide(items, season, POLICY)
    for factor in (1.2, 2.0):
        changed, policy = raised(name, factor, items)
        after = decide(changed, season, policy)
        first, then = (before, after) if name in TO_SELL else (after, before)
        assert not ((first["decision"] == "sell") & (then["decision"] == "hold")).any()
        if name not in {"on_hand", "demand_rate", "elasticity"}:  # these may cross by a hair
            assert not ((first["advantage"] > 0) & (then["advantage"] <= 0)).any()


def simple_advantage(items: pd.DataFrame, season: np.ndarray, policy: Economics) -> np.ndarray:
    """Best sale now less full price to the end."""
    stock = Stock.from_frame(items, season)
    sell, _ = best_paths(stock, stock.elasticity, policy, table_of(stock))
    keep = PricePath.constant(stock.current_depth, season.shape[1])
    return total(stock, sell, policy) - total(stock, keep, policy)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.floats(1.01, 1.2), st.sampled_from([*TO_SELL[:2], *TO_HOLD[:4]]))
def test_against_a_plain_hold_the_advantage_itself_moves_one_way(seed, factor, name):
    """True of the names asked; not of stock, demand and the discount rate: they scale the gain."""
    items, season = random_items(30, 12, seed)
    items["salvage_value"] = items["salvage_value"].clip(lower=0)
    items = items.assign(current_depth=0.0, gateway_effect=0.0)
    before = simple_advantage(items, season, POLICY)
    changed, policy = raised(name, factor, items)
    rise = simple_advantage(changed, season, policy) - before
    slack = 1e-6 * items["on_hand"] * items["list_price"]
    assert ((rise if name in TO_SELL else -rise) >= -slack).all()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), worth_keeping=st.booleans())
def test_stock_that_loses_nothing_by_waiting_is_never_sold(seed, worth_keeping):
    """Inelastic demand and free storage; or leftovers worth the list price and patient money."""
    items, season = random_items(40, 12, seed)
    items = items.assign(holding_cost=0.0, gateway_effect=0.0, elasticity_sd=0.0)
    policy = POLICY
    if worth_keeping:
        items["salvage_value"] = items["list_price"]
        policy = replace(POLICY, annual_discount_rate=0.0)
    else:
        items["elasticity"] = 0.3 + items["elasticity"] % 0.7
        items["salvage_value"] = items["salvage_value"].clip(lower=0)
    assert (decide(items, season, policy)["advantage"] <= 0).all()


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 1000))
def test_another_currency_changes_the_money_and_nothing_else(seed, scale):
    items, season = random_items(20, 9, seed)
    money = [*items.columns[8:12], "list_price", "repeat_margin_at_risk"]
    before = decide(items, season, replace(POLICY, action_cost=300.0))
    scaled = items.assign(**{name: items[name] * scale for name in money})
    after = decide(scaled, season, replace(POLICY, action_cost=300.0 * scale))
    worth = items["on_hand"] * items["list_price"]
    assert (after["advantage"] / scale - before["advantage"]).abs().max() < 1e-8 * worth.max()
    assert (after["sell_score"] - before["sell_score"]).abs().max() < 1e-5


def test_without_customer_effects_only_quantities_decide():
    items, season = random_items(100, 12, 5)
    items = items.assign(repeat_margin_at_risk=0.0, gateway_effect=0.0)
    policy = replace(POLICY, ltv_erosion=0.0)
    plain = decide(items, season, policy)
    richer = decide(items.assign(buyer_ltv=1e6, new_buyer_share=1.0), season, policy)
    pd.testing.assert_frame_equal(plain, richer)
    assert not plain[["advantage_gateway", "advantage_ltv_risk", "advantage_brand"]].any(axis=None)


def test_the_depth_is_the_median_of_the_draws():
    items, season = random_items(100, 12, 6)
    d = decide(items, season, POLICY)
    stock = Stock.from_frame(items, season)
    paths = []
    for draw in POLICY.elasticity_draws:
        beta = np.clip(stock.elasticity + draw * stock.elasticity_sd, 0.3, 5)
        paths.append(best_paths(stock, beta, POLICY, table_of(stock)))
    is_sell = d["decision"] == Decision.SELL
    sell = np.median([pair[0].depth_now for pair in paths], axis=0)
    hold = np.median([pair[1].depth_later for pair in paths], axis=0)
    assert (d["depth_now"] == np.where(is_sell, sell, items["current_depth"])).all()
    assert (d["depth_later"] == hold)[~is_sell].all()


@pytest.mark.parametrize("on_hand", [0.0, -7.0])
def test_nothing_in_stock_is_nothing_to_decide(on_hand):
    row = one(on_hand=on_hand, current_depth=0.2)
    assert row["decision"] == Decision.NONE
    assert (row["sell_score"], row["advantage"], row["surplus_units"]) == (50, 0, 0)
    assert not row[ADVANTAGES + POINTS].any()
    assert row[["change_week", "review_week", "break_even_discount"]].isna().all()
    assert not row["is_needless_discount"]
    assert row["full_price_sellout_probability"] == 1


def test_what_nobody_wants_is_held_for_there_is_nothing_to_gain():
    row = one(demand_rate=0.0)
    assert (row["decision"], row["probability_sell"], row["surplus_units"]) == ("hold", 0, 100)
    assert row["advantage"] == pytest.approx(-0.1 * 4500)
    assert np.isnan(row["break_even_discount"])


def test_extremes():
    half, whole = (one(on_hand=n)["full_price_sellout_probability"] for n in (2.5, 3))
    assert half == whole  # nobody asks for half a unit
    assert one(on_hand=1e6, repeat_margin_at_risk=0.0, buyer_ltv=0.0)["decision"] == "sell"
    assert one(on_hand=1)["decision"] == "hold"
    row = one(current_depth=0.5, max_depth=0.5, on_hand=1000)  # nothing left to weigh
    assert (row["decision"], row["advantage"], row["sell_score"]) == ("hold", 0, 50)


def test_index_and_form_are_kept_whatever_the_number_of_rows(monkeypatch):
    items, season = random_items(25, 7, 9)
    items.index = pd.MultiIndex.from_product([["S1"], range(25)], names=["shop", "sku"])
    whole = decide(items, season, POLICY)
    assert whole.index.equals(items.index)
    empty = decide(items.iloc[:0], season[:0], POLICY)
    assert (list(empty.columns), len(empty)) == (list(whole.columns), 0)
    monkeypatch.setattr(module, "_CHUNK", 4)
    pd.testing.assert_frame_equal(decide(items, season, POLICY), whole, rtol=1e-9)


def constant_gain(depth: float, items: pd.DataFrame) -> float:
    """Mean worth of one lasting cut now less that of the best hold, exactly."""
    stock = Stock.from_frame(items, SEASON)
    gains = []
    for draw in POLICY.elasticity_draws:
        drawn = replace(stock, elasticity=stock.elasticity + draw * stock.elasticity_sd)
        _, hold = best_paths(drawn, drawn.elasticity, POLICY, table_of(drawn))
        cut = PricePath.constant(np.array([depth]), 10)
        gains.append(total(drawn, cut)[0] - total(drawn, hold)[0])
    return float(np.mean(gains))


@pytest.mark.parametrize("changes", [{}, {"elasticity_sd": 0.3}, {"elasticity": 3.0}])
def test_at_the_break_even_discount_selling_is_worth_as_much_as_holding(changes):
    row = golden(buyer_ltv=0.0, **changes)
    depth = one(buyer_ltv=0.0, **changes)["break_even_discount"]
    assert constant_gain(depth, row) == pytest.approx(0, abs=300)  # of 500,000
    assert all(constant_gain(each, row) < 0 for each in np.linspace(depth + 0.01, 0.7, 15))
    assert constant_gain(depth - 0.01, row) > 0


def test_the_break_even_discount_ends_where_the_brand_does_or_does_not_exist():
    assert one(buyer_ltv=0.0, max_depth=0.2)["break_even_discount"] == pytest.approx(0.2)
    assert np.isnan(one(buyer_ltv=60_000.0)["break_even_discount"])


def test_a_discount_is_needless_where_full_price_would_do_better():
    dear_to_undo = replace(POLICY, action_cost=1e9)  # leaves the chance to sell out alone
    assert one(dear_to_undo, current_depth=0.3, on_hand=10)["is_needless_discount"]
    assert not one(on_hand=10)["is_needless_discount"]
    slow = {"current_depth": 0.1, "on_hand": 300, "buyer_ltv": 0.0}
    assert not one(**slow)["is_needless_discount"]
    assert one(**slow | {"elasticity": 0.5})["is_needless_discount"]


def test_doubt_about_the_elasticity_is_watched():
    row = one(buyer_ltv=17_000, elasticity_sd=0.8)
    assert 0.35 < row["probability_sell"] < 0.65
    assert (row["decision"], row["depth_now"], row["review_week"]) == ("watch", 0, 2)
    sure = one(policy=replace(POLICY, watch_band=(0.5, 0.5)), buyer_ltv=17_000, elasticity_sd=0.8)
    assert sure["decision"] == ("sell" if row["advantage"] > 0 else "hold")


def test_an_advantage_too_small_to_act_on_is_watched_and_a_hold_is_not():
    usual = one(buyer_ltv=12_000)
    assert (usual["decision"], usual["advantage"]) == ("sell", pytest.approx(672, abs=0.6))
    for least, decision in ((600, "sell"), (700, "watch")):
        row = one(policy=replace(POLICY, min_advantage=least), buyer_ltv=12_000)
        assert (row["decision"], row["advantage"]) == (decision, usual["advantage"])
    assert one(policy=replace(POLICY, min_advantage=1e9), buyer_ltv=60_000)["decision"] == "hold"


def test_past_its_end_holding_is_not_on_offer():
    for changes in ({"buyer_ltv": 60_000.0}, {"demand_rate": 0.0}):
        held = golden(**changes)
        assert decide(held, SEASON, POLICY).iloc[0]["decision"] == "hold"
        ended = decide(held.assign(is_past_end=True), SEASON, POLICY).iloc[0]
        assert ended["decision"] == "sell"
    gone = golden(on_hand=0.0).assign(is_past_end=True)
    assert decide(gone, SEASON, POLICY).iloc[0]["decision"] == "none"


def test_what_full_price_would_sell_is_the_textbook_number():
    row = one(current_depth=0.3)
    assert row["expected_units_full_price"] == pytest.approx(49.139528, abs=1e-6)
    assert row["expected_units_full_price"] < one(current_depth=0.3)["expected_units_hold"]


def test_the_cautious_sell_only_what_every_draw_would():
    items, season = random_items(200, 12, 3)
    bold = decide(items, season, POLICY)["decision"]
    cautious = decide(items, season, replace(POLICY, cautious=True))["decision"]
    assert set(zip(bold, cautious, strict=True)) >= {("sell", "sell"), ("sell", "watch")}
    assert (bold[bold != "sell"] == cautious[bold != "sell"]).all()
    for draw in POLICY.elasticity_draws:
        beta = (items["elasticity"] + draw * items["elasticity_sd"]).clip(0.3, 5)
        certain = decide(items.assign(elasticity=beta, elasticity_sd=0.0), season, POLICY)
        assert (certain["advantage"][cautious == "sell"] > 0).all()


# The function at -1.2, 0 and 1.2, and the chance, by hand from Φ(0.6) = 0.7257469.
DRAWS = {(-1, 1, 3): 0.7257469, (3, 1, -1): 0.7257469, (1, 1, 1): 1, (0, 0, 0): 0}
DRAWS |= {(-1, 1, -1): 0.4514938, (1, -1, 1): 0.5485062}


@pytest.mark.parametrize(("values", "expected"), DRAWS.items())
def test_the_chance_to_be_right_is_read_off_the_draws(values, expected):
    column = np.array(values, dtype=float)[:, None]
    assert probability_positive(column, (-1.2, 0.0, 1.2)) == pytest.approx([expected], abs=1e-7)
