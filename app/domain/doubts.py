"""What speaks against the measured effect of a campaign, and when it is not believed at all."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.diff_in_diff import DiffInDiff


class Doubt(StrEnum):
    """What speaks against the estimate; the first three withhold the verdict."""

    SHORT_HISTORY = "short_history"  # 施策前の期間が短すぎる
    FEW_BASELINE_UNITS = "few_baseline_units"  # 施策なしの見込み販売数が少なすぎる
    FEW_CONTROLS = "few_controls"  # 対照が少なすぎる
    SHORT_PRE_PERIOD = "short_pre_period"  # 施策期間に比べて施策前の期間が短い
    PRE_TREND = "pre_trend"  # 施策前から対照と傾向が違う
    UNFINISHED = "unfinished"  # 施策がまだ終わっていない


# doubt → (ja, en), one sentence for the console and the API
DOUBT_TEXT = {
    Doubt.SHORT_HISTORY: (
        "施策前の期間が短すぎるため判定できません。",
        "The time before the campaign is too short to tell.",
    ),
    Doubt.FEW_BASELINE_UNITS: (
        "施策なしの見込み販売数が少なすぎるため判定できません。",
        "Too few units would have sold without the campaign to tell.",
    ),
    Doubt.FEW_CONTROLS: (
        "比較できる対照商品が少なすぎるため判定できません。",
        "Too few items are left to compare with.",
    ),
    Doubt.SHORT_PRE_PERIOD: (
        "施策期間に比べて施策前の期間が短いため、推定は不確かです。",
        "The time before is short against the campaign: the estimate is unsure.",
    ),
    Doubt.PRE_TREND: (
        "施策前から対照商品と傾向が違うため、効果は施策以外の要因かもしれません。",
        "Its items went another way than the controls before it already.",
    ),
    Doubt.UNFINISHED: (
        "施策がまだ終わっていないため、途中経過です。",
        "The campaign has not ended yet: this is how it stands so far.",
    ),
}
WITHHOLDING = {Doubt.SHORT_HISTORY, Doubt.FEW_BASELINE_UNITS, Doubt.FEW_CONTROLS}


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectPolicy:
    """From when on an estimate is believed."""

    min_pre_days: int = 14
    min_baseline_units: float = 30.0  # counterfactual units in the campaign window
    min_controls: int = 8
    min_pre_multiple: float = 4.0  # length of the pre-period, in campaign lengths
    pre_trend_level: float = 0.05  # p-value below which earlier trends differ
    counted_z: float = 1.0  # side effects below this many standard errors are only shown
    # share sold that would have sold anyway, from which a discount short of break-even is
    # needless even while the loss is within the error; above 1: only proven losses are
    needless_share: float = 0.7


def doubts_about(
    measured: DiffInDiff, period_days: int, policy: EffectPolicy, *, is_unfinished: bool
) -> tuple[Doubt, ...]:
    """The doubts that apply to an estimate from periods of so many days, in their order."""
    baseline, trend = measured.campaign.counterfactual, measured.pre_trend_p_value
    least_periods = policy.min_pre_multiple * measured.campaign_periods
    speaks_against = {
        Doubt.SHORT_HISTORY: measured.pre_periods * period_days < policy.min_pre_days,
        Doubt.FEW_BASELINE_UNITS: baseline is None or baseline < policy.min_baseline_units,
        Doubt.FEW_CONTROLS: measured.control_units < policy.min_controls,
        Doubt.SHORT_PRE_PERIOD: measured.pre_periods < least_periods,
        Doubt.PRE_TREND: trend is not None and trend < policy.pre_trend_level,
        Doubt.UNFINISHED: is_unfinished,
    }
    return tuple(doubt for doubt, holds in speaks_against.items() if holds)
