"""How often and how evenly series sell."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.pattern import pattern
from app.domain.forecasting.settings import ForecastSettings

DAYS, WEEKS = Calendar(date(2024, 6, 30)), Calendar(date(2024, 6, 30), 7)
SETTINGS = ForecastSettings()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 40), max_size=80))
def test_it_is_counted_by_hand(later):
    row = [3.0, *map(float, later)]
    found = pattern(np.array([[np.nan, np.nan, *row]]), len(row) + 2, WEEKS, SETTINGS)
    sold = [y for y in row if y > 0]
    assert found.age[0] == len(row)
    assert found.idle[0] == next(i for i, y in enumerate(reversed(row)) if y > 0)
    assert found.adi[0] == pytest.approx(len(row) / len(sold))
    cv2 = np.var(sold, ddof=1) / np.mean(sold) ** 2 if len(sold) > 1 else 0.0
    assert found.cv2[0] == pytest.approx(cv2)


def even(days, every, amounts, idle=0):
    row = np.zeros(days)
    row[::every] = np.resize(amounts, len(row[::every]))
    if idle:
        row[-idle:] = 0
    return row


def test_classes():
    rows = [
        even(400, 1, [5, 6]),
        even(400, 1, [1, 1, 1, 30]),
        even(400, 4, [5, 6]),
        even(400, 4, [1, 1, 1, 30]),
        np.concatenate([np.full(345, np.nan), even(55, 1, [5])]),
        even(400, 1, [5], idle=182),
        np.full(400, np.nan),
        np.zeros(400),
        np.concatenate([np.full(344, np.nan), even(56, 1, [5])]),
        even(400, 1, [5], idle=181),
    ]
    found = pattern(np.array(rows), 400, DAYS, SETTINGS)
    assert found.demand_class.tolist() == [
        "smooth", "erratic", "intermittent", "lumpy", "new", "inactive", "new", "inactive",
        "smooth", "intermittent",
    ]  # fmt: skip


def test_huge_amounts_keep_their_digits():
    row = np.array([[1e12, 1e12 + 1, 1e12 + 2]])
    assert pattern(row, 3, DAYS, SETTINGS).cv2[0] == pytest.approx(1e-24, rel=1e-3)


def test_no_series_and_no_periods():
    assert pattern(np.zeros((0, 9)), 9, DAYS, SETTINGS).demand_class.tolist() == []
    assert pattern(np.zeros((2, 0)), 0, DAYS, SETTINGS).demand_class.tolist() == ["new", "new"]
