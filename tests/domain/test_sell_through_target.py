"""Early, on time, late, or nobody can tell: the verdict on a sell-out date."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.sell_through.target import (
    VERDICT,
    VERDICT_TEXT,
    SellOutVerdict,
    VerdictReason,
    judge_sell_out,
)

DAYS = 20


def reason(
    sold_out: list[float],
    *,
    has_stock: bool = True,
    season_end: float = 12,
    target: float = 10,
    tolerance: int = 2,
    is_outdated: bool = False,
) -> str:
    judged = judge_sell_out(
        np.array([sold_out]),
        has_stock=np.array([has_stock]),
        season_end=np.array([season_end]),
        target=np.array([target]),
        tolerance=np.array([tolerance]),
        is_outdated=np.array([is_outdated]),
    )
    return str(judged.reason[0])


def gone_on(day: int, days: int = DAYS) -> list[float]:
    return [float(d >= day) for d in range(1, days + 1)]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (8, VerdictReason.SOLD_OUT_EARLY),
        (9, VerdictReason.SOLD_OUT_ON_TIME),
        (12, VerdictReason.SOLD_OUT_ON_TIME),
        (13, VerdictReason.SOLD_OUT_LATE),
        (99, VerdictReason.SOLD_OUT_LATE),
    ],
)
def test_certain_days(day: int, expected: VerdictReason):
    assert reason(gone_on(day)) == expected


def test_what_cannot_be_told_and_why():
    none = float("nan")
    assert reason(gone_on(1), has_stock=False) == VerdictReason.NO_STOCK
    assert reason(gone_on(1), season_end=none, target=none) == VerdictReason.NO_SEASON_END
    assert reason([none] * DAYS) == VerdictReason.NO_FORECAST
    assert reason([none] * DAYS, is_outdated=True) == VerdictReason.FORECAST_OUTDATED
    assert reason(gone_on(99), is_outdated=True) == VerdictReason.SOLD_OUT_LATE
    assert reason(gone_on(99), season_end=50, target=48) == VerdictReason.BEYOND_HORIZON
    assert reason(gone_on(99), season_end=21, target=19) == VerdictReason.BEYOND_HORIZON
    vague = list(np.linspace(0.3, 0.7, DAYS))
    assert reason(vague) == VerdictReason.TOO_UNCERTAIN
    # a forecast whose last days have passed
    assert reason(gone_on(99)[:5] + [none] * 15) == VerdictReason.BEYOND_HORIZON


def test_gone_before_the_horizon_ends_is_early_for_a_target_beyond_it():
    assert reason(gone_on(3), season_end=50, target=48) == VerdictReason.SOLD_OUT_EARLY


def test_after_its_season_what_is_left_is_late():
    assert reason(gone_on(1), season_end=0, target=-14) == VerdictReason.PAST_SEASON_END
    assert reason([float("nan")] * DAYS, season_end=-9) == VerdictReason.PAST_SEASON_END
    assert reason(gone_on(9), season_end=5, target=-9) == VerdictReason.SOLD_OUT_LATE


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=DAYS),
    st.floats(1, 40),
    st.floats(0, 20),
    st.integers(0, 9),
)
def test_chances_add_up_and_the_verdict_is_the_likely_one(
    steps: list[float], end: float, window: float, tolerance: int
):
    sold_out = np.maximum.accumulate(np.array([steps]), axis=1)
    judged = judge_sell_out(
        sold_out,
        has_stock=np.array([True]),
        season_end=np.floor(np.array([end])),
        target=np.floor(np.array([end - window])),
        tolerance=np.array([tolerance]),
        is_outdated=np.array([False]),
    )
    verdict = VERDICT.get(VerdictReason(judged.reason[0]), SellOutVerdict.CANNOT_TELL)
    chances = {
        SellOutVerdict.EARLY: judged.early[0],
        SellOutVerdict.ON_TIME: judged.on_time[0],
        SellOutVerdict.LATE: judged.late[0],
    }
    known = [c for c in chances.values() if not np.isnan(c)]
    if len(known) == len(chances):
        assert sum(known) == pytest.approx(1)
    else:
        assert np.isnan(judged.late[0])
    assert all(c >= -1e-12 for c in known)
    if verdict in chances and judged.reason[0] != VerdictReason.PAST_SEASON_END:
        assert chances[verdict] >= 0.5


def test_every_reason_has_a_sentence():
    assert set(VERDICT_TEXT) == set(VerdictReason)
    assert set(VERDICT.values()) == set(SellOutVerdict) - {SellOutVerdict.CANNOT_TELL}
