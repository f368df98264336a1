from datetime import date, datetime, timedelta
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.sample_campaign import find_markdown
from tests.domain.real_purchases import online_retail

FIRST = datetime(2024, 1, 1)
COLUMNS = ["sku_id", "customer_id", "sold_at", "quantity", "unit_price"]


def frame(rows):
    return pd.DataFrame(rows, columns=COLUMNS)


def shop(*, cut_skus=12, cut_day=80, factor=0.5, days=200, every=3):
    """20 SKUs at 10.0, each sold every third day; some cheaper from one day on."""
    return [
        (
            f"S{number:02d}",
            "C1",
            FIRST + timedelta(days=day, hours=9),
            1,
            10.0 * (factor if number < cut_skus and day >= cut_day else 1),
        )
        for number in range(20)
        for day in range(number % every, days, every)
    ]


def test_finds_the_day_the_skus_and_the_depth():
    found = find_markdown(frame(shop()))
    assert found.starts_on == date(2024, 1, 1) + timedelta(days=80)
    assert found.ends_on == found.starts_on + timedelta(days=27)
    assert found.sku_ids == tuple(f"S{number:02d}" for number in range(12))
    assert found.depth == pytest.approx(0.5)


def test_what_others_pay_is_not_compared():
    bulk = [
        (f"S{n:02d}", "C2", FIRST + timedelta(days=d), 50, 1.0) for n in range(20) for d in (30,)
    ]
    guests = [(f"S{n:02d}", None, FIRST + timedelta(days=90), 1, 20.0) for n in range(20)]
    free = [(f"S{n:02d}", "C3", FIRST + timedelta(days=31), 1, 0.0) for n in range(20)]
    returns = [(f"S{n:02d}", "C3", FIRST + timedelta(days=32), -1, 2.0) for n in range(20)]
    unknown = [(f"S{n:02d}", "C3", FIRST + timedelta(days=33), 1, np.nan) for n in range(20)]
    rows = shop() + bulk + guests + free + returns + unknown
    assert find_markdown(frame(rows)) == find_markdown(frame(shop()))


def test_more_bulk_orders_are_no_markdown():
    bulk = [
        (f"S{number:02d}", "C2", FIRST + timedelta(days=day), 12, 5.0)
        for number in range(20)
        for day in range(80, 120)
    ]
    assert find_markdown(frame(shop(cut_skus=0) + bulk)) is None


def test_one_full_price_after_the_cut_keeps_a_sku_out():
    lapse = [("S00", "C2", FIRST + timedelta(days=85), 1, 10.0)] * 3
    assert "S00" not in find_markdown(frame(shop() + lapse)).sku_ids


def test_a_price_already_low_before_keeps_a_sku_out():
    early = [("S00", "C2", FIRST + timedelta(days=50), 1, 5.5)] * 3
    assert "S00" not in find_markdown(frame(shop() + early)).sku_ids


def test_the_larger_of_two_markdowns_is_taken():
    later = [
        (f"T{number:02d}", "C1", FIRST + timedelta(days=day), 1, 4.0 if day >= 110 else 8.0)
        for number in range(15)
        for day in range(0, 200, 2)
    ]
    found = find_markdown(frame(shop() + later))
    assert found.starts_on == date(2024, 1, 1) + timedelta(days=110)
    assert len(found.sku_ids) == 15


@pytest.mark.parametrize(
    "rows",
    [
        shop(cut_skus=9),  # too few
        shop(factor=0.86),  # not deep enough
        shop(cut_day=30),  # too little before
        shop(cut_day=140),  # too little after
        shop(days=100),  # too short altogether
        shop(every=40),  # sold too rarely
        [(sku, None, *rest) for sku, _, *rest in shop()],  # guests only
    ],
)
def test_without_a_markdown_there_is_none(rows):
    assert find_markdown(frame(rows)) is None


def test_no_lines_no_markdown():
    empty = frame([]).astype({"sold_at": "datetime64[us]", "quantity": int, "unit_price": float})
    assert find_markdown(empty) is None
    assert find_markdown(frame(shop()[:1])) is None


SETTING = {
    "base_days": 6,
    "window_days": 4,
    "after_days": 3,
    "min_days_sold": 1,
    "min_skus": 2,
    "max_quantity": 3,
}


def markdown_by_hand(rows):
    """The rule of the module docstring, day by day and SKU by SKU."""
    last = max(row[2] for row in rows).date()
    day, best = min(row[2] for row in rows).date() + timedelta(days=6), None

    def prices(sku_id, start, length):
        of_days = []
        for offset in range(length):
            paid = [
                price
                for sku, customer, at, quantity, price in rows
                if sku == sku_id
                and at.date() == start + timedelta(days=offset)
                and customer is not None
                and 1 <= quantity <= 3
            ]
            of_days += [median(paid)] if paid else []
        return of_days

    while day + timedelta(days=6) <= last:
        ratios = {}
        for sku_id in sorted({row[0] for row in rows}):
            before = prices(sku_id, day - timedelta(days=6), 6)
            after = prices(sku_id, day, 4)
            if before and after and max(after) <= 0.85 * min(before):
                ratios[sku_id] = median(after) / median(before)
        if len(ratios) >= 2 and (best is None or len(ratios) >= len(best[1])):
            best = (day, ratios)
        day += timedelta(days=1)
    return best


lines = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from(["X", "Y", None]),
        st.integers(0, 18).map(lambda day: FIRST + timedelta(days=day, hours=day % 24)),
        st.sampled_from([1, 2, 12]),
        st.sampled_from([1.0, 1.7, 2.0, 3.0]),
    ),
    min_size=10,
    max_size=40,
)


@settings(deadline=None, max_examples=50)
@given(lines)
def test_agrees_with_looking_at_every_day_and_sku(rows):
    # so that most examples hold a markdown: later prices fall to a third
    rows = [
        (*row[:4], row[4] / 3 if row[2] >= FIRST + timedelta(days=9) else row[4]) for row in rows
    ]
    found, expected = find_markdown(frame(rows), **SETTING), markdown_by_hand(rows)
    assert (found is None) == (expected is None)
    if found is not None:
        day, ratios = expected
        assert (found.starts_on, found.ends_on) == (day, day + timedelta(days=3))
        assert found.sku_ids == tuple(ratios)
        assert found.depth == pytest.approx(1 - sum(ratios.values()) / len(ratios))


def test_the_summer_clearance_of_online_retail():
    sales = online_retail()
    products = sales[sales["sku_id"].str.match(r"\d{5}")]
    found = find_markdown(products)
    # prices of whole families fell between Friday 1 and Sunday 3 July 2011, e.g. 1.25 to 0.39
    assert (found.starts_on, found.ends_on) == (date(2011, 7, 1), date(2011, 7, 28))
    assert len(found.sku_ids) == 30
    assert {"21179", "22097", "22098", "22402", "47504K"} <= set(found.sku_ids)
    assert found.depth == pytest.approx(0.683, abs=5e-4)
