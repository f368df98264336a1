"""Why a verdict is what it is: the components of its advantage, in points, money and words."""

from dataclasses import dataclass

import pandas as pd

from app.domain.price_path import COMPONENTS


@dataclass(frozen=True, slots=True)
class Reason:
    """One component of a verdict; points and amount are above zero where it speaks for selling."""

    code: str  # one of COMPONENTS
    points: float  # of the sell score
    amount: float  # money
    text_ja: str
    text_en: str


_SUBJECTS = {
    "cash": ("現金化", "Cash from sales"),
    "holding": ("保管・資本", "Storage and capital"),
    "salvage": ("残価・陳腐化", "Value of what is left over"),
    "gateway": ("入口商品", "A gateway for new customers"),
    "ltv_risk": ("優良客のLTV", "LTV of the customers who buy it"),
    "brand": ("ブランド毀損", "Damage to the brand's price"),
    "ops": ("値札替えの手間", "Work of changing prices"),
}


def reasons(decisions: pd.DataFrame, currency: str = "JPY") -> list[list[Reason]]:
    """Explain verdicts: the components that tell selling from holding, weightiest first.

    Args:
        decisions: rows of what `decide` returned; of its columns ``advantage_*`` and
            ``points_*`` are read.
        currency: ISO code for the sentences.

    Returns:
        Reasons per row. Their points sum to ``sell_score`` - 50 and their amounts to
        ``advantage``; a component that makes no difference is left out. The sentences state
        money and points, or money only where components beyond ±100 points cancel out.
    """
    amounts = decisions[[f"advantage_{code}" for code in COMPONENTS]].to_numpy()
    points = decisions[[f"points_{code}" for code in COMPONENTS]].to_numpy()
    explained = []
    for row in zip(amounts.tolist(), points.tolist(), strict=True):
        is_cancelling = max(map(abs, row[1])) > 100
        told = [
            _reason(code, amount, point, currency, is_cancelling)
            for code, amount, point in zip(COMPONENTS, *row, strict=True)
            if amount != 0
        ]
        explained.append(sorted(told, key=lambda reason: -abs(reason.points)))
    return explained


def _reason(code: str, amount: float, points: float, currency: str, is_cancelling: bool) -> Reason:
    ja, en = _SUBJECTS[code]
    if currency == "JPY":
        money = f"{int(abs(amount) + 0.5):,}"  # half up, as yen are rounded everywhere
        yen = f"{money}円"
    else:
        money = f"{abs(amount):,.2f}"
        yen = f"{currency} {money}"
    ja = f"{ja}:売り切るほうが{yen}{'有利' if amount > 0 else '不利'}"
    en = f"{en}: selling now is {currency} {money} {'better' if amount > 0 else 'worse'}"
    if not is_cancelling:
        told = f"{points:+.1f}" if abs(points) >= 0.05 else "±0.0"
        ja, en = f"{ja}({told}点)", f"{en} ({told} points)"
    return Reason(code, points, amount, ja, en)
