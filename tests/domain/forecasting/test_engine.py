"""The forecast of a data set, piece by piece."""

import pickle
from datetime import date
from functools import reduce
from operator import add

import numpy as np
import pytest

from app.domain.forecasting import engine
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.method_reason import MethodReason
from app.domain.forecasting.pattern import CLASSES
from app.domain.forecasting.reason_text import REASON_TEXT
from app.domain.forecasting.settings import ForecastSettings, ProphetSetup

DAYS, WEEKS = Calendar(date(2024, 6, 30)), Calendar(date(2024, 6, 30), 7)
SETTINGS = ForecastSettings(prophet=ProphetSetup(country=None))


class Curve:
    """All new items sell two a period."""

    def forecast(self, demand, lookalike, horizon):
        return np.full((len(demand), horizon), 2.0)


def shop(seed=1, n=40, periods=200, latest=None):
    """Series of all kinds, most of them slow, in four groups."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.5, 2.0, (n, 1)) * (1 + 0.5 * (np.arange(periods) % 7 >= 5))
    demand = rng.poisson(rate).astype(float)
    start = rng.integers(0, latest or max(periods - 10, 1), n)
    demand[np.arange(periods) < start[:, None]] = np.nan
    group = np.arange(n) % 4
    totals = np.zeros((4, periods))
    np.add.at(totals, group, np.nan_to_num(demand))
    return demand, group, totals


def run(demand, group, totals, pieces, *, horizon=30, calendar=DAYS, **known):
    shared = engine.prepare_shared(
        totals, calendar=calendar, horizon=horizon, settings=SETTINGS, launch=known.get("launch")
    )
    lookalike = known.get("lookalike", np.full(len(demand), -1))
    parts = [engine.Series(demand[rows], group[rows], lookalike[rows]) for rows in pieces]
    choice = engine.choose(
        reduce(add, [engine.selection_scores(part, shared) for part in parts]), SETTINGS
    )
    return choice, [engine.forecast(part, shared, choice) for part in parts]


def test_the_answer_does_not_depend_on_the_pieces():
    demand, group, totals = shop()
    whole_choice, (whole,) = run(demand, group, totals, [slice(None)])
    order = np.random.default_rng(3).permutation(40)
    pieces = [order[:1], order[1:15], order[15:15], order[15:]]
    choice, parts = run(demand, group, totals, pieces)
    assert choice.members.masks == whole_choice.members.masks
    assert (choice.cv2 == whole_choice.cv2).all()
    for rows, part in zip(pieces, parts, strict=True):
        assert part.mean == pytest.approx(whole.mean[rows], abs=1e-9)
        assert part.dispersion == pytest.approx(whole.dispersion[rows], abs=1e-9)
        assert part.demand_class.tolist() == whole.demand_class[rows].tolist()
        assert part.method == [whole.method[row] for row in rows]
    accuracy = reduce(add, [part.accuracy for part in parts])
    assert accuracy.values == pytest.approx(whole.accuracy.values, abs=1e-9)
    assert accuracy.lead_time == pytest.approx(whole.accuracy.lead_time)


def test_everything_can_be_sent_to_another_process():
    demand, group, totals = shop(n=8)
    shared = engine.prepare_shared(totals, calendar=DAYS, horizon=9, settings=SETTINGS)
    part = engine.Series(demand, group, np.full(8, -1))
    scores = engine.selection_scores(part, pickle.loads(pickle.dumps(shared)))
    choice = engine.choose(pickle.loads(pickle.dumps(scores)), SETTINGS)
    found = engine.forecast(part, shared, pickle.loads(pickle.dumps(choice)))
    assert (pickle.loads(pickle.dumps(found)).mean == found.mean).all()


def test_a_forecast_is_a_number_of_units_and_says_how_it_came_about():
    demand, group, totals = shop()
    _, (found,) = run(demand, group, totals, [slice(None)], horizon=182)
    assert found.mean.shape == found.dispersion.shape == (40, 182)
    assert np.isfinite(found.mean).all()
    assert (found.mean >= 0).all()
    assert (found.dispersion >= 0).all()
    assert found.sum_variance[:, 6] == pytest.approx(
        found.dispersion[:, 6] * found.mean[:, :7].sum(axis=1)
    )
    assert set(found.demand_class) <= set(CLASSES)
    assert all(REASON_TEXT[reason] for reason in found.reason)
    assert found.failure == [None] * 40
    models = {row["model"] for row in found.accuracy.rows()}
    assert {"ensemble", "prophet", "top_down", "tsb", "imapa", "plain_prophet"} <= models


def test_a_week_has_the_course_of_its_aggregate():
    demand, group, totals = shop(n=400, latest=20)
    _, (found,) = run(demand, group, totals, [slice(None)], horizon=14)
    by_day = found.mean.sum(axis=0)
    weekend = [day for day in range(14) if (200 + day) % 7 >= 5]
    weekdays = [day for day in range(14) if (200 + day) % 7 < 5]
    assert by_day[weekend].mean() / by_day[weekdays].mean() == pytest.approx(1.5, rel=0.15)


def test_rows_that_hold_no_numbers_are_reported_and_disturb_nobody():
    demand, group, totals = shop()
    _, (clean,) = run(demand, group, totals, [slice(None)])
    infinite, gap = np.full((1, 200), 3.0), np.full((1, 200), 3.0)
    infinite[0, 77], gap[0, 99] = np.inf, np.nan
    absurd = np.full((1, 200), 1e300)
    negative, never = np.full((1, 200), -5.0), np.full((1, 200), np.nan)
    more = np.vstack([infinite, demand, gap, negative, never, absurd])
    groups = np.concatenate([[0], group, [1, -1, 2, 3]])
    _, (found,) = run(more, groups, totals, [slice(None)])
    assert [row for row, failure in enumerate(found.failure) if failure] == [0, 41, 44]
    assert {found.reason[row] for row in (0, 41, 44)} == {MethodReason.UNUSABLE}
    assert found.demand_class[[0, 41, 43, 44]].tolist() == ["new"] * 4
    assert found.demand_class[42] == "inactive"
    assert np.isfinite(found.mean).all()
    settled = [r for r in range(40) if clean.reason[r] != MethodReason.NEW]
    assert found.mean[1:41][settled] == pytest.approx(clean.mean[settled])


@pytest.mark.parametrize("calendar", [DAYS, WEEKS])
@pytest.mark.parametrize("periods", [0, 1, 2, 5, 27, 28, 29, 57, 120])
def test_histories_of_any_length(calendar, periods):
    demand = np.random.default_rng(2).poisson(1.0, (12, periods)).astype(float)
    demand[3] = np.nan
    demand[4] = 0.0
    demand[5] = 1e12
    totals = demand[:3].sum(axis=0, keepdims=True)
    _, (found,) = run(demand, np.zeros(12, np.int64), totals, [slice(None)], calendar=calendar)
    assert found.mean.shape == (12, 30)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.dispersion).all()
    assert found.failure == [None] * 12


def test_no_series_and_no_aggregates():
    demand, totals = np.zeros((0, 200)), np.zeros((0, 200))
    _, (found,) = run(demand, np.zeros(0, np.int64), totals, [slice(None)])
    assert found.mean.shape == (0, 30)
    demand = np.ones((3, 200))
    _, (found,) = run(demand, np.full(3, -1), totals, [slice(None)])
    assert found.mean == pytest.approx(np.ones((3, 30)), abs=0.05)
    assert all("top_down" not in method for method in found.method)


def test_a_short_history_is_said_to_be_one():
    demand, group, totals = shop(periods=70)
    _, (found,) = run(demand, group, totals, [slice(None)])
    assert set(found.reason) <= {MethodReason.SHORT_BACKTEST, MethodReason.NEW}


@pytest.mark.parametrize("horizon", [1, 3, 3650])
def test_horizons_within_reach(horizon):
    demand, group, totals = shop(n=4)
    _, (found,) = run(demand, group, totals, [slice(None)], horizon=horizon)
    assert found.mean.shape == (4, horizon)
    assert np.isfinite(found.sum_variance).all()


@pytest.mark.parametrize(
    ("calendar", "horizon", "most"), [(DAYS, 0, 3650), (DAYS, 3651, 3650), (WEEKS, 522, 521)]
)
def test_horizons_beyond_reach_are_refused(calendar, horizon, most):
    with pytest.raises(ValueError, match=f"between 1 and {most} periods"):
        engine.prepare_shared(
            np.zeros((0, 9)), calendar=calendar, horizon=horizon, settings=SETTINGS
        )


def test_a_piece_must_be_as_wide_as_its_aggregates():
    shared = engine.prepare_shared(np.ones((1, 9)), calendar=DAYS, horizon=3, settings=SETTINGS)
    part = engine.Series(np.ones((1, 8)), np.zeros(1, np.int64), np.full(1, -1))
    with pytest.raises(ValueError, match="8 periods, its aggregates 9"):
        engine.selection_scores(part, shared)


def test_new_items_borrow_from_similar_ones_or_from_what_is_usual():
    demand, group, totals = shop()
    demand[:3] = np.nan
    demand[:3, -4:] = 1.0
    lookalike = np.full(40, -1)
    lookalike[:2] = 0
    _, (found,) = run(demand, group, totals, [slice(None)], launch=Curve(), lookalike=lookalike)
    assert found.mean[:2, :28].reshape(2, 4, 7).mean(axis=2) == pytest.approx(np.full((2, 4), 2.0))
    assert found.reason[:3] == [MethodReason.BORROWED] * 2 + [MethodReason.NEW]
    assert found.method[:3] == ["launch_curve", "launch_curve", "shrunken_mean"]
    assert 0 < found.mean[2, 0] < 1.0 + found.mean.max()


def test_known_promotions_multiply_the_mean_and_keep_its_spread():
    demand, group, totals = shop(n=4)
    shared = engine.prepare_shared(totals, calendar=DAYS, horizon=5, settings=SETTINGS)
    lookalike = np.full(4, -1)
    plain = engine.Series(demand, group, lookalike)
    twice = engine.Series(demand, group, lookalike, np.full((4, 5), 2.0))
    choice = engine.choose(engine.selection_scores(plain, shared), SETTINGS)
    without, with_it = (engine.forecast(one, shared, choice) for one in (plain, twice))
    assert with_it.mean == pytest.approx(2 * without.mean)
    assert (with_it.dispersion == without.dispersion).all()


def test_a_steady_seller_of_a_small_shop_is_as_sure_as_its_own_past():
    rng = np.random.default_rng(5)
    demand = rng.poisson(10.0, (24, 540)).astype(float)
    totals = demand.sum(axis=0, keepdims=True)
    _, (found,) = run(demand, np.zeros(24, np.int64), totals, [slice(None)], horizon=91)
    spread = np.sqrt(found.sum_variance[:, 62] / np.cumsum(found.mean, axis=1)[:, 62] ** 2)
    own = np.std(demand[:, :504].reshape(24, 8, 63).sum(axis=2), axis=1) / 630
    assert np.median(spread) < 3 * np.median(own)  # of 63 days; with CV 0.7 it was ten times that
