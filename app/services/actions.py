"""What to do about a verdict, as a merchandiser would be told it."""

from collections.abc import Hashable
from datetime import date, timedelta
from typing import Any

import numpy as np

from app.domain.sell_hold import Decision

FEW_UNITS = 0.5  # expected: less is no sale at all


def recommended_action(
    row: dict[Hashable, Any], as_of: date, segments: list[str]
) -> dict[str, Any]:
    """The action that follows from a verdict: its kind, its plan, and a sentence.

    ``markdown``: set ``depth`` now; ``liquidate``: its sales have ended and no price of ours brings
    more than clearing it; ``hold``; ``restore``: a discount is in force that full price would do
    better without; ``review``: look again; ``none``.

    Args:
        row: of ``deciding.verdicts``.
        as_of: the day of the verdict; action begins the day after.
        segments: CPM cells worth holding it for.
    """
    kind = _kind(row)
    depth = {"markdown": row["depth_now"], "restore": 0.0}.get(kind)
    is_stepped = kind in {"markdown", "hold", "review"}
    then_on = week_after(as_of, row["change_week"]) if is_stepped else None
    sold = {
        "markdown": row["expected_units_sell"],
        "restore": row["expected_units_full_price"],
        "liquidate": 0.0,
    }.get(kind, row["expected_units_hold"])
    ja, en = _sentence(kind, row)
    if then_on is not None:
        ja += f"、{then_on}に{row['depth_later']:.0%}引きを検討"
        en += f"; consider {row['depth_later']:.0%} off on {then_on}"
    return {
        "kind": kind,
        "depth": None if depth is None else rounded(depth, 4),
        "start_on": None if depth is None else (as_of + timedelta(days=1)).isoformat(),
        "then_depth": rounded(row["depth_later"], 4) if then_on else None,
        "then_on": then_on,
        "target_segments": segments if kind in {"hold", "restore", "review"} else [],
        "expected_units_sold": rounded(sold, 2),
        "expected_units_left": rounded(max(row["on_hand"] - sold, 0.0), 2),
        "ja": ja,
        "en": en,
    }


def _kind(row: dict[Hashable, Any]) -> str:
    if row["decision"] == Decision.SELL:
        return "liquidate" if row["is_past_end"] and row["advantage"] <= 0 else "markdown"
    if row["decision"] == Decision.HOLD and row["is_needless_discount"]:
        return "restore"
    return {Decision.HOLD: "hold", Decision.WATCH: "review", Decision.NONE: "none"}[row["decision"]]


def _sentence(kind: str, row: dict[Hashable, Any]) -> tuple[str, str]:
    depth = row["depth_now"]
    match kind:
        case "markdown":
            return f"今すぐ{depth:.0%}値引きで売り切る", f"mark down by {depth:.0%} now"
        case "liquidate":
            return (
                "販売終了日を過ぎており、値引きでも売れないため一括処分する",
                "its sales have ended and a markdown does not move it: clear it in one go",
            )
        case "restore":
            return (
                f"{row['current_depth']:.0%}引きは不要: 定価に戻して寝かせる",
                f"{row['current_depth']:.0%} off is needless: return to the full price and hold",
            )
        case "hold" if depth == 0:
            return "値引きせずに寝かせる", "keep the full price"
        case "hold":
            return f"現在の{depth:.0%}引きのまま寝かせる", f"keep today's {depth:.0%} off"
        case "review" if row["expected_units_sell"] < FEW_UNITS:
            return (
                "値引きしても売れる見込みがない: 処分やセット販売を検討",
                "a markdown would not move it either: consider clearing or bundling it",
            )
        case "review":
            return (
                "売っても寝かせても差が小さい: 見直し日まで様子を見る",
                "selling and holding are too close to call: look again on the review date",
            )
        case _:
            return "在庫がない", "nothing in stock"


def rounded(number: float, digits: int) -> float:
    """The number as it is published; never -0.0."""
    return round(number, digits) + 0.0


def week_after(day: date, weeks: float) -> str | None:
    """The day so many weeks on; None for NaN weeks."""
    return None if np.isnan(weeks) else (day + timedelta(weeks=int(weeks))).isoformat()
