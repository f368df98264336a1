"""適正完売日: the day by which stock should be sold out, and whether it will be early or late.

What is left on the target day has to be cleared in the time between it and the end of the season.
Stock that is gone long before leaves customers without; stock that is there long after is cleared
at a loss. The verdict is whichever of early, on time and late is more likely than not; where none
of them is, or where it cannot be known, it is 判定不能.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.domain.demand import Ints
from app.domain.sell_through.outlook import at_day
from app.domain.sell_through.stock_left import Floats

LIKELY = 0.5


class SellOutVerdict(StrEnum):
    EARLY = "early"  # 早期完売: gone so soon that customers will ask in vain
    ON_TIME = "on_time"  # 適正
    LATE = "late"  # 消化遅れ: still there when it should be gone
    CANNOT_TELL = "cannot_tell"  # 判定不能


class VerdictReason(StrEnum):
    """Why a verdict is what it is."""

    SOLD_OUT_EARLY = "sold_out_early"
    SOLD_OUT_ON_TIME = "sold_out_on_time"
    SOLD_OUT_LATE = "sold_out_late"
    PAST_SEASON_END = "past_season_end"
    NO_STOCK = "no_stock"
    NO_SEASON_END = "no_season_end"
    NO_FORECAST = "no_forecast"
    FORECAST_OUTDATED = "forecast_outdated"
    BEYOND_HORIZON = "beyond_horizon"
    TOO_UNCERTAIN = "too_uncertain"


VERDICT = {
    VerdictReason.SOLD_OUT_EARLY: SellOutVerdict.EARLY,
    VerdictReason.SOLD_OUT_ON_TIME: SellOutVerdict.ON_TIME,
    VerdictReason.SOLD_OUT_LATE: SellOutVerdict.LATE,
    VerdictReason.PAST_SEASON_END: SellOutVerdict.LATE,
}  # all others: cannot tell

# reason → (ja, en), one sentence for the console and the API; that of an outdated forecast names
# its first and last day and the day of the stock
VERDICT_TEXT = {
    VerdictReason.SOLD_OUT_EARLY: (
        "適正完売日より前に売り切れる見込みです。欠品による機会損失に注意してください。",
        "It will probably be gone before its target date: customers will ask for it in vain.",
    ),
    VerdictReason.SOLD_OUT_ON_TIME: (
        "適正完売日の前後に売り切れる見込みです。",
        "It will probably sell out around its target date.",
    ),
    VerdictReason.SOLD_OUT_LATE: (
        "適正完売日を過ぎても在庫が残る見込みです。値引きや移動を検討してください。",
        "It will probably still be there after its target date: think of a markdown or a transfer.",
    ),
    VerdictReason.PAST_SEASON_END: (
        "販売終了日を過ぎて在庫が残っています。",
        "The season has ended and there is stock left.",
    ),
    VerdictReason.NO_STOCK: (
        "在庫がないため判定できません。",
        "There is no stock to judge.",
    ),
    VerdictReason.NO_SEASON_END: (
        "販売終了日が登録されていないため、適正完売日がなく判定できません。",
        "No end of sales is known, so there is no target date to judge by.",
    ),
    VerdictReason.NO_FORECAST: (
        "需要予測がないため判定できません。",
        "There is no forecast of its demand to judge by.",
    ),
    VerdictReason.FORECAST_OUTDATED: (
        "需要予測（{first}〜{last}）が在庫日（{today}）までに終わっています。予測の更新が必要です。",
        "The forecast in force, {first} to {last}, ends by the day of stock, {today}: renew it.",
    ),
    VerdictReason.BEYOND_HORIZON: (
        "適正完売日が予測期間より先のため、まだ判定できません。",
        "Its target date lies beyond the horizon of the forecast: it is too soon to tell.",
    ),
    VerdictReason.TOO_UNCERTAIN: (
        "需要のばらつきが大きく、早い・適正・遅いのいずれとも言えません。",
        "Demand is too unsteady to tell: neither early nor on time nor late is likely.",
    ),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on n rows.

    Attributes:
        early: chance (n,) that it is gone before the tolerance begins; NaN where not known. Where
            that lies beyond the known days and the verdict is early, the least that it can be:
            the chance to be gone by the last of them.
        on_time, late: chances (n,), all three adding up to 1; NaN where they are not known.
        reason: `VerdictReason` (n,), which decides the verdict.
    """

    early: Floats
    on_time: Floats
    late: Floats
    reason: np.typing.NDArray[np.str_]


def judge_sell_out(
    sold_out: Floats,
    *,
    has_stock: np.typing.NDArray[np.bool_],
    season_end: Floats,
    target: Floats,
    tolerance: Ints,
    is_outdated: np.typing.NDArray[np.bool_],
) -> Judged:
    """Whether each stock will be sold out early, on time or late.

    Early is before the tolerance around the target begins, late is not yet when it ends. Where
    the end of it lies beyond the days that are known, early may still be told.

    Args:
        sold_out: chance (n, D) that the stock is gone by the end of each day; NaN where unknown.
        has_stock: (n,).
        season_end: day (n,) from now on which the season ends, 1 tomorrow; NaN: no end is known.
        target: day (n,) by which it should be gone; NaN as well then.
        tolerance: days (n,) around the target that are on time.
        is_outdated: whether there is a forecast (n,) where nothing is known, of days gone by.
    """
    has_end = ~np.isnan(season_end)
    day = np.where(has_end, np.nan_to_num(target), 0).astype(np.int64)
    nothing = np.zeros(len(day))
    known = np.isfinite(sold_out).sum(axis=1)
    has_forecast = known > 0
    first, last = day - tolerance, day + tolerance
    by_end = at_day(sold_out, known, nothing)
    before = at_day(sold_out, first, nothing)
    early = np.where(np.isnan(before), by_end, before)  # at least so much
    until = at_day(sold_out, last, nothing)
    knows_late = ~np.isnan(until)
    late = 1 - until
    on_time = until - before
    rules = [
        (~has_stock, VerdictReason.NO_STOCK),
        (~has_end, VerdictReason.NO_SEASON_END),
        (np.nan_to_num(season_end) <= 0, VerdictReason.PAST_SEASON_END),
        (~has_forecast & is_outdated, VerdictReason.FORECAST_OUTDATED),
        (~has_forecast, VerdictReason.NO_FORECAST),
        (early >= LIKELY, VerdictReason.SOLD_OUT_EARLY),
        (~knows_late, VerdictReason.BEYOND_HORIZON),
        (late >= LIKELY, VerdictReason.SOLD_OUT_LATE),
        (on_time >= LIKELY, VerdictReason.SOLD_OUT_ON_TIME),
    ]
    reason = np.select(
        [applies for applies, _ in rules],
        [reason.value for _, reason in rules],
        VerdictReason.TOO_UNCERTAIN.value,
    )
    judged = has_stock & has_end & has_forecast
    told = knows_late & judged
    tells_early = judged & (~np.isnan(before) | (early >= LIKELY))
    return Judged(
        early=np.where(tells_early, early, np.nan),
        on_time=np.where(told, on_time, np.nan),
        late=np.where(told, late, np.nan),
        reason=reason,
    )
