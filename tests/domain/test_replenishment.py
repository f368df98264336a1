"""Order lines: published levels, the states of an item, and the invariants of methods §4."""

from decimal import Decimal
from math import ceil, inf

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.replenishment import Reason, Review, order_lines
from app.domain.service_level import protection_demand

POLICY = {"review_days": 7, "service_level": 0.95, "max_moq_cover_days": 120}
POSITION = {
    "on_hand": 10,
    "on_order": 0,
    "overdue_on_order": 0,
    "allocated": 0,
    "lead_time_days": 14,
    "lead_time_demand_mean": 14.0,
    "lead_time_demand_variance": 30.0,
    "cover_demand_mean": 21.0,
    "cover_demand_variance": 45.0,
    "moq": 0,
    "lot_size": 1,
    "max_stock": None,
    "service_level": None,
    "is_discontinued": False,
}


def line(policy=POLICY, **changes):
    return order_lines(pd.DataFrame([POSITION | changes]), **policy).iloc[0]


@pytest.mark.parametrize(
    ("review", "safety_stock", "reorder_point", "order_up_to"),
    [
        (Review.CONTINUOUS, 55.1455, 195.1455, 267.8278),
        (Review.PERIODIC, 57.8278, 267.8278, 267.8278),
    ],
)
def test_published_levels(review, safety_stock, reorder_point, order_up_to):
    # peers.md (b): μ = 10 a day, σ = 4, L = 14, σ_L = 3, R = 7, 95 %, normal demand.
    near = protection_demand(10, 4, lead_time=14, lead_time_sd=3)
    cover = protection_demand(10, 4, lead_time=14, lead_time_sd=3, review=7)
    answer = line(
        POLICY | {"review": review, "normal_above": 0},
        lead_time_demand_mean=float(near[0]),
        lead_time_demand_variance=float(near[1]),
        cover_demand_mean=float(cover[0]),
        cover_demand_variance=float(cover[1]),
    )
    assert answer.safety_stock == pytest.approx(safety_stock, abs=1e-4)
    assert answer.reorder_point == pytest.approx(reorder_point, abs=1e-4)
    assert answer.order_up_to == pytest.approx(order_up_to, abs=1e-4)
    assert answer.safety_factor == pytest.approx(1.644854, abs=1e-6)
    assert answer.needed_quantity == ceil(order_up_to - 10)
    assert answer.days_of_cover_before == pytest.approx(1.0)


def test_position_counts_what_can_be_sold():
    answer = line(on_hand=-3, on_order=20, overdue_on_order=8, allocated=2)
    assert answer.inventory_position == 10
    assert answer.is_on_hand_negative
    assert answer.is_overdue_excluded
    assert answer.days_until_stockout == 0
    plain = line()
    assert not plain.is_on_hand_negative
    assert not plain.is_overdue_excluded
    assert plain.days_until_stockout == 10
    assert (plain.days_of_cover_before, plain.days_of_cover_after) == (10, 10 + plain.quantity)


def test_the_order_reaches_the_service_level():
    assert line().service_probability >= 0.95
    assert line(max_stock=20).service_probability < 0.95
    assert line(service_level=0.99).service_probability >= 0.99
    assert line(service_level=0.8).order_up_to < line().order_up_to


def test_lumpy_demand_may_be_served_without_stock():
    answer = line(on_hand=0, cover_demand_mean=0.2, cover_demand_variance=2.0)
    assert (answer.order_up_to, answer.quantity, answer.reason) == (0, 0, Reason.ENOUGH_STOCK)
    assert answer.safety_stock == pytest.approx(-0.2)
    assert answer.service_probability >= 0.95


def test_no_demand():
    still = {
        f"{span}_demand_{m}": 0 for span in ("lead_time", "cover") for m in ("mean", "variance")
    }
    answer = line(**still)
    assert (answer.quantity, answer.reason, answer.safety_factor) == (0, Reason.NO_DEMAND, 0)
    assert np.isnan(answer.days_of_cover_after)
    assert answer.service_probability == 1
    assert line(**still, on_hand=0, allocated=5).quantity == 5


def test_contradicting_variances_do_not_put_the_target_below_the_trigger():
    answer = line(POLICY | {"review": Review.CONTINUOUS}, lead_time_demand_variance=3000.0)
    assert answer.order_up_to == answer.reorder_point > 60


def test_any_index_any_order_any_kind_of_number():
    rows = pd.DataFrame([POSITION, POSITION | {"on_hand": 0}, POSITION], index=["a", "b", "a"])
    exact = rows.assign(on_hand=[Decimal(10), Decimal(0), Decimal(10)], max_stock=[None, pd.NA, 99])
    answer = order_lines(exact, **POLICY)
    assert list(answer.index) == ["a", "b", "a"]
    assert answer.quantity.iloc[0] == answer.quantity.iloc[2] == answer.quantity.iloc[1] - 10
    shuffled = order_lines(rows.iloc[[2, 0, 1]], **POLICY)
    pd.testing.assert_frame_equal(shuffled, order_lines(rows, **POLICY).iloc[[2, 0, 1]])
    assert order_lines(rows.iloc[:0], **POLICY).empty


def test_huge_numbers():
    answer = line(cover_demand_mean=1e9, cover_demand_variance=1e15, lot_size=1000)
    assert answer.quantity > 1e9
    assert answer.quantity % 1000 == 0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("on_hand", np.nan),
        ("cover_demand_variance", inf),
        ("lead_time_demand_mean", -1),
        ("lot_size", 0),
        ("overdue_on_order", 1),
        ("service_level", 1.0),
        ("is_discontinued", None),
        ("moq", None),
    ],
)
def test_a_number_that_is_wrong_is_named(column, value):
    rows = pd.DataFrame([POSITION, POSITION | {column: value}], index=["fine", "wrong"])
    with pytest.raises(ValueError, match=f"{column} .*'wrong'"):
        order_lines(rows, **POLICY)


@pytest.mark.parametrize("wrong", [{"service_level": 1.0}, {"review_days": -1}])
def test_a_policy_that_is_wrong_is_refused(wrong):
    with pytest.raises(ValueError, match="review_days"):
        line(POLICY | wrong)


def test_a_protection_period_of_nothing_is_refused():
    with pytest.raises(ValueError, match="lead_time_days"):
        line(POLICY | {"review_days": 0}, lead_time_days=0)


positions = st.fixed_dictionaries(
    {
        "on_hand": st.integers(-5, 60),
        "on_order": st.integers(0, 40),
        "moq": st.integers(0, 30),
        "lot_size": st.integers(1, 12),
        "max_stock": st.none() | st.integers(0, 300),
    }
)


def demand(mean, ratio, lead_time=14, review=7):
    spans = {"lead_time": lead_time, "cover": lead_time + review}
    means = {f"{span}_demand_mean": mean * days for span, days in spans.items()}
    variances = {f"{span}_demand_variance": mean * days * ratio for span, days in spans.items()}
    return means | variances | {"lead_time_days": lead_time}


@settings(deadline=None, max_examples=50)
@given(
    position=positions,
    mean=st.floats(0.01, 8),
    ratio=st.floats(0.5, 10),
    more=st.floats(1, 4),
    review=st.sampled_from(Review),
)
def test_more_demand_service_or_lead_time_never_orders_less(position, mean, ratio, more, review):
    rows = [
        position | demand(mean, ratio),
        position | demand(mean * more, ratio),
        position | demand(mean, ratio, lead_time=14 * more),
        position | demand(mean, ratio) | {"service_level": 1 - 0.05 / more},
    ]
    answer = order_lines(pd.DataFrame([POSITION | row for row in rows]), **POLICY, review=review)
    for column in ("reorder_point", "order_up_to", "needed_quantity", "quantity"):
        assert (answer[column].iloc[1:] >= answer[column].iloc[0]).all(), column


@settings(deadline=None, max_examples=50)
@given(position=positions, mean=st.floats(0, 8), ratio=st.floats(0.5, 10))
def test_the_numbers_of_a_line_agree_with_each_other(position, mean, ratio):
    answer = line(**position, **demand(mean, ratio))
    assert answer.safety_stock == pytest.approx(answer.reorder_point - 21 * mean)
    assert answer.safety_factor * (21 * mean * ratio) ** 0.5 == pytest.approx(answer.safety_stock)
    assert answer.inventory_position == max(position["on_hand"], 0) + position["on_order"]
    assert 0 <= answer.service_probability <= 1
    if mean > 1e-9:
        gained = answer.days_of_cover_after - answer.days_of_cover_before
        assert gained == pytest.approx(answer.quantity / mean)
