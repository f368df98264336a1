"""Bulk orders and outliers: those that everybody would call so, and no others."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.forecasting.outliers import OutlierCode, Usual, damped, suspects
from tests.domain.real_purchases import read

USUAL = Usual(log_mean=0.7, log_sd=0.8)


def without_orders(demand, usual=USUAL):
    return damped(demand, usual, np.full(len(suspects(demand, usual)[0]), np.nan))


def shop(seed, rows=5, days=120):
    demand = np.random.default_rng(seed).poisson(3.0, (rows, days)).astype(float)
    demand[:, 0] = 1
    return demand


def test_a_bulk_order_leaves_what_the_others_bought_or_the_upper_end_of_the_usual():
    demand = shop(1)
    demand[2, 50], demand[4, 60] = 500, 500
    found = suspects(demand, USUAL)
    assert [f.tolist() for f in found] == [[2, 4], [50, 60]]
    ours = damped(demand, USUAL, np.array([498.0, 420.0]))
    assert ours.codes == (OutlierCode.BULK_ORDER,) * 2
    assert ours.units.tolist() == [500, 500]
    assert 3 < ours.used[0] < 15
    assert ours.used[1] == 80  # what the other orders of that day held
    touched = np.nonzero(ours.demand != demand)
    assert [t.tolist() for t in touched] == [[2, 4], [50, 60]]
    assert ours.demand[touched] == pytest.approx(ours.used)


def test_many_small_orders_are_demand_until_they_are_far_beyond_all_else():
    demand = shop(1)
    demand[2, 50] = 60
    orders = np.full(len(suspects(demand, USUAL)[0]), 3.0)
    assert len(damped(demand, USUAL, orders).units) == 0
    demand[2, 50] = 5000
    found = damped(demand, USUAL, np.array([3.0]))
    assert found.codes == (OutlierCode.OUTLIER,)


def test_days_alike_beside_it_make_an_event_of_an_outlier():
    demand = shop(1)
    demand[2, 50] = 5000
    assert len(without_orders(demand).units) == 1
    demand[2, 47] = 1500
    assert len(without_orders(demand).units) == 0


def test_an_item_sold_once_is_judged_by_the_whole_shop():
    demand = np.full((2, 30), np.nan)
    demand[:, 20:] = 0
    demand[0, 20], demand[1, 20] = 80_995, 12
    ours = damped(demand, USUAL, np.array([80_995.0]))
    assert ours.units.tolist() == [80_995]
    assert ours.used[0] < 30


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 10_000), min_size=9, max_size=9), min_size=1, max_size=5))
def test_it_never_adds_units_nor_depends_on_other_rows(rows):
    demand = np.array(rows, dtype=float)
    ours = without_orders(demand)
    assert (ours.demand <= demand).all()
    assert (ours.demand >= 0).all()
    assert ours.demand[demand > 0].min(initial=1) > 0
    for row in range(len(demand)):
        assert np.array_equal(without_orders(demand[[row]]).demand[0], ours.demand[row])


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0), (2, 4)])
def test_nothing_sold_has_no_outliers(shape):
    assert without_orders(np.full(shape, np.nan)).demand.shape == shape


def matrix(frame, key, day, value):
    """Units by series and day, as of the first sale."""
    row = frame[key].rank("dense").cast(pl.Int64).to_numpy() - 1
    column = (frame[day].cast(pl.Date) - frame[day].cast(pl.Date).min()).dt.total_days().to_numpy()
    cells = np.zeros((row.max() + 1, column.max() + 1))
    np.add.at(cells, (row, column), frame[value].to_numpy())
    return np.where(np.maximum.accumulate(cells > 0, axis=1), cells, np.nan), row, column


def mean_error(history, future):
    """Mean scaled error of the 28-day total, by the mean of 56 days."""
    mean = np.nanmean(history[:, -56:], axis=1)
    return np.abs(mean - future.mean(axis=1))


def test_of_m5_next_to_nothing_is_touched_and_forecasts_are_as_good():
    frame = read("m5_daily_train.parquet")
    frame = frame.filter(frame["item_id"].cast(pl.String).str.ends_with("7"))
    key = pl.struct(pl.col("item_id").cast(pl.String), pl.col("store_id").cast(pl.String))
    demand, _, _ = matrix(frame.with_columns(key=key), "key", "date", "quantity_sold")
    demand = demand[np.isfinite(demand[:, -84])]
    history, future = demand[:, :-28], demand[:, -28:]
    ours = without_orders(history)
    assert len(ours.units) / (history > 0).sum() < 0.0002
    before, after = mean_error(history, future), mean_error(ours.demand, future)
    assert after.sum() <= before.sum() * 1.0005


def test_the_two_great_orders_of_online_retail_are_caught_and_forecasts_are_better():
    lines = read("online_retail_ii.parquet").unique(maintain_order=True)
    goods = pl.col("StockCode").str.contains(r"^\d{5}")
    lines = lines.filter((pl.col("Quantity") > 0) & (pl.col("Price") > 0) & goods)
    lines = lines.with_columns(day=pl.col("InvoiceDate").dt.date())
    daily = ["StockCode", "day"]
    orders = lines.group_by(*daily, "Invoice").agg(pl.col("Quantity").sum())
    days = orders.group_by(daily).agg(
        pl.col("Quantity").sum().alias("units"), pl.col("Quantity").max().alias("largest")
    )
    logs = days["units"].log()
    usual = Usual(logs.mean(), logs.std())
    demand, row, column = matrix(days, "StockCode", "day", "units")
    largest = np.full(demand.shape, np.nan)
    largest[row, column] = days["largest"].to_numpy()

    def damp(history):
        return damped(history, usual, largest[suspects(history, usual)])

    ours = damp(demand)
    assert {74_215, 80_995} <= set(ours.units.tolist())
    assert ours.used.max() < 2_000
    assert len(ours.units) / (demand > 0).sum() < 0.003
    history, future = demand[:, :-28], np.nan_to_num(demand[:, -28:])
    settled = np.isfinite(history[:, -56])
    before = mean_error(history[settled], future[settled])
    after = mean_error(damp(history).demand[settled], future[settled])
    assert after.sum() < before.sum()
