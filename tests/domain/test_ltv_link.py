from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ltv_link import Confidence, LinkRules, buyer_mix

TODAY = date(2025, 6, 30)
ALL_COUNT = LinkRules(enough_buyers=0)  # no substitution


def purchases(*rows):
    """Rows of customer, SKU, days ago, units."""
    lines = pd.DataFrame(rows, columns=["customer_id", "sku_id", "ago", "units"])
    return lines.assign(sold_on=[TODAY - timedelta(days=n) for n in lines["ago"]])


def shop(rng, *, skus=30, buyers=80, sku_sd=0.0, customers=1000):
    """A shop whose SKUs have buyers of differing mean value, by ``sku_sd`` of 1 within a SKU."""
    ltv = pd.Series(rng.normal(100, 1, customers), index=[f"c{i}" for i in range(customers)])
    lines = []
    for sku in range(skus):
        taste = rng.normal(0, sku_sd) if sku_sd else 0.0
        odds = np.exp(taste * (ltv - 100))
        who = rng.choice(ltv.index, buyers, replace=False, p=odds / odds.sum())
        lines += [(c, f"s{sku}", 0, 1) for c in who]
    return purchases(*lines), ltv


def by_hand(lines, ltv, rules, categories=None):
    """Weighted mean and effective buyers of each SKU, and the weighted mean of all."""
    cap = np.quantile(ltv, rules.winsorise_at)
    weights = {}
    for (customer, sku), bought in lines.groupby(["customer_id", "sku_id"]):
        if customer in ltv.index and (units := bought["units"].sum()) > 0:
            age = bought["ago"].min()
            weights[sku, customer] = min(units, rules.unit_cap) * 0.5 ** (
                age / rules.half_life_days
            )
    answer = {}
    for sku in {sku for sku, _ in weights}:
        w = np.array([weight for (s, _), weight in weights.items() if s == sku])
        v = np.array([min(ltv[c], cap) for s, c in weights if s == sku])
        answer[sku] = ((w * v).sum() / w.sum(), w.sum() ** 2 / (w**2).sum(), w.size)
    total = sum(weights.values())
    mean = sum(w * min(ltv[c], cap) for (_, c), w in weights.items()) / total
    return answer, mean


def test_a_small_case_by_hand():
    lines = purchases(
        ("a", "s", 0, 1), ("b", "s", 180, 9), ("b", "t", 0, 1), ("b", "s", 400, 1), ("x", "s", 0, 1)
    )
    ltv = pd.Series({"a": 100.0, "b": 400.0, "c": 5.0})
    answer = buyer_mix(lines, ltv, as_of=TODAY, rules=LinkRules(winsorise_at=1, enough_buyers=0))
    s, t = answer.skus.loc["s"], answer.skus.loc["t"]
    # s: a weighs 1; b three units, half a life ago, 1.5. t: b weighs 1. x has no value.
    mean_s, n_s = (100 + 1.5 * 400) / 2.5, 2.5**2 / (1 + 1.5**2)
    mean = (100 + 2.5 * 400) / 3.5
    assert (s["buyers"], t["buyers"]) == (2, 1)
    assert [s["n_eff"], t["n_eff"]] == pytest.approx([n_s, 1])
    assert answer.k == 20  # two SKUs cannot tell
    assert answer.population_mean == pytest.approx(mean)
    assert s["ltv"] == pytest.approx((n_s * mean_s + 20 * mean) / (n_s + 20))
    assert t["index"] == pytest.approx((400 + 20 * mean) / 21 / mean)


def test_few_buyers_borrow_the_average_of_their_category():
    rng = np.random.default_rng(1)
    lines, ltv = shop(rng, skus=4, buyers=70)
    few = purchases(*[(f"c{i}", "few", 0, 1) for i in range(29)])
    some = purchases(*[(f"c{i}", "some", 0, 1) for i in range(30)])
    lines = pd.concat([lines, few, some], ignore_index=True)
    categories = pd.Series({f"s{i}": "A" if i < 3 else "B" for i in range(4)})
    categories = pd.concat(
        [categories, pd.Series({"few": "A", "some": "B", "new": "B", "odd": "C"})]
    )
    answer = buyer_mix(lines, ltv, as_of=TODAY, categories=categories, rules=LinkRules())
    confidence = answer.skus["confidence"]
    assert confidence["s0"] == Confidence.CONFIDENT
    assert confidence["some"] == Confidence.ENOUGH
    assert (confidence[["few", "new", "odd"]] == Confidence.CATEGORY_AVERAGE).all()
    slow, mean = by_hand(lines, ltv, LinkRules())
    of_a = np.average([slow[s][0] for s in ("s0", "s1", "s2", "few")], weights=[70, 70, 70, 29])
    of_b = np.average([slow[s][0] for s in ("s3", "some")], weights=[70, 30])
    value = answer.skus["ltv"]
    # Nobody buys category C, so all there is to say of it is the mean of everything.
    assert value[["few", "new", "odd"]].tolist() == pytest.approx([of_a, of_b, mean])
    assert answer.skus.loc["new", ["buyers", "n_eff"]].tolist() == [0, 0]
    assert answer.skus["se"]["new"] == pytest.approx(answer.customer_sd / answer.k**0.5)


def test_the_average_sku_has_index_one_though_frequent_buyers_are_worth_more():
    # Ten loyal customers buy everything, ninety buy one thing each.
    ltv = pd.Series({f"c{i}": 1000.0 if i < 10 else 10.0 for i in range(100)})
    lines = [(f"c{i}", f"s{j}", 0, 1) for i in range(10) for j in range(9)]
    lines += [(f"c{i}", f"s{i % 9}", 0, 1) for i in range(10, 100)]
    answer = buyer_mix(purchases(*lines), ltv, as_of=TODAY, rules=ALL_COUNT)
    assert answer.skus["index"].to_numpy() == pytest.approx(np.ones(9))
    assert answer.population_mean > 3 * ltv.mean()


def test_shrinkage_is_strong_when_skus_do_not_differ_and_weak_when_they_do():
    same = buyer_mix(*shop(np.random.default_rng(3)), as_of=TODAY)
    apart = buyer_mix(*shop(np.random.default_rng(3), sku_sd=1.0), as_of=TODAY)
    assert same.k > 80
    assert apart.k < 5
    assert same.skus["ltv"].std() < 0.1 * apart.skus["ltv"].std()
    assert apart.customer_sd == pytest.approx(1, abs=0.2)


def test_k_is_the_ratio_of_variances_that_was_planted():
    # 200 SKUs, 50 buyers each of their own, between-SKU variance a tenth of that within.
    rng = np.random.default_rng(7)
    value = rng.normal(0, np.sqrt(0.1), (200, 1)) + rng.normal(0, 1, (200, 50))
    ltv = pd.Series(value.ravel() + 50, index=[f"c{i}" for i in range(10_000)])
    lines = purchases(*[(f"c{i}", f"s{i // 50}", 0, 1) for i in range(10_000)])
    answer = buyer_mix(lines, ltv, as_of=TODAY, rules=LinkRules(winsorise_at=1.0))
    assert answer.k == pytest.approx(10, rel=0.25)
    truth = value.mean(axis=1) + 50
    ranked = answer.skus["ltv"][[f"s{i}" for i in range(200)]]
    assert np.corrcoef(ranked, truth)[0, 1] > 0.99
    assert answer.skus["se"].to_numpy() == pytest.approx(
        answer.customer_sd / np.sqrt(50 + answer.k)
    )


lines_of_a_shop = st.lists(
    st.tuples(
        st.sampled_from([f"c{i}" for i in range(8)]),
        st.sampled_from([f"s{i}" for i in range(4)]),
        st.integers(0, 500),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=60,
)


@given(rows=lines_of_a_shop, values=st.lists(st.floats(1, 1e6), min_size=7, max_size=7))
@settings(max_examples=50, deadline=None)
def test_all_at_once_gives_the_same_as_pair_by_pair(rows, values):
    lines = purchases(*rows)
    ltv = pd.Series(values, index=[f"c{i}" for i in range(7)])  # c7 has no value
    rules = LinkRules(enough_buyers=0, winsorise_at=0.9)
    counted = lines[(lines["units"] > 0) & (lines["customer_id"] != "c7")]
    answer = buyer_mix(lines, ltv, as_of=TODAY, rules=rules)
    if counted.empty:
        assert answer.skus.empty
        return
    slow, mean = by_hand(counted, ltv, rules)
    assert answer.population_mean == pytest.approx(mean)
    assert set(answer.skus.index) == set(slow)
    for sku, (own, n_eff, buyers) in slow.items():
        row = answer.skus.loc[sku]
        assert row["n_eff"] == pytest.approx(n_eff)
        assert row["buyers"] == buyers
        assert row["ltv"] == pytest.approx((n_eff * own + answer.k * mean) / (n_eff + answer.k))


def test_more_units_of_one_customer_do_not_make_more_buyers():
    lines, ltv = shop(np.random.default_rng(1), skus=2, buyers=40)
    big = pd.concat([lines, purchases(("c0", "s0", 0, 5_000))], ignore_index=True)
    capped = pd.concat([lines, purchases(("c0", "s0", 0, 3))], ignore_index=True)
    once = buyer_mix(big, ltv, as_of=TODAY).skus
    pd.testing.assert_frame_equal(once, buyer_mix(capped, ltv, as_of=TODAY).skus)


def test_what_is_sold_tomorrow_is_not_known_today():
    lines, ltv = shop(np.random.default_rng(1), skus=2, buyers=40)
    later = pd.concat([lines, purchases(("c0", "s9", -1, 1))], ignore_index=True)
    assert buyer_mix(later, ltv, as_of=TODAY).skus.equals(buyer_mix(lines, ltv, as_of=TODAY).skus)


def test_one_buyer_each_leaves_the_error_unknown():
    lines = purchases(("a", "s", 0, 1), ("b", "t", 0, 1))
    answer = buyer_mix(lines, pd.Series({"a": 10.0, "b": 30.0}), as_of=TODAY)
    assert answer.skus["ltv"].to_numpy() == pytest.approx([20, 20], rel=0.01)
    assert answer.skus["se"].isna().all()


@pytest.mark.parametrize("ltv", [pd.Series({"a": 10.0}), pd.Series(dtype=float)])
def test_nothing_bought_nothing_said(ltv):
    answer = buyer_mix(purchases(), ltv, as_of=TODAY)
    assert answer.skus.empty
    in_stock = pd.Series({"s": "A"})
    answer = buyer_mix(purchases(), ltv, as_of=TODAY, categories=in_stock)
    assert answer.skus.loc["s", ["buyers", "confidence"]].tolist() == [0, "category_average"]
    assert answer.skus["ltv"].isna().all()


def test_holes_are_refused():
    lines, ltv = shop(np.random.default_rng(1), skus=1, buyers=5)
    with pytest.raises(ValueError, match="every line needs"):
        buyer_mix(lines.assign(units=np.nan), ltv, as_of=TODAY)
    with pytest.raises(ValueError, match="every customer a value"):
        buyer_mix(lines, ltv.where(ltv > 100), as_of=TODAY)
