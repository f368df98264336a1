import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.returns import net_returns
from tests.domain.real_purchases import online_retail


def sales(*rows):
    """Rows of customer, SKU, day of January, quantity."""
    lines = pd.DataFrame(rows, columns=["customer_id", "sku_id", "day", "quantity"])
    return lines.assign(sold_at=pd.Timestamp("2025-01-01") + pd.to_timedelta(lines["day"], "D"))


def one_by_one(lines):
    """The same, by piling up and taking off unit lots."""
    net, unmatched, stacks = {}, 0.0, {}
    ordered = lines.assign(is_return=lines["quantity"] < 0)
    for row in ordered.sort_values(["sold_at", "is_return"], kind="stable").itertuples():
        known = isinstance(row.customer_id, str)
        stack = stacks.setdefault((row.customer_id, row.sku_id), []) if known else []
        if row.quantity > 0:
            net[row.Index] = row.quantity
            stack.append(row.Index)
        to_return = max(-row.quantity, 0)
        while to_return and stack:
            taken = min(to_return, net[stack[-1]])
            net[stack[-1]] -= taken
            to_return -= taken
            if not net[stack[-1]]:
                stack.pop()
        unmatched += to_return
    return net, unmatched


def test_returns_come_off_the_latest_purchase_first():
    answer = net_returns(sales(("a", "s", 1, 5), ("a", "s", 2, 3), ("a", "s", 3, -4)))
    assert answer.lines["net_quantity"].tolist() == [4, 0]
    assert answer.unmatched_units == 0


def test_a_purchase_made_afterwards_is_not_touched():
    answer = net_returns(sales(("a", "s", 1, 2), ("a", "s", 2, -3), ("a", "s", 3, 4)))
    assert answer.lines["net_quantity"].tolist() == [0, 4]
    assert answer.unmatched_units == 1


def test_a_return_on_the_same_day_counts_as_later():
    answer = net_returns(sales(("a", "s", 1, -2), ("a", "s", 1, 2)))
    assert answer.lines["net_quantity"].tolist() == [0]


def test_other_customers_and_skus_are_left_alone():
    lines = sales(("a", "s", 1, 2), ("b", "s", 1, 2), ("a", "t", 1, 2), ("b", "t", 2, -1))
    answer = net_returns(lines)
    assert answer.lines["net_quantity"].tolist() == [2, 2, 2]
    assert answer.unmatched_units == 1


def test_unknown_customers_do_not_return_each_others_goods():
    answer = net_returns(sales((None, "s", 1, 5), (None, "s", 2, -2), ("a", "s", 3, 1)))
    assert answer.lines["net_quantity"].tolist() == [5, 1]
    assert answer.unmatched_units == 2


def test_rows_keep_their_order_index_and_other_columns():
    lines = sales(("a", "s", 9, 5), ("a", "s", 1, 3), ("a", "s", 10, -1), ("a", "s", 5, 0))
    lines = lines.set_index(pd.Index([7, 5, 3, 1])).assign(unit_price=[1.0, 2, 3, 4])
    answer = net_returns(lines).lines
    assert answer.index.tolist() == [7, 5]
    assert answer["unit_price"].tolist() == [1, 2]
    assert answer["net_quantity"].tolist() == [4, 3]


def test_nothing_comes_of_nothing():
    answer = net_returns(sales())
    assert answer.lines.empty
    assert "net_quantity" in answer.lines
    assert answer.unmatched_units == 0
    only_returns = net_returns(sales(("a", "s", 1, -3)))
    assert only_returns.lines.empty
    assert only_returns.unmatched_units == 3


@pytest.mark.parametrize("column", ["sku_id", "sold_at", "quantity"])
def test_lines_with_holes_are_refused(column):
    lines = sales(("a", "s", 1, 5), ("b", "s", 1, 5)).astype({"quantity": float})
    lines.loc[1, column] = None
    with pytest.raises(ValueError, match="every line needs"):
        net_returns(lines)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]),
            st.sampled_from(["s", "t"]),
            st.integers(1, 6),
            st.integers(-6, 6),
        ),
        max_size=40,
    )
)
@settings(max_examples=50, deadline=None)
def test_all_at_once_gives_the_same_as_one_by_one(rows):
    lines = sales(*rows)
    answer = net_returns(lines)
    net, unmatched = one_by_one(lines)
    assert answer.lines["net_quantity"].to_dict() == net
    assert answer.unmatched_units == unmatched
    taken = (answer.lines["quantity"] - answer.lines["net_quantity"]).sum()
    assert taken + unmatched == -lines["quantity"].clip(upper=0).sum()


def test_a_whole_shop_keeps_its_accounts():
    lines = online_retail()
    answer = net_returns(lines)
    returned = -lines["quantity"].clip(upper=0).sum()
    net, bought = answer.lines["net_quantity"], answer.lines["quantity"]
    assert len(answer.lines) == 779_425
    assert (bought - net).sum() + answer.unmatched_units == returned
    assert 0 < answer.unmatched_units < 0.1 * returned
    assert np.array_equal(net, np.clip(net, 0, bought))
