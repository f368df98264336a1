"""What is stored of a forecast, read in days and in weeks."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.reason_text import REASON_TEXT
from app.domain.forecasting.stored import level_cv2, quantiles, totals


def test_days_are_added_up_to_weeks_with_the_variance_that_weeks_have():
    mean = np.arange(1.0, 17.0)  # 28 units in the first week, 77 in the second, two days over
    variance = 3 * np.cumsum(mean)
    variance[6] = 5 * 28
    units, strays = totals(mean, variance, step_days=1, days=7)
    assert units.tolist() == [28, 77]
    assert strays == pytest.approx([5 * 28, 5 * 77])
    units, strays = totals(mean, variance, step_days=1, days=1)
    assert units.tolist() == mean.tolist()
    assert strays == pytest.approx(3 * mean)


def test_an_unsure_promotion_widens_its_own_span_and_no_other():
    mean, moved = np.full(21, 10.0), np.zeros(21)
    usual = 2 * np.cumsum(mean)
    moved[7:10] = 4.0  # of a promotion in the second week, three days long
    units, strays = totals(mean, usual + np.cumsum(moved) ** 2, moved, step_days=1, days=7)
    assert units.tolist() == [70, 70, 70]
    assert strays == pytest.approx([140, 140 + 12**2, 140])


def test_weeks_stay_as_they_are():
    units, strays = totals([4.0, 6.0], [8.0, 30.0], step_days=7, days=7)
    assert (units.tolist(), strays.tolist()) == ([4, 6], [8, 12])


def test_a_forecast_that_begins_with_nothing_strays_as_its_first_units_do():
    units, strays = totals([0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 10.0, 15.0], step_days=1, days=1)
    assert units.tolist() == [0, 0, 2, 1]
    assert strays == pytest.approx([0, 0, 10, 5])
    assert [part.tolist() for part in totals([0.0] * 7, [0.0] * 7, step_days=1, days=7)] == [
        [0],
        [0],
    ]


def test_a_horizon_shorter_than_the_span_has_none():
    assert [len(part) for part in totals([1.0] * 6, [1.0] * 6, step_days=1, days=7)] == [0, 0]


def test_quantiles_are_negative_binomial_and_rise_with_their_level():
    found = quantiles(np.array([28.0, 3.0]), np.array([140.0, 3.0]), (0.05, 0.5, 0.95))
    n, p = 28 / 4, 28 / 140
    assert found[:, 0].tolist() == nbinom.ppf([0.05, 0.5, 0.95], n, p).tolist()
    assert (np.diff(found, axis=0) >= 0).all()


def test_level_cv2_is_the_variance_beyond_poisson():
    # m 40, V 200: (200 − 40)/40² = .1; no more than Poisson, and no demand: certain
    ours = level_cv2(np.array([40.0, 40.0, 0.0]), np.array([5.0, 0.8, 5.0]))
    assert ours == pytest.approx([0.1, 0, 0])


def test_every_reason_has_a_sentence_in_both_languages():
    assert set(REASON_TEXT) == set(MethodReason)
    assert all(ja.endswith("。") and en.endswith(".") for ja, en in REASON_TEXT.values())


def test_periods_count_from_today():
    assert Calendar(date(2026, 4, 1), 7).ends([-1, 0, 1]).tolist() == [
        pd.Timestamp("2026-03-25"),
        pd.Timestamp("2026-04-01"),
        pd.Timestamp("2026-04-08"),
    ]
    assert Calendar(date(2026, 4, 1)).ends([1]).tolist() == [pd.Timestamp("2026-04-02")]
    assert [Calendar(date(2026, 4, 1), 7).periods(days) for days in (1, 7, 8)] == [1, 1, 2]
