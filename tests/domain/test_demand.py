"""Weekly demand."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.demand import weekly_demand
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.pattern import pattern
from app.domain.forecasting.settings import ForecastSettings

AS_OF = date(2026, 4, 1)
RETAIL = Path(__file__).resolve().parents[2] / "../shared/data/online_retail_ii.parquet"


def sales(*rows):
    frame = pd.DataFrame(rows, columns=["sku_id", "location_id", "days_ago", "quantity"])
    sold_on = [AS_OF - timedelta(days=int(d)) for d in frame.pop("days_ago")]
    return frame.assign(sold_on=pd.to_datetime(pd.Series(sold_on, dtype="object")))


def test_the_latest_week_ends_today_and_has_seven_days():
    _, demand = weekly_demand(
        sales(("A", "X", 0, 1), ("A", "X", 6, 10), ("A", "X", 7, 100), ("A", "X", 13, 1000)),
        as_of=AS_OF,
    )
    assert demand.tolist() == [[1100, 11]]


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
    assert len(series) == len(demand) == 0


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
    seen = pattern(demand, 106, Calendar(date(2011, 12, 9), 7), ForecastSettings())
    assert demand.shape == (4878, 106)
    assert np.nansum(demand) == frame.quantity.sum()
    # design/forecasting: "about 1,285 with ADI < 1.32 and 26 weeks or more"
    assert ((seen.adi < 1.32) & (seen.age >= 26)).sum() == pytest.approx(1285, abs=5)
    assert series.sku_id.is_unique
