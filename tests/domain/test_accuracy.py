"""Measures of forecast accuracy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.accuracy import (
    Origin,
    accuracy_table,
    bias,
    coverage,
    rmsse,
    rolling_origin,
    scaled_pinball,
    wape,
)

HISTORY = np.array([[np.nan, 2.0, 4.0, 1.0]])  # changes 2 and -3
ACTUAL = np.array([[3.0, 5.0]])
FORECAST = np.array([[4.0, 2.0]])


def test_by_hand():
    assert rmsse(HISTORY, ACTUAL, FORECAST) == pytest.approx([np.sqrt((1 + 9) / 2 / 6.5)])
    assert wape(ACTUAL, FORECAST) == pytest.approx(4 / 8)
    assert bias(ACTUAL, FORECAST) == pytest.approx(-2 / 8)
    quantiles = np.array([[[2.0, 2.0], [4.0, 5.0]]])  # 10 % and 90 %
    # 10 %: .1·1 + .1·3; 90 %: .1·1 + 0; four cells; the mean change is 2.5
    expected = (0.1 + 0.3 + 0.1 + 0) / 4 / 2.5
    assert scaled_pinball(HISTORY, ACTUAL, quantiles, [0.1, 0.9]) == pytest.approx([expected])
    assert coverage(ACTUAL, quantiles).tolist() == [[0, 1]]


def test_last_weeks_demand_scores_one_on_average():
    rng = np.random.default_rng(5)
    walk = 1000 + np.cumsum(rng.normal(0, 3, (2000, 101)), axis=1)
    score = rmsse(walk[:, :100], walk[:, 100:], walk[:, 99:100])
    assert np.mean(score**2) == pytest.approx(1, abs=0.1)


def test_what_never_changes_has_no_scale():
    flat = np.array([[5.0, 5.0, 5.0], [np.nan, np.nan, 5.0]])
    one = np.ones((2, 1))
    assert np.isnan(rmsse(flat, one, one)).all()
    assert np.isnan(scaled_pinball(flat, one, np.ones((2, 1, 1)), [0.5])).all()
    assert np.isnan(wape(np.zeros((2, 1)), one))
    assert np.isnan(bias(np.zeros((2, 1)), one))


cells = st.lists(st.integers(0, 99), min_size=6, max_size=6)


@settings(deadline=None, max_examples=40)
@given(cells, cells, cells, st.floats(0.01, 100))
def test_scores_do_not_depend_on_the_unit(history, actual, forecast, scale):
    h, a, f = (np.array([row], dtype=float) for row in (history, actual, forecast))
    assert rmsse(h * scale, a * scale, f * scale) == pytest.approx(rmsse(h, a, f), nan_ok=True)
    assert wape(a * scale, f * scale) == pytest.approx(wape(a, f), nan_ok=True)
    ours = scaled_pinball(h, a, f[:, None], [0.9])
    assert scaled_pinball(h * scale, a * scale, f[:, None] * scale, [0.9]) == pytest.approx(
        ours, nan_ok=True
    )


@settings(deadline=None, max_examples=40)
@given(cells, cells, st.floats(0.01, 0.99))
def test_pinball_agrees_with_its_definition(actual, forecast, level):
    history = np.array([[0.0, 1.0]])
    loss = [
        level * (y - q) if y >= q else (1 - level) * (q - y)
        for y, q in zip(actual, forecast, strict=True)
    ]
    ours = scaled_pinball(history, np.array([actual]), np.array([[forecast]]), [level])
    assert ours == pytest.approx([np.mean(loss)])


def test_the_true_quantile_has_the_least_pinball_loss():
    demand = np.random.default_rng(2).poisson(10, (1, 20000)).astype(float)
    history = np.array([[0.0, 1.0]])
    loss = [
        scaled_pinball(history, demand, np.full((1, 1, 20000), q), [0.9])[0] for q in range(10, 19)
    ]
    assert np.argmin(loss) + 10 == 14  # Poisson(10): P(X ≤ 13) = .864, P(X ≤ 14) = .917


def test_origins_walk_back_and_leave_out_what_was_not_yet_on_sale():
    demand = np.array([[1.0, 2, 3, 4, 5, 6], [np.nan, np.nan, np.nan, 7, 8, 9]])
    late, early = rolling_origin(demand, horizon=2, origins=2, step=1)
    assert (late.weeks_known, late.rows.tolist()) == (4, [0, 1])
    assert late.actual.tolist() == [[5, 6], [8, 9]]
    assert (early.weeks_known, early.rows.tolist()) == (3, [0])
    assert early.history.tolist() == [[1, 2, 3]]
    assert early.actual.tolist() == [[4, 5]]


def test_too_many_origins_are_refused():
    with pytest.raises(ValueError, match="too short"):
        list(rolling_origin(np.ones((1, 6)), horizon=4, origins=3, step=1))


def test_the_table_has_a_row_for_each_group_and_one_for_all():
    demand = np.array([[1.0, 3, 5, 5], [2, 0, 4, 0], [9, 9, 9, 9]])
    origin = next(rolling_origin(demand, horizon=2, origins=1, step=1))
    forecasts = pd.DataFrame(
        {
            "demand_class": ["smooth", "lumpy", "smooth"],
            "yhat": [np.array([5.0, 5]), np.array([2.0, 2]), np.array([9.0, 9])],
            "quantiles": [np.full((1, 2), u) for u in (6.0, 3.0, 9.0)],
        }
    )
    table = accuracy_table(origin, forecasts, [0.9], by="demand_class")
    assert table.index.tolist() == ["lumpy", "smooth", "all"]
    assert table.series.tolist() == [1, 2, 3]
    assert table.rmsse.tolist() == [1, 0, 0.5]  # the flat series has none
    assert table.wape.tolist() == [1, 0, pytest.approx(4 / 32)]
    assert table.total_wape.tolist() == [0, 0, 0]
    assert table.bias.tolist() == [0, 0, 0]
    assert table["coverage_0.9"].tolist() == pytest.approx([0.5, 1, 5 / 6])


def test_no_series_no_numbers():
    empty = Origin(3, np.array([], dtype=int), np.ones((0, 3)), np.ones((0, 2)))
    assert rmsse(empty.history, empty.actual, empty.actual).shape == (0,)
    assert np.isnan(wape(empty.actual, empty.actual))
