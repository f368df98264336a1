"""Decide for every SKU at every location whether to sell or hold, and keep the verdicts."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.policy import Policy
from app.domain.price_path import Economics, Floats
from app.domain.reasons import reasons
from app.domain.sell_hold import decide
from app.queries.dispositions import replace_dispositions
from app.services.answers import answers
from app.services.policies import PolicyInForce
from app.services.valuation import Valuation

DEPTH_STEP = 0.05  # prices paid scatter around the list price; a depth is read off in such steps
SHAPES = (0.5, 1e4)  # of the Gamma belief about the demand level, from vague to certain
INPUTS = (
    "on_hand",
    "demand_rate",
    "demand_shape",
    "elasticity",
    "elasticity_sd",
    "list_price",
    "current_depth",
    "max_depth",
    "holding_cost",
    "salvage_value",
    "buyer_ltv",
    "gateway_effect",
    "new_buyer_share",
    "repeat_margin_at_risk",
    "is_past_end",
)


def decision_items(
    positions: pd.DataFrame,
    forecasts: pd.DataFrame,
    valuation: Valuation | None,
    *,
    as_of: date,
    policy: Policy,
) -> pd.DataFrame:
    """Bring stock, demand, prices and buyers' LTV together, one row per SKU and location.

    Args:
        positions: from ``queries.positions``; rows without a list price must be gone.
        forecasts: ``sku_id, location_id, weekly_mean, level_cv2, yhat``, one row a series.
        valuation: buyers' LTV; None where nobody is identified.
        as_of: the day of the decision.
        policy: what is assumed.

    Returns:
        The positions with the inputs of ``decide``, ``horizon`` (weeks), ``yhat`` and the
        flags ``has_forecast``, ``has_own_ltv``, ``has_cost``.
    """
    items = positions.merge(
        forecasts[["sku_id", "location_id", "weekly_mean", "level_cv2", "yhat"]],
        on=["sku_id", "location_id"],
        how="left",
    )
    price = items["list_price"]
    has_cost = items["unit_cost"].notna()
    cost = items["unit_cost"].fillna(policy.assumed_cost(price))
    days_left = (pd.to_datetime(items["sales_end_on"]) - pd.Timestamp(as_of)).dt.days
    is_ending = ((items["item_class"] == "seasonal") | days_left.notna()).to_numpy()
    longest = policy.staple_horizon_weeks
    horizon = np.clip((days_left // 7).fillna(longest), 1, longest).astype(int)
    rate = items["weekly_mean"].fillna(0.0)
    leftover = np.maximum(items["on_hand"] - _expected(items["yhat"], horizon), 0.0)
    depth = np.clip(1 - items["paid_price"] / price, 0, 0.95).fillna(0.0)
    # A leftover spares a purchase only as far as the year after will need it.
    needed = np.minimum(1.0, 52 * rate / np.maximum(leftover, 1.0))
    spared = policy.staple_salvage * cost * needed
    dip_weeks = np.where(is_ending, policy.ending_brand_loss_weeks, policy.brand_loss_weeks)
    dip_weeks = np.where(days_left <= 0, 0.0, dip_weeks)  # delisted: no sale is left to dip
    ltv, has_own_ltv = _buyer_ltv(items["sku_id"], valuation)
    margin = np.maximum(price * (1 - policy.variable_cost_rate) - cost, 0.0)
    return items.assign(
        unit_cost=cost,
        demand_rate=rate,
        demand_shape=np.clip(1 / np.maximum(items["level_cv2"].fillna(1.0), 1e-9), *SHAPES),
        elasticity=policy.elasticity,
        elasticity_sd=policy.elasticity_sd,
        current_depth=np.floor(depth / DEPTH_STEP + 1e-9) * DEPTH_STEP,
        max_depth=policy.max_depth,
        holding_cost=cost * policy.holding_rate / 52 + policy.storage_cost,
        salvage_value=np.where(is_ending, policy.seasonal_salvage * price, spared),
        buyer_ltv=ltv,
        gateway_effect=0.0,
        new_buyer_share=policy.new_buyer_share,
        repeat_margin_at_risk=policy.brand_loss * dip_weeks * rate * margin,
        is_past_end=(days_left < 0).to_numpy(),
        horizon=horizon,
        has_forecast=items["weekly_mean"].notna(),
        has_own_ltv=has_own_ltv,
        has_cost=has_cost,
    )


def _expected(courses: pd.Series, horizon: Iterable[int]) -> Floats:
    """Units that the weekly courses of demand expect up to each item's horizon."""
    return np.array(
        [
            course[:weeks].sum() if isinstance(course, np.ndarray) else 0.0
            for course, weeks in zip(courses, horizon, strict=True)
        ]
    )


def _buyer_ltv(
    sku_ids: pd.Series, valuation: Valuation | None
) -> tuple["pd.Series[float]", "pd.Series[bool]"]:
    """LTV of the buyer behind one unit of each SKU, and whether it is the SKU's own."""
    if valuation is None:
        return sku_ids.map(lambda _: 0.0), sku_ids.map(lambda _: False)
    skus = valuation.mix.skus
    ltv = sku_ids.map(skus["ltv"]).astype(float).fillna(valuation.mix.population_mean)
    share = sku_ids.map(valuation.orders_per_unit).astype(float)
    ltv *= share.fillna(valuation.usual_orders_per_unit)
    own = sku_ids.map(skus["confidence"]).isin(["confident", "enough"])
    return ltv.clip(lower=0.0), own


def economics_of(policy: Policy) -> Economics:
    return Economics(
        annual_discount_rate=policy.discount_rate,
        ltv_erosion=policy.ltv_erosion,
        variable_cost_rate=policy.variable_cost_rate,
        cash_premium=policy.cash_premium,
        action_cost=policy.action_cost,
        depth_grid=policy.depth_grid,
        review_weeks=policy.review_weeks,
        cautious=bool(policy.is_cautious),
        min_advantage=policy.min_advantage,
        needless_sellout=policy.needless_sellout,
        watch_band=(0.5 - policy.watch_band, 0.5 + policy.watch_band),
    )


def verdicts(items: pd.DataFrame, policy: Policy, currency: str) -> pd.DataFrame:
    """``items`` joined with what ``decide`` says of them and their ``reasons``.

    Items are decided in groups of one horizon. The seasonal index is the forecast's own course
    over the horizon.
    """
    economics = economics_of(policy)
    decided = []
    for horizon in items["horizon"].unique():
        group = items[items["horizon"] == horizon]
        season = np.array([_season(course, horizon) for course in group["yhat"]])
        answer = decide(group[list(INPUTS)], season, economics)
        decided.append(answer.assign(reasons=pd.Series(reasons(answer, currency), answer.index)))
    return items.join(pd.concat(decided))


def _season(course: Any, horizon: int) -> Floats:
    """Demand of each week against the mean; 1 where nothing is expected or nothing is known."""
    if not isinstance(course, np.ndarray) or course.mean() <= 0:
        return np.ones(horizon)
    return np.asarray(course[:horizon] / course.mean(), np.float64)


def judge(
    positions: pd.DataFrame,
    forecasts: pd.DataFrame,
    valuation: Valuation | None,
    *,
    as_of: date,
    in_force: PolicyInForce,
    currency: str,
) -> list[dict[str, Any]]:
    """The verdict on every position that has a list price, as it is published."""
    priced = positions[positions["list_price"] > 0].reset_index(drop=True)
    if priced.empty:
        return []
    items = decision_items(priced, forecasts, valuation, as_of=as_of, policy=in_force.policy)
    return answers(
        verdicts(items, in_force.policy, currency),
        inputs=[*INPUTS, "horizon"],
        as_of=as_of,
        in_force=in_force,
        currency=currency,
        valuation=valuation,
    )


async def save_verdicts(
    session: AsyncSession, judged: list[dict[str, Any]], *, as_of: date
) -> dict[str, int]:
    """Put the verdicts in force as those of the day; return how many there are of each kind."""
    rows = pl.DataFrame(
        {
            "sku_id": [answer["sku_id"] for answer in judged],
            "location_id": [answer["location_id"] for answer in judged],
            "evaluated_on": [as_of] * len(judged),
            "answer": [json.dumps(answer, ensure_ascii=False) for answer in judged],
        }
    )
    await replace_dispositions(session, as_of, rows)
    decisions = pd.Series([answer["decision"] for answer in judged], dtype=object).value_counts()
    return {str(decision): int(count) for decision, count in decisions.items()}
