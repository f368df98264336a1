"""The cuts between the classes of demand, by the week."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.demand import DemandClass
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.pattern import pattern
from app.domain.forecasting.settings import ForecastSettings

AS_OF = date(2026, 4, 1)


def weeks(*units):
    return np.array([units], dtype=float)


def pattern_of(demand, **cuts):
    """The pattern of the first series today."""
    chosen = replace(ForecastSettings(), **cuts)
    return pattern(demand, demand.shape[1], Calendar(AS_OF, 7), chosen)


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
    found = pattern_of(demand)
    assert found.adi == pytest.approx([adi])
    assert found.cv2 == pytest.approx([cv2])
    assert found.demand_class == [expected]


def test_weeks_count_from_the_first_sale():
    found = pattern_of(weeks(np.nan, np.nan, 4, 0, 2, 0, 0))
    assert (found.age, found.idle, found.adi) == (5, 2, 2.5)


def test_cuts_are_arguments():
    even = weeks(*[5, 0] * 5)
    assert pattern_of(even, adi_cut=2.1).demand_class[0] == DemandClass.SMOOTH
    assert pattern_of(even, new_days=77).demand_class[0] == DemandClass.NEW
    assert pattern_of(even, inactive_days=7).demand_class[0] == DemandClass.INACTIVE


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.floats(0.001, 1000))
def test_what_classes_rest_on_does_not_depend_on_the_unit(units, scale):
    demand = weeks(1, *units)
    ours, scaled = pattern_of(demand), pattern_of(demand * scale)
    assert scaled.adi.tolist() == ours.adi.tolist()
    assert scaled.cv2 == pytest.approx(ours.cv2)


def test_what_has_not_sold_within_the_history_is_inactive_and_what_never_sold_is_new():
    unsold = np.vstack([np.zeros(30), np.full(30, np.nan)])
    assert pattern_of(unsold).demand_class.tolist() == [DemandClass.INACTIVE, DemandClass.NEW]
