from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.cpm import CpmCell, CpmThresholds, cpm_cells, high_value_customers

TODAY = date(2025, 6, 30)


def customers(*rows):
    """Rows of days since the last purchase, tenure in days, purchase days, sales."""
    gap, tenure, days, sales = zip(*rows, strict=True) if rows else ([], [], [], [])
    last_on = [TODAY - timedelta(days=n) for n in gap]
    return pd.DataFrame(
        {
            "first_on": [on - timedelta(days=n) for on, n in zip(last_on, tenure, strict=True)],
            "last_on": last_on,
            "purchase_days": days,
            "sales": sales,
        },
        index=pd.Index([f"c{i}" for i in range(len(gap))], name="customer_id"),
    )


@pytest.mark.parametrize(
    ("gap", "tenure", "days", "sales", "label"),
    [
        (0, 0, 1, 1_000_000, "初回現役"),
        (239, 0, 1, 500, "初回現役"),
        (240, 0, 1, 500, "初回離脱"),
        (10, 1, 2, 500, "よちよち現役"),
        (10, 89, 9, 500_000, "よちよち現役"),
        (240, 89, 9, 500_000, "よちよち離脱"),
        (10, 90, 2, 69_999, "コツコツ現役"),
        (10, 900, 2, 69_999, "コツコツ現役"),
        (300, 90, 2, 0, "コツコツ離脱"),
        (10, 90, 2, 70_000, "流行現役"),
        (10, 209, 2, 70_000, "流行現役"),
        (240, 209, 2, 70_000, "流行離脱"),
        (10, 210, 2, 70_000, "優良現役"),
        (239, 3000, 200, 9e9, "優良現役"),
        (240, 210, 2, 70_000, "優良離脱"),
    ],
)
def test_borders_are_those_ltv_lab_publishes(gap, tenure, days, sales, label):
    [cell] = cpm_cells(customers((gap, tenure, days, sales)), as_of=TODAY)
    assert CpmCell(cell).label == label


rows = st.lists(
    st.tuples(st.integers(0, 600), st.integers(1, 600), st.integers(1, 5), st.integers(0, 140_000)),
    max_size=30,
)


@given(rows=rows, steady=st.integers(1, 300), more=st.integers(0, 300), away=st.integers(1, 500))
@settings(max_examples=50, deadline=None)
def test_every_customer_is_in_one_cell_whatever_the_borders(rows, steady, more, away):
    frame = customers(*[(gap, 0 if n == 1 else tenure, n, s) for gap, tenure, n, s in rows])
    thresholds = CpmThresholds(steady_days=steady, loyal_days=steady + more, away_days=away)
    cells = cpm_cells(frame, as_of=TODAY, thresholds=thresholds)
    counts = cells.value_counts()
    assert cells.index.equals(frame.index)
    assert sorted(counts.index) == sorted(CpmCell)
    assert counts.sum() == len(frame)
    has_left = cells.astype(str).str.endswith("_left")
    assert has_left.tolist() == [gap >= away for gap, *_ in rows]


def test_ten_cells_have_ten_names():
    assert len({cell.label for cell in CpmCell}) == 10
    assert CpmCell.STEADY_LEFT.label == "コツコツ離脱"


def test_no_customers_no_cells():
    assert cpm_cells(customers(), as_of=TODAY).value_counts().tolist() == [0] * 10


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ((-1, 0, 1, 5), "first_on <= last_on"),  # bought tomorrow
        ((5, -1, 2, 5), "first_on <= last_on"),
        ((5, 0, 0, 5), "a purchase day"),
        ((5, 0, 1, float("nan")), "every customer needs first_on"),
    ],
)
def test_customers_that_cannot_be_are_refused(row, match):
    with pytest.raises(ValueError, match=match):
        cpm_cells(customers((1, 0, 1, 9.0), row), as_of=TODAY)


@pytest.mark.parametrize(
    "wrong", [{"steady_days": 0}, {"steady_days": 211}, {"away_days": 0}, {"loyal_days": 10}]
)
def test_borders_out_of_order_are_refused(wrong):
    with pytest.raises(ValueError, match="thresholds need"):
        CpmThresholds(**wrong)


def test_high_value_is_the_top_fifth_or_the_right_cell():
    ltv = pd.Series(range(10), index=[f"c{i}" for i in range(10)], dtype=float)
    cells = pd.Series("steady_left", index=ltv.index)
    cells["c0"], cells["c1"] = "loyal_active", "loyal_left"
    high = high_value_customers(ltv, cells)
    assert high.index[high].tolist() == ["c0", "c8", "c9"]
    by_cell = high_value_customers(ltv, cells, top_share=0)
    assert by_cell.index[by_cell].tolist() == ["c0"]
    by_value = high_value_customers(ltv, cells, top_share=0.3, high_cells=())
    assert by_value.index[by_value].tolist() == ["c7", "c8", "c9"]


def test_customers_who_tie_across_the_line_are_left_out_together():
    ltv = pd.Series([5.0, 1, 1, 1, 1])
    cells = pd.Series("steady_left", index=ltv.index)
    assert high_value_customers(ltv, cells, top_share=0.4).tolist() == [True] + [False] * 4
