"""From stock, forecast and LTV to the inputs of the decision, and to the answer that is kept."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from app.domain.policy import DEFAULT
from app.schemas.sku import DispositionBody
from app.services.answers import answers
from app.services.deciding import INPUTS, decision_items, verdicts
from app.services.policies import PolicyInForce

TODAY = date(2026, 6, 30)
IN_FORCE = PolicyInForce(version=3, policy=DEFAULT, overrides={})


def position(sku_id="A", **changes):
    row = {
        "sku_id": sku_id,
        "location_id": "EC",
        "on_hand": 100,
        "item_class": "staple",
        "list_price": 3000.0,
        "unit_cost": 1200.0,
        "sales_end_on": pd.NaT,
        "paid_price": 3000.0,
        "is_derived": False,
        "is_price_derived": False,
        "is_cost_derived": False,
        "is_stale": False,
    }
    return row | changes


def items_of(*rows, rate=2.0, policy=DEFAULT, valuation=None):
    positions = pd.DataFrame(rows)
    forecasts = pd.DataFrame(
        [
            {
                "sku_id": row["sku_id"],
                "location_id": "EC",
                "weekly_mean": rate,
                "level_cv2": 0.2,
                "yhat": np.full(26, rate),
            }
            for row in rows
            if row.get("on_hand") != -999
        ]
    )
    return decision_items(positions, forecasts, valuation, as_of=TODAY, policy=policy)


def buyers(ltv, orders_per_unit=1.0):
    skus = pd.DataFrame({"ltv": [ltv], "confidence": ["confident"]}, index=["A"])
    return SimpleNamespace(
        mix=SimpleNamespace(skus=skus, population_mean=ltv),
        orders_per_unit=pd.Series({"A": orders_per_unit}),
        usual_orders_per_unit=orders_per_unit,
        segment_shares={"A": {"loyal_active": 0.6, "first_left": 0.3, "steady_active": 0.1}},
        customers=pd.DataFrame(
            {
                "cpm_segment": ["loyal_active", "first_left", "steady_active"],
                "ltv": [9000.0, 10.0, 100.0],
            }
        ),
    )


def answer_of(items, valuation=None, policy=DEFAULT):
    [answer] = answers(
        verdicts(items, policy, "JPY"),
        inputs=list(INPUTS),
        as_of=TODAY,
        in_force=IN_FORCE,
        currency="JPY",
        valuation=valuation,
    )
    DispositionBody.model_validate(answer)
    return answer


def test_a_season_that_ends_shortens_the_horizon_and_never_below_a_week():
    rows = [
        position("A", item_class="seasonal", sales_end_on=pd.Timestamp("2026-08-11")),
        position("B", item_class="seasonal", sales_end_on=pd.Timestamp("2026-01-01")),
        position("C"),
    ]
    assert items_of(*rows)["horizon"].tolist() == [6, 1, 26]


def test_a_leftover_staple_is_worth_its_cost_only_as_far_as_the_next_year_needs_it():
    needed, dead = items_of(position(on_hand=60)), items_of(position(on_hand=10_000), rate=0.01)
    assert needed["salvage_value"].item() == pytest.approx(0.75 * 1200)
    leftover = 10_000 - 26 * 0.01
    assert dead["salvage_value"].item() == pytest.approx(0.75 * 1200 * 0.52 / leftover)


def test_a_leftover_of_a_season_is_worth_a_share_of_its_price():
    item = items_of(position(item_class="seasonal", sales_end_on=pd.Timestamp("2026-08-11")))
    assert item["salvage_value"].item() == pytest.approx(0.15 * 3000)


@pytest.mark.parametrize(
    ("sales_end_on", "dip_weeks"), [(None, 8), ("2026-08-11", 2), ("2026-06-30", 0)]
)
def test_a_staple_that_is_given_up_is_worth_no_more_than_a_leftover_of_a_season(
    sales_end_on, dip_weeks
):
    item = items_of(position(sales_end_on=pd.Timestamp(sales_end_on))).iloc[0]
    assert item["salvage_value"] == pytest.approx(0.75 * 1200 if dip_weeks == 8 else 0.15 * 3000)
    margin = 3000 * 0.95 - 1200
    assert item["repeat_margin_at_risk"] == pytest.approx(0.15 * dip_weeks * 2.0 * margin)


def test_a_missing_cost_leaves_the_margin_share_after_selling_cost_and_is_flagged():
    items = items_of(position(unit_cost=np.nan))
    assert items["unit_cost"].item() == pytest.approx(3000 * (1 - 0.05 - 0.45))
    assert "assumed_cost" in answer_of(items)["data_flags"]


@pytest.mark.parametrize(("paid", "depth"), [(3000, 0), (2950, 0), (2400, 0.2), (3300, 0)])
def test_the_depth_in_force_is_read_off_the_price_paid(paid, depth):
    assert items_of(position(paid_price=paid))["current_depth"].item() == pytest.approx(depth)


def test_an_item_without_forecast_is_taken_not_to_sell_and_says_so():
    items = items_of(position(), position("B", on_hand=-999))
    assert items["demand_rate"].tolist() == [2.0, 0.0]
    assert items["has_forecast"].tolist() == [True, False]


def test_negative_stock_is_no_stock_and_says_so():
    answer = answer_of(items_of(position(on_hand=-5)))
    assert answer["decision"] == "none"
    assert "negative_stock" in answer["data_flags"]
    assert answer["recommended_action"]["kind"] == "none"


def test_excess_is_sold_and_the_plan_says_how():
    answer = answer_of(items_of(position(on_hand=2000), rate=2.0))
    assert answer["decision"] == "sell"
    assert answer["recommended_action"]["kind"] == "markdown"
    assert answer["recommended_action"]["start_on"] == "2026-07-01"
    assert answer["recommended_action"]["depth"] > 0
    assert "値引き" in answer["recommended_action"]["ja"]


def test_excess_that_valuable_customers_buy_is_held_for_them():
    valuation = buyers(300_000.0)
    answer = answer_of(items_of(position(on_hand=2000), valuation=valuation), valuation)
    assert answer["decision"] == "hold"
    assert answer["recommended_action"]["target_segments"] == [
        "loyal_active",
        "steady_active",
        "first_left",
    ]
    assert answer["segments_as_of"] == "2026-06-30"


def test_the_units_of_a_large_order_share_its_buyers_ltv():
    items = items_of(position(), valuation=buyers(1000.0, orders_per_unit=1 / 144))
    assert items["buyer_ltv"].item() == pytest.approx(1000 / 144)


def test_reasons_add_up_to_score_and_advantage():
    answer = answer_of(items_of(position(on_hand=2000), valuation=buyers(500.0)), buyers(500.0))
    points = sum(reason["points"] for reason in answer["reasons"])
    assert 50 + points == pytest.approx(answer["sell_score"], abs=0.01)
    amounts = sum(reason["amount"] for reason in answer["reasons"])
    assert amounts == pytest.approx(answer["advantage"], abs=0.05)


def test_the_same_inputs_have_the_same_hash_and_others_another():
    same = {answer_of(items_of(position()))["input_hash"] for _ in range(2)}
    other = answer_of(items_of(position(on_hand=101)))["input_hash"]
    assert len(same) == 1
    assert other not in same
    rising = items_of(position()).assign(yhat=[np.linspace(1.0, 3.0, 26)])  # the same mean
    assert answer_of(rising)["input_hash"] not in same


def test_stock_that_a_later_count_has_passed_over_says_so():
    assert "stale_stock" in answer_of(items_of(position(is_stale=True)))["data_flags"]
    assert "stale_stock" not in answer_of(items_of(position()))["data_flags"]


def test_no_amount_is_less_than_nothing_by_nothing():
    answer = answer_of(items_of(position(on_hand=0)))
    assert str(answer["advantage"]) == "0.0"


def test_stock_past_its_end_is_cleared_whatever_its_buyers_are_worth():
    ended = position(item_class="seasonal", sales_end_on=pd.Timestamp("2026-06-29"), on_hand=50)
    answer = answer_of(items_of(ended, rate=0.1), buyers(300_000.0))
    assert answer["decision"] == "sell"
    assert "past_sales_end" in answer["data_flags"]
    assert answer["recommended_action"]["kind"] in {"liquidate", "markdown"}
    last_day = position(item_class="seasonal", sales_end_on=pd.Timestamp("2026-06-30"))
    assert "past_sales_end" not in answer_of(items_of(last_day))["data_flags"]


def test_a_needless_discount_is_to_be_taken_back():
    answer = answer_of(items_of(position(on_hand=10, paid_price=2100.0), rate=5.0))
    assert answer["is_needless_discount"]
    action = answer["recommended_action"]
    assert (action["kind"], action["depth"], action["start_on"]) == ("restore", 0.0, "2026-07-01")
    assert "定価に戻" in action["ja"]


def test_what_a_markdown_would_not_move_is_not_called_a_sale():
    items = items_of(position(on_hand=100), rate=0.0005)
    answer = answer_of(items)
    assert answer["decision"] in {"watch", "hold"}
    assert answer["recommended_action"]["kind"] != "markdown"


@pytest.mark.parametrize("on_hand", [100, 400, 700, 1000, 2000])
def test_a_dearer_holding_cost_never_turns_sell_into_hold(on_hand):
    order = ["hold", "watch", "sell"]
    decisions = []
    for rate in (0.0, 0.25, 0.5, 1.0, 2.0):
        policy = replace(DEFAULT, holding_rate=rate)
        items = items_of(position(on_hand=on_hand), policy=policy)
        decisions.append(order.index(answer_of(items, policy=policy)["decision"]))
    assert decisions == sorted(decisions)
