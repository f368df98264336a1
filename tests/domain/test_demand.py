"""Weekly demand and its classes."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.demand import DemandClass, demand_pattern, week_ends, weekly_demand

AS_OF = date(2026, 4, 1)
RETAIL = Path(__file__).resolve().parents[2] / "../shared/data/online_retail_ii.parquet"


def sales(*rows):
    frame = pd.DataFrame(rows, columns=["sku_id", "location_id", "days_ago", "quantity"])
    sold_on = [AS_OF - timedelta(days=int(d)) for d in frame.pop("days_ago")]
    return frame.assign(sold_on=pd.to_datetime(pd.Series(sold_on, dtype="object")))


def weeks(*units):
    return np.array([units], dtype=float)


def test_the_latest_week_ends_today_and_has_seven_days():
    _, demand = weekly_demand(
        sales(("A", "X", 0, 1), ("A", "X", 6, 10), ("A", "X", 7, 100), ("A", "X", 13, 1000)),
        as_of=AS_OF,
    )
    assert demand.tolist() == [[1100, 11]]
    assert week_ends(AS_OF, [-1, 0, 1]).tolist() == [
        pd.Timestamp("2026-03-25"),
        pd.Timestamp("2026-04-01"),
        pd.Timestamp("2026-04-08"),
    ]


def test_nothing_is_known_before_the_first_sale_and_zero_is_known_after_it():
    series, demand = weekly_demand(
        sales(("B", "X", 14, 5), ("B", "Y", 0, 2), ("A", "X", 7, 3)), as_of=AS_OF
    )
    assert series.to_dict("records") == [
        {"sku_id": "A", "location_id": "X"},
        {"sku_id": "B", "location_id": "X"},
        {"sku_id": "B", "location_id": "Y"},
    ]
    np.testing.assert_array_equal(
        demand, [[np.nan, 3, 0], [5, 0, 0], [np.nan, np.nan, 2]], strict=False
    )


def test_a_week_of_more_returns_than_sales_counts_as_zero():
    series, demand = weekly_demand(
        sales(("A", "X", 7, 4), ("A", "X", 0, 1), ("A", "X", 1, -3), ("B", "X", 0, -1)),
        as_of=AS_OF,
    )
    assert series.sku_id.tolist() == ["A"]  # B never sold
    assert demand.tolist() == [[4, 0]]


def test_sales_after_today_do_not_count():
    _, demand = weekly_demand(sales(("A", "X", 0, 1), ("A", "X", -1, 9)), as_of=AS_OF)
    assert demand.tolist() == [[1]]


@pytest.mark.parametrize("rows", [[], [("A", "X", -5, 9)], [("A", "X", 0, 0)]])
def test_without_sales_there_are_no_series(rows):
    series, demand = weekly_demand(sales(*rows), as_of=AS_OF)
    assert list(series.columns) == ["sku_id", "location_id"]
    assert len(series) == len(demand) == len(demand_pattern(demand)) == 0


def test_dates_may_come_as_dates_and_keys_as_categories():
    frame = sales(("A", "X", 0, 1), ("A", "X", 8, 2))
    frame = frame.assign(
        sold_on=frame.sold_on.dt.date.astype(object), sku_id=frame.sku_id.astype("category")
    )
    assert weekly_demand(frame, as_of=AS_OF)[1].tolist() == [[2, 1]]


@pytest.mark.parametrize("quantity", [np.nan, np.inf])
def test_a_sale_without_a_quantity_is_an_error(quantity):
    with pytest.raises(ValueError, match="quantity"):
        weekly_demand(sales(("A", "X", 0, quantity)), as_of=AS_OF)


def test_a_sale_without_a_date_is_an_error():
    with pytest.raises(ValueError, match="date"):
        weekly_demand(sales(("A", "X", 0, 1)).assign(sold_on=pd.NaT), as_of=AS_OF)


def slow_weekly_demand(frame):
    """One cell at a time, as one would do it by hand."""
    weekly = {}
    for row in frame.itertuples():
        ago = (pd.Timestamp(AS_OF) - row.sold_on).days // 7
        if ago >= 0:
            cells = weekly.setdefault((row.sku_id, row.location_id), {})
            cells[ago] = cells.get(ago, 0) + row.quantity
    answer = {}
    for key, cells in sorted(weekly.items()):
        sold = [ago for ago, units in cells.items() if units > 0]
        if sold:
            answer[key] = [max(cells.get(ago, 0), 0) for ago in range(max(sold), -1, -1)]
    return answer


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABC"), st.sampled_from("XY"), st.integers(-9, 60), st.integers(-5, 20)
        ),
        max_size=30,
    )
)
def test_agrees_with_counting_by_hand(rows):
    frame = sales(*rows)
    series, demand = weekly_demand(frame, as_of=AS_OF)
    fast = {
        (s.sku_id, s.location_id): [u for u in row if not np.isnan(u)]
        for s, row in zip(series.itertuples(), demand, strict=True)
    }
    assert fast == slow_weekly_demand(frame)


@pytest.mark.parametrize(
    ("demand", "adi", "cv2", "expected"),
    [
        (weeks(*[5] * 10), 1, 0, DemandClass.SMOOTH),
        (weeks(*[1, 9] * 5), 1, 16 * 10 / 9 / 25, DemandClass.ERRATIC),
        (weeks(*[5, 0] * 5), 2, 0, DemandClass.INTERMITTENT),
        # sizes 1 and 9 in turn: mean 5, sample variance 20
        (weeks(*[1, 0, 9, 0] * 3), 2, 16 * 6 / 5 / 25, DemandClass.LUMPY),
        (weeks(*[5] * 7), 1, 0, DemandClass.NEW),
        (weeks(3, *[0] * 25), 26, 0, DemandClass.INTERMITTENT),  # one size is a steady size
        (weeks(3, *[0] * 26), 27, 0, DemandClass.INACTIVE),
    ],
)
def test_classes_on_both_sides_of_the_cuts(demand, adi, cv2, expected):
    pattern = demand_pattern(demand).iloc[0]
    assert pattern.adi == pytest.approx(adi)
    assert pattern.cv2 == pytest.approx(cv2)
    assert pattern.demand_class == expected


def test_weeks_count_from_the_first_sale():
    pattern = demand_pattern(weeks(np.nan, np.nan, 4, 0, 2, 0, 0)).iloc[0]
    assert (pattern.weeks, pattern.idle_weeks, pattern.adi) == (5, 2, 2.5)


def test_cuts_are_arguments():
    even = weeks(*[5, 0] * 5)
    assert demand_pattern(even, adi_cut=2.1).demand_class[0] == DemandClass.SMOOTH
    assert demand_pattern(even, new_weeks=11).demand_class[0] == DemandClass.NEW
    assert demand_pattern(even, inactive_weeks=1).demand_class[0] == DemandClass.INACTIVE


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.floats(0.001, 1000))
def test_what_classes_rest_on_does_not_depend_on_the_unit(units, scale):
    demand = weeks(1, *units)
    ours, scaled = demand_pattern(demand).iloc[0], demand_pattern(demand * scale).iloc[0]
    assert scaled.adi == ours.adi
    assert scaled.cv2 == pytest.approx(ours.cv2)


@pytest.mark.skipif(not RETAIL.exists(), reason="shared/data is not beside the checkout")
def test_online_retail_has_as_many_steady_sellers_as_was_counted_elsewhere():
    lines = (
        pl.read_parquet(RETAIL)
        .unique()
        .filter(
            ~pl.col("Invoice").cast(str).str.starts_with("C"),
            pl.col("StockCode").cast(str).str.contains(r"^\d{5}"),
            pl.col("Quantity") > 0,
            pl.col("Price") > 0,
        )
    )
    frame = pd.DataFrame(
        {
            "sku_id": lines["StockCode"].cast(str).to_list(),
            "location_id": "UK",
            "sold_on": lines["InvoiceDate"].to_numpy(),
            "quantity": lines["Quantity"].to_numpy(),
        }
    )
    series, demand = weekly_demand(frame, as_of=date(2011, 12, 9))
    pattern = demand_pattern(demand)
    assert demand.shape == (4878, 106)
    assert np.nansum(demand) == frame.quantity.sum()
    # design/forecasting: "about 1,285 with ADI < 1.32 and 26 weeks or more"
    assert ((pattern.adi < 1.32) & (pattern.weeks >= 26)).sum() == pytest.approx(1285, abs=5)
    assert series.sku_id.is_unique
