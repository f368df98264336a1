"""What speaks against an estimate, and what of it withholds the verdict."""

import pytest

from app.domain.campaign import Verdict, campaign_effect
from app.domain.doubts import DOUBT_TEXT, Doubt, EffectPolicy
from tests.domain.test_campaign import NOTHING, TERMS, change, effect, measured


@pytest.mark.parametrize(
    ("changes", "doubt", "verdict"),
    [
        ({"pre_periods": 13, "campaign_periods": 3}, Doubt.SHORT_HISTORY, Verdict.UNDECIDED),
        ({"campaign": change(90, 29, 1)}, Doubt.FEW_BASELINE_UNITS, Verdict.UNDECIDED),
        ({"campaign": NOTHING}, Doubt.FEW_BASELINE_UNITS, Verdict.UNDECIDED),
        ({"control_units": 7}, Doubt.FEW_CONTROLS, Verdict.UNDECIDED),
        ({"pre_periods": 27}, Doubt.SHORT_PRE_PERIOD, Verdict.EFFECTIVE),
        ({"pre_trend_p_value": 0.01}, Doubt.PRE_TREND, Verdict.EFFECTIVE),
        ({"pre_trend_p_value": None}, None, Verdict.EFFECTIVE),
    ],
)
def test_doubts(changes, doubt, verdict):
    answer = effect(measured(**changes))
    assert answer.doubts == (() if doubt is None else (doubt,))
    assert answer.verdict is verdict


def test_weeks_of_history_count_as_days():
    weeks = measured(pre_periods=4, campaign_periods=1)
    assert effect(weeks).doubts == (Doubt.SHORT_HISTORY,)
    assert campaign_effect(weeks, TERMS, period_days=7, policy=EffectPolicy()).doubts == ()


def test_a_campaign_that_goes_on_is_judged_so_far():
    answer = effect(is_unfinished=True)
    assert answer.doubts == (Doubt.UNFINISHED,)
    assert answer.verdict is Verdict.EFFECTIVE


def test_every_doubt_has_its_sentence():
    assert DOUBT_TEXT.keys() == set(Doubt)
    assert all(ja.endswith("。") and en.endswith(".") for ja, en in DOUBT_TEXT.values())
