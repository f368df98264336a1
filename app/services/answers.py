"""The verdict as it is published: one JSON object per SKU and location, frozen as it is given."""

from collections.abc import Hashable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from app.services.actions import recommended_action, rounded, week_after
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
    course = decided["yhat"].map(lambda yhat: "" if yhat is None else np.asarray(yhat).tobytes())
    known = decided[inputs].assign(course=course, currency=currency)
    hashes = pd.util.hash_pandas_object(known, index=False)
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
        "sell_score": rounded(row["sell_score"], 2),
        "hold_score": rounded(100 - round(row["sell_score"], 2), 2),
        "advantage": rounded(row["advantage"], 2),
        "probability_sell": rounded(row["probability_sell"], 4),
        "on_hand": row["on_hand"],
        "surplus_units": rounded(row["surplus_units"], 2),
        "full_price_sellout_probability": rounded(row["full_price_sellout_probability"], 4),
        "is_needless_discount": bool(row["is_needless_discount"]),
        "current_depth": rounded(row["current_depth"], 4),
        "break_even_discount": (
            None if np.isnan(row["break_even_discount"]) else rounded(row["break_even_discount"], 4)
        ),
        "recommended_action": recommended_action(row, as_of, targets),
        "review_on": week_after(as_of, row["review_week"]),
        "reasons": [
            {
                "code": reason.code,
                "points": rounded(reason.points, 4),
                "amount": rounded(reason.amount, 2),
                "ja": reason.text_ja,
                "en": reason.text_en,
            }
            for reason in row["reasons"]
            if rounded(reason.points, 4) or rounded(reason.amount, 2)
        ],
        "data_flags": _flags(row),
        "segments_as_of": segments_as_of,
        "evaluated_on": as_of.isoformat(),
        "policy_version": version,
        "input_hash": f"{digest ^ version:016x}",
        "currency": currency,
    }


def _worth_holding_for(shares: dict[str, float], ltv: dict[str, float]) -> list[str]:
    """Up to three segments that bring most of the value of a SKU's buyers."""
    worth = sorted(shares, key=lambda name: -shares[name] * ltv.get(name, 0.0))
    return worth[:3]


def _flags(row: dict[Hashable, Any]) -> list[str]:
    named = {
        "derived_stock": row["is_derived"],
        "derived_cost": row["is_cost_derived"],
        "derived_list_price": row["is_price_derived"],
        "assumed_cost": not row["has_cost"],
        "negative_stock": row["on_hand"] < 0,
        "past_sales_end": row["is_past_end"],
        "stale_stock": row["is_stale"],
        "no_sales_history": not row["has_forecast"],
        "average_buyer_ltv": not row["has_own_ltv"],
        "default_elasticity": True,
    }
    return [name for name, holds in named.items() if holds]
