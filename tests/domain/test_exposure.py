import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.exposure import orders_per_unit


def purchases(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "sold_on", "sku_id", "units"])


def test_a_shop_of_single_pieces_risks_ltv_with_every_unit():
    shares, overall = orders_per_unit(purchases(("a", 1, "S", 1), ("b", 1, "S", 1)))
    assert shares["S"] == 1
    assert overall == 1


def test_the_units_of_an_order_share_its_one_exposure():
    shares, overall = orders_per_unit(purchases(("a", 1, "S", 30), ("a", 1, "T", 10)))
    assert shares.to_dict() == pytest.approx({"S": 1 / 40, "T": 1 / 40})
    assert overall == pytest.approx(1 / 40)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(1, 4), st.sampled_from("STU"), st.integers(1, 500)
        ),
        min_size=1,
        max_size=40,
    )
)
def test_all_units_together_stand_for_all_orders(rows):
    lines = purchases(*rows)
    shares, overall = orders_per_unit(lines)
    orders = len(lines[["customer_id", "sold_on"]].drop_duplicates())
    assert np.dot(shares[lines["sku_id"]], lines["units"]) == pytest.approx(orders)
    assert overall * lines["units"].sum() == pytest.approx(orders)


def test_no_purchases_say_nothing():
    shares, overall = orders_per_unit(purchases())
    assert shares.empty
    assert math.isnan(overall)
