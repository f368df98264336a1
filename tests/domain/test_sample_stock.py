from math import ceil, isnan, nan
from zlib import crc32

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from app.domain.sample_stock import replay_stock
from tests.domain.real_purchases import read

RULE = {
    "cover_weeks": (3, 8, 20, 30, 52),
    "trigger_weeks": 4,
    "lead_time_weeks": 2,
    "pace_weeks": 8,
    "steady_weeks": 4,
    "lot_sizes": (1, 6, 12, 24, 48, 96, 144),
    "lot_weeks": 2,
}
SMALL = {
    "cover_weeks": (5,),
    "trigger_weeks": 3,
    "lead_time_weeks": 1,
    "pace_weeks": 2,
    "steady_weeks": 1,
    "lot_sizes": (1,),
    "lot_weeks": 1,
}


def one_sku_by_hand(
    sku_id,
    weeks,
    *,
    cover_weeks,
    trigger_weeks,
    lead_time_weeks,
    pace_weeks,
    steady_weeks,
    lot_sizes,
    lot_weeks,
):
    """The rule for one SKU, with a shelf and a list of orders under way."""
    cover = cover_weeks[crc32(sku_id.encode()) % len(cover_weeks)]

    def in_lots(needed, pace):
        lot = max([size for size in lot_sizes if size <= lot_weeks * pace], default=lot_sizes[0])
        return ceil(needed / lot) * lot

    history, shelf, due, last_received = [], 0, [], nan
    for week, units in enumerate(weeks):
        if isnan(units):
            continue
        if not history:
            first = [max(sold, 0) for sold in weeks[week : week + pace_weeks]]
            pace = sum(first) / pace_weeks
            due.append((week, in_lots(cover * pace, pace)))
        arrived = sum(quantity for when, quantity in due if when == week)
        due = [order for order in due if order[0] > week]
        if arrived:
            last_received = week
        history.append(max(units, 0))
        shelf = max(shelf + arrived - history[-1], 0)
        recent = history[-pace_weeks:]
        pace = sum(recent) / pace_weeks
        position = shelf + sum(quantity for _, quantity in due)
        selling_weeks = sum(sold > 0 for sold in recent)
        if selling_weeks >= steady_weeks and position < min(trigger_weeks, cover) * pace:
            order = in_lots(min(cover * pace - position, sum(history)), pace)
            due.append((week + lead_time_weeks + 1, order))
    return shelf, sum(quantity for _, quantity in due), last_received


def test_a_steady_seller_followed_by_hand():
    # first receipt 5 × 10; 20 is the first position below 3 × 10, so 30 are ordered up to 50
    # after the third week, come in for the fifth and again after every third week
    on_hand = [
        replay_stock(np.full((1, weeks), 10.0), ["A"], **SMALL)["on_hand"].item()
        for weeks in range(2, 9)
    ]
    assert on_hand == [30, 20, 10, 30, 20, 10, 30]


def test_the_order_of_the_last_week_is_on_order():
    stock = replay_stock(np.full((1, 3), 10.0), ["A"], **SMALL).iloc[0]
    assert (stock.on_hand, stock.on_order, stock.allocated) == (20, 30, 0)
    assert stock.last_received_week == 0


def test_the_sku_id_chooses_the_buyer():
    # check value of CRC-32 (ISO-HDLC): 0xCBF43926 of "123456789"; modulo 5 it is 2: 20 weeks
    stock = replay_stock(np.array([[8.0]]), ["123456789"])
    assert stock["on_hand"].to_list() == [20 * 8 // 8 - 8]


@pytest.mark.parametrize(("pace", "lot"), [(0.25, 1), (2.75, 1), (3, 6), (1000, 144)])
def test_a_lot_is_the_largest_that_lasts_at_most_two_weeks(pace, lot):
    stock = replay_stock(np.array([[8.0 * pace]]), ["A"], cover_weeks=(30,))
    assert stock["on_hand"].to_list() == [ceil(30 * pace / lot) * lot - 8 * pace]


def test_what_fades_is_no_longer_bought_and_becomes_dead_stock():
    units = np.array([[10.0] * 20 + [0.0] * 30])
    stock = replay_stock(units, ["A"], cover_weeks=(8,)).iloc[0]
    assert stock.on_hand > 0
    assert stock.on_order == 0
    assert stock.last_received_week < 25


def test_one_wholesale_order_is_not_taken_for_a_pace():
    units = np.array([[1.0] * 30 + [900.0]])
    stock = replay_stock(units, ["A"], cover_weeks=(52,), lot_sizes=(1,)).iloc[0]
    assert stock.on_order == 930  # not 52 weeks of 907 / 8


def test_a_lean_buyer_runs_out_where_an_optimist_piles_up():
    units = np.array([[10.0] * 20 + [60.0] * 3])
    lean = replay_stock(units, ["A"], cover_weeks=(3,)).iloc[0]
    optimist = replay_stock(units, ["A"], cover_weeks=(40,)).iloc[0]
    assert lean.on_hand == 0
    assert optimist.on_hand > 0


sales = npst.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 30)),
    elements=st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0, 12.0, 40.0, 700.0, -3.0]),
)


@settings(deadline=None, max_examples=50)
@given(sales, st.data(), st.sampled_from([RULE, SMALL]))
def test_agrees_with_a_shelf_and_a_list_of_orders(units, data, rule):
    first_weeks = data.draw(
        st.lists(st.integers(0, units.shape[1]), min_size=len(units), max_size=len(units))
    )
    units = np.where(np.arange(units.shape[1]) < np.array(first_weeks)[:, None], np.nan, units)
    sku_ids = [f"{number:05d}" for number in range(len(units))]
    stock = replay_stock(units, sku_ids, **rule)
    expected = [
        one_sku_by_hand(sku_id, list(row), **rule)
        for sku_id, row in zip(sku_ids, units, strict=True)
    ]
    np.testing.assert_array_equal(
        stock[["on_hand", "on_order", "last_received_week"]].to_numpy(float),
        np.array(expected, float),
    )
    assert (stock[["on_hand", "on_order", "allocated"]] >= 0).all(axis=None)
    assert (stock[["on_hand", "on_order", "allocated"]].dtypes == np.int64).all()


@settings(deadline=None, max_examples=30)
@given(sales)
def test_a_sku_does_not_depend_on_the_others(units):
    sku_ids = [f"{number:05d}" for number in range(len(units))]
    forward = replay_stock(units, sku_ids)
    backward = replay_stock(units[::-1], sku_ids[::-1])
    pd.testing.assert_frame_equal(forward, backward[::-1].reset_index(drop=True))


def test_a_sku_that_never_sold_has_no_stock():
    stock = replay_stock(np.full((1, 9), nan), ["A"]).iloc[0]
    assert (stock.on_hand, stock.on_order) == (0, 0)
    assert isnan(stock.last_received_week)


@pytest.mark.parametrize("shape", [(0, 5), (2, 0), (0, 0)])
def test_nothing_sold_is_no_stock(shape):
    stock = replay_stock(np.zeros(shape), ["A", "B"][: shape[0]])
    assert list(stock) == ["sku_id", "on_hand", "on_order", "allocated", "last_received_week"]
    assert len(stock) == shape[0]
    assert not stock["on_hand"].any()


def test_a_huge_seller_keeps_whole_units():
    stock = replay_stock(np.full((1, 20), 1e9), ["A"], cover_weeks=(40,)).iloc[0]
    assert stock.on_hand > 1e9


@pytest.mark.parametrize("wrong", [[1.0, nan, 1.0], [1.0, np.inf, 1.0], [nan, -np.inf, 1.0]])
def test_a_gap_after_the_first_sale_is_an_error(wrong):
    with pytest.raises(ValueError, match="finite"):
        replay_stock(np.array([wrong]), ["A"])


def test_rows_and_ids_must_match():
    with pytest.raises(ValueError, match="row"):
        replay_stock(np.ones((2, 3)), ["A"])
    with pytest.raises(ValueError, match="row"):
        replay_stock(np.ones(3), ["A", "B", "C"])


@pytest.fixture(scope="module")
def online_retail_weeks():
    """Net units per product and week up to 2011-12-09, NaN before the first sale."""
    lines = read("online_retail_ii.parquet").unique(maintain_order=True)
    cancelled = pl.col("Invoice").str.starts_with("C")
    lines = lines.filter(
        pl.col("StockCode").str.contains(r"^\d{5}")
        & (pl.col("Price") > 0)
        & (cancelled | (pl.col("Quantity") > 0))
    )
    days_ago = (pl.col("InvoiceDate").max() - pl.col("InvoiceDate")).dt.total_days()
    weekly = lines.group_by("StockCode", -(days_ago // 7)).agg(pl.col("Quantity").sum())
    code, week, quantity = (weekly[name].to_numpy() for name in weekly.columns)
    sku_ids, row = np.unique(code.astype(str), return_inverse=True)
    units = np.zeros((len(sku_ids), -int(week.min()) + 1))
    units[row, week - 1] = quantity
    units[np.cumsum(units > 0, axis=1) == 0] = nan
    return units, sku_ids.tolist()


def test_the_sample_has_stockouts_excess_and_dead_stock(online_retail_weeks):
    units, sku_ids = online_retail_weeks
    on_hand = replay_stock(units, sku_ids)["on_hand"].to_numpy()
    sold = np.maximum(np.nan_to_num(units), 0)
    pace = sold[:, -13:].mean(axis=1)
    active = pace > 0
    cover = on_hand[active] / pace[active]
    assert 0.10 < (cover == 0).mean() < 0.20
    assert 0.25 < (cover > 26).mean() < 0.40
    assert ((cover > 3) & (cover <= 26)).mean() > 0.35
    assert 0.6 < (on_hand[~active] > 0).mean() < 0.9
    assert 0.4 < on_hand.sum() / sold[:, -52:].sum() < 0.8
