"""From need to order: the vendor's worked example, and a slow twin that buys line by line."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.replenishment import Reason, Rounding, order_quantities, round_to_lot

LEVEL = {
    "inventory_position": 9,
    "reorder_point": 10,
    "order_up_to": 20,
    "moq": 0,
    "lot_size": 5,
    "max_stock": np.nan,
    "daily_demand": 1.0,
    "is_discontinued": False,
}


def quantities(rounding=Rounding.UP, **changes):
    levels = pd.DataFrame([LEVEL | changes])
    return order_quantities(levels, max_moq_cover_days=60, rounding=rounding).iloc[0]


@pytest.mark.parametrize(
    ("rounding", "quantity"), [(Rounding.UP, 15), (Rounding.NEAREST, 10), (Rounding.DOWN, 10)]
)
def test_the_vendors_worked_example(rounding, quantity):
    # ネクストエンジン manual (peers.md §2.1, check vectors): stock 9, s = 10, S = 20, lot 5.
    answer = quantities(rounding)
    assert (answer.needed_quantity, answer.quantity) == (11, quantity)


@pytest.mark.parametrize(
    ("changes", "quantity", "reason"),
    [
        ({"lot_size": 11}, 11, Reason.ORDER_UP_TO),
        ({}, 15, Reason.ROUNDED_TO_LOT),
        ({"moq": 12}, 15, Reason.RAISED_TO_MOQ),
        ({"moq": 16}, 20, Reason.RAISED_TO_MOQ),
        ({"max_stock": 20}, 10, Reason.CUT_TO_MAX_STOCK),
        ({"max_stock": 13}, 0, Reason.MAX_STOCK),
        ({"max_stock": 20, "moq": 12}, 0, Reason.MAX_STOCK),
        ({"inventory_position": 10}, 10, Reason.ORDER_UP_TO),
        ({"inventory_position": 11}, 0, Reason.ENOUGH_STOCK),
        ({"is_discontinued": True}, 0, Reason.DISCONTINUED),
        ({"moq": 61}, 0, Reason.MOQ_EXCEEDS_MAX_COVER),
        ({"lot_size": 61}, 0, Reason.MOQ_EXCEEDS_MAX_COVER),
        ({"moq": 61, "daily_demand": 2.0}, 65, Reason.RAISED_TO_MOQ),
        ({"rounding": Rounding.DOWN, "lot_size": 12}, 0, Reason.BELOW_ONE_LOT),
        ({"rounding": Rounding.DOWN, "moq": 12}, 15, Reason.RAISED_TO_MOQ),
        (
            {"rounding": Rounding.DOWN, "moq": 12, "order_up_to": 12},
            15,
            Reason.RAISED_TO_MOQ,
        ),
        ({"inventory_position": 0, "order_up_to": 0, "daily_demand": 0}, 0, Reason.NO_DEMAND),
        # customers wait for five although nothing more is expected
        ({"inventory_position": -5, "order_up_to": 0, "lot_size": 1}, 5, Reason.ORDER_UP_TO),
    ],
)
def test_every_quantity_has_its_reason(changes, quantity, reason):
    answer = quantities(**changes)
    assert (answer.quantity, answer.reason) == (quantity, reason)


def test_half_a_lot_is_rounded_up():
    assert round_to_lot(15, 10, Rounding.NEAREST) == 20


levels = st.fixed_dictionaries(
    {
        "inventory_position": st.integers(-50, 150),
        "reorder_point": st.integers(0, 100),
        "gap": st.integers(0, 100),
        "moq": st.integers(0, 80),
        "lot_size": st.integers(1, 40),
        "max_stock": st.none() | st.integers(0, 200),
        "daily_demand": st.floats(0, 5),
        "is_discontinued": st.booleans(),
    }
).map(lambda row: row | {"order_up_to": row["reorder_point"] + row["gap"]})


def slow_quantity(row, max_days):
    """The rules of §4 in words, for one line."""
    position, lot = row["inventory_position"], row["lot_size"]
    if row["is_discontinued"] or position > row["reorder_point"]:
        return 0
    need = row["order_up_to"] - position
    if need <= 0:
        return 0
    smallest = lot
    while smallest < row["moq"]:
        smallest += lot
    if need < smallest and smallest > max_days * row["daily_demand"]:
        return 0
    quantity = smallest
    while quantity < need:
        quantity += lot
    if row["max_stock"] is not None:
        while quantity > 0 and position + quantity > row["max_stock"]:
            quantity -= lot
    return quantity if quantity >= smallest else 0


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(levels, min_size=1, max_size=30))
def test_the_rules_are_what_a_buyer_would_do_line_by_line(rows):
    frame = pd.DataFrame(rows).astype({"max_stock": float})
    answer = order_quantities(frame, max_moq_cover_days=30)
    assert list(answer.quantity) == [slow_quantity(row, 30) for row in rows]


@settings(deadline=None, max_examples=50)
@given(row=levels, rounding=st.sampled_from(Rounding))
def test_orders_obey_the_supplier_and_the_shelf(row, rounding):
    # every position from far below to far above the reorder point
    positions = np.arange(-60, 160)
    frame = pd.DataFrame([row] * len(positions)).assign(inventory_position=positions)
    answer = order_quantities(
        frame.astype({"max_stock": float}), max_moq_cover_days=30, rounding=rounding
    )
    quantity = answer.quantity.to_numpy()
    placed = quantity > 0
    assert (quantity[placed] >= row["moq"]).all()
    assert (quantity % row["lot_size"] == 0).all()
    if row["max_stock"] is not None:
        assert (positions + quantity)[placed].max(initial=0) <= max(row["max_stock"], 0)
    assert (np.diff(quantity) <= 0).all()  # never more with more in stock
