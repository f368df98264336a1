"""The verdict as it is published: one JSON object per SKU and location, frozen as it is given."""

from collections.abc import Hashable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from app.domain.sell_hold import Decision
from app.services.policies import PolicyInForce
from app.services.valuation import Valuation


def answers(
    decided: pd.DataFrame,
    *,
    inputs: list[str],
    as_of: date,
    in_force: PolicyInForce,
    currency: str,
    valuation: Valuation | None,
) -> list[dict[str, Any]]:
    """The verdicts of ``deciding.verdicts`` as they are published.

    ``inputs`` names the columns that the verdict depends on: same inputs, same hash.
    """
    hashes = pd.util.hash_pandas_object(decided[inputs], index=False)
    segments = valuation.segment_shares if valuation else {}
    segment_ltv: dict[str, float] = {}
    if valuation:
        means = valuation.customers.groupby("cpm_segment")["ltv"].mean()
        segment_ltv = {str(segment): mean for segment, mean in means.items()}
    return [
        _answer(
            row,
            digest,
            _worth_holding_for(segments.get(row["sku_id"], {}), segment_ltv),
            as_of=as_of,
            segments_as_of=as_of.isoformat() if valuation else None,
            version=in_force.version,
            currency=currency,
        )
        for row, digest in zip(decided.to_dict("records"), hashes.to_list(), strict=True)
    ]


def _answer(
    row: dict[Hashable, Any],
    digest: int,
    targets: list[str],
    *,
    as_of: date,
    segments_as_of: str | None,
    version: int,
    currency: str,
) -> dict[str, Any]:
    return {
        "sku_id": row["sku_id"],
        "location_id": row["location_id"],
        "decision": str(row["decision"]),
        "sell_score": round(row["sell_score"], 2),
        "hold_score": round(100 - round(row["sell_score"], 2), 2),
        "advantage": round(row["advantage"], 2),
        "probability_sell": round(row["probability_sell"], 4),
        "on_hand": row["on_hand"],
        "surplus_units": round(row["surplus_units"], 2),
        "full_price_sellout_probability": round(row["full_price_sellout_probability"], 4),
        "is_needless_discount": bool(row["is_needless_discount"]),
        "current_depth": round(row["current_depth"], 4),
        "break_even_discount": _rounded(row["break_even_discount"]),
        "recommended_action": _action(row, as_of, targets),
        "review_on": _week_after(as_of, row["review_week"]),
        "reasons": [
            {
                "code": reason.code,
                "points": round(reason.points, 4),
                "amount": round(reason.amount, 2),
                "ja": reason.text_ja,
                "en": reason.text_en,
            }
            for reason in row["reasons"]
        ],
        "data_flags": _flags(row),
        "segments_as_of": segments_as_of,
        "evaluated_on": as_of.isoformat(),
        "policy_version": version,
        "input_hash": f"{digest ^ version:016x}",
        "currency": currency,
    }


def _rounded(number: float) -> float | None:
    return None if np.isnan(number) else round(number, 4)


def _week_after(day: date, weeks: float) -> str | None:
    return None if np.isnan(weeks) else (day + timedelta(weeks=int(weeks))).isoformat()


def _worth_holding_for(shares: dict[str, float], ltv: dict[str, float]) -> list[str]:
    """Up to three segments that bring most of the value of a SKU's buyers."""
    worth = sorted(shares, key=lambda name: -shares[name] * ltv.get(name, 0.0))
    return worth[:3]


def _action(row: dict[Hashable, Any], as_of: date, segments: list[str]) -> dict[str, Any]:
    decision, depth, later = row["decision"], row["depth_now"], row["depth_later"]
    then_on = _week_after(as_of, row["change_week"])
    is_sell = decision == Decision.SELL
    kind = {
        Decision.SELL: "markdown",
        Decision.HOLD: "hold",
        Decision.WATCH: "review",
        Decision.NONE: "none",
    }[decision]
    sold = row["expected_units_sell"] if is_sell else row["expected_units_hold"]
    ja = {
        "markdown": f"今すぐ{depth:.0%}値引きで売り切る",
        "hold": "値引きせずに寝かせる" if depth == 0 else f"現在の{depth:.0%}引きのまま保つ",
        "review": "判断が割れる: 見直し日まで様子を見る",
        "none": "在庫がない",
    }[kind]
    en = {
        "markdown": f"mark down by {depth:.0%} now",
        "hold": "keep the full price" if depth == 0 else f"keep today's {depth:.0%} off",
        "review": "too close to call: look again on the review date",
        "none": "nothing in stock",
    }[kind]
    if then_on is not None and kind != "none":
        ja += f"、{then_on}に{later:.0%}引きを検討"
        en += f"; consider {later:.0%} off on {then_on}"
    return {
        "kind": kind,
        "depth": round(depth, 4) if is_sell else None,
        "start_on": (as_of + timedelta(days=1)).isoformat() if is_sell else None,
        "then_depth": round(later, 4) if then_on else None,
        "then_on": then_on,
        "target_segments": [] if is_sell or kind == "none" else segments,
        "expected_units_sold": round(sold, 2),
        "expected_units_left": round(max(row["on_hand"] - sold, 0.0), 2),
        "ja": ja,
        "en": en,
    }


def _flags(row: dict[Hashable, Any]) -> list[str]:
    named = {
        "derived_stock": row["is_derived"],
        "derived_cost": row["is_cost_derived"],
        "derived_list_price": row["is_price_derived"],
        "assumed_cost": not row["has_cost"],
        "negative_stock": row["on_hand"] < 0,
        "no_sales_history": not row["has_forecast"],
        "average_buyer_ltv": not row["has_own_ltv"],
        "default_elasticity": True,
    }
    return [name for name, holds in named.items() if holds]
