"""Campaigns: record them, and measure what they brought."""

import asyncio
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.campaign import CampaignEffect as JudgedEffect
from app.domain.campaign import CampaignTerms, campaign_effect
from app.domain.diff_in_diff import Change, Floats, diff_in_diff
from app.domain.doubts import DOUBT_TEXT, EffectPolicy
from app.domain.policy import Policy
from app.domain.returns import net_returns
from app.models import Campaign, CampaignSku
from app.queries import campaigns, history, inventory
from app.services.jobs import Progress, Sessions
from app.services.policies import policy_in_force

PRE_MULTIPLE = 4  # campaign lengths that the time before it must have at least (methods §5.1 B)
AFTERMATH_MULTIPLE = 1  # the dip after a campaign is looked for as long as it lasted
SEED = 20111209


class UnknownCampaign(Exception):
    """No campaign has this number."""


class UnknownSkus(Exception):
    """Some of these SKUs are not in the catalogue."""


class CampaignUnmeasured(Exception):
    """The campaign is known, but its effect has not been measured yet."""


async def create_campaign(
    session: AsyncSession,
    *,
    name: str,
    starts_on: date,
    ends_on: date,
    discount_depth: float,
    fixed_cost: float,
    sku_ids: list[str],
    is_derived: bool = False,
) -> Campaign:
    """Record a campaign and the SKUs in it.

    Raises:
        UnknownSkus: naming SKUs that are not in the catalogue.
    """
    unknown = sorted(set(sku_ids) - await inventory.known_skus(session, sku_ids))
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise UnknownSkus(f"sku_ids not in the catalogue: {', '.join(unknown[:5])}{more}")
    found = Campaign(
        name=name,
        starts_on=starts_on,
        ends_on=ends_on,
        discount_depth=discount_depth,
        fixed_cost=fixed_cost,
        is_derived=is_derived,
    )
    session.add(found)
    await session.flush()
    session.add_all(
        CampaignSku(campaign_id=found.campaign_id, sku_id=sku_id) for sku_id in sorted(set(sku_ids))
    )
    await session.flush()
    return found


async def measure(sessions: Sessions, progress: Progress, *, campaign_id: int) -> dict[str, Any]:
    """Measure a campaign by difference-in-differences against the SKUs not in it, and keep it.

    Raises:
        UnknownCampaign: if there is none of this number.
    """
    await progress("reading sales", 0, 2)
    async with sessions() as session:
        found = await campaigns.campaign(session, campaign_id)
        if found is None:
            raise UnknownCampaign(f"campaign {campaign_id} does not exist")
        policy = (await policy_in_force(session)).policy
        skus = (await campaigns.campaign_skus(session, [campaign_id]))[campaign_id]
        length = (found.ends_on - found.starts_on).days + 1
        pre_days = max(7 * policy.campaign_pre_weeks, PRE_MULTIPLE * length)
        start = found.starts_on - timedelta(days=pre_days)
        last = await inventory.last_sale_day(session) or found.ends_on
        lines = await history.sales_lines(session, last, since=start)
        terms = await campaigns.campaign_terms(session, found, start)
    end = min(found.ends_on + timedelta(days=AFTERMATH_MULTIPLE * length), last)
    await progress("measuring", 1, 2)
    if last < found.starts_on:
        flags = ["derived_campaign"] if found.is_derived else []
        effect = _no_verdict(flags, f"the last sales known are of {last}, before it began")
    else:
        effect = await asyncio.to_thread(
            _effect,
            lines,
            dict(terms),
            found,
            skus,
            pre_days=pre_days,
            days=(end - start).days + 1,
            policy=policy,
        )
    async with sessions.begin() as session:
        await campaigns.replace_effect(session, campaign_id, effect)
    await progress("done", 2, 2)
    return {"campaign_id": campaign_id, "verdict": effect["verdict"]}


def _daily_units(lines: pd.DataFrame, start: date, days: int) -> tuple[pd.Index, Floats]:
    """Units sold per SKU and day, returns taken off the purchases they came from.

    Returns:
        the SKUs, and a table SKUs × days that begins with ``start``.
    """
    purchases = net_returns(lines).lines
    day = (purchases["sold_on"] - pd.Timestamp(start)).dt.days.to_numpy()
    is_inside = (day >= 0) & (day < days)
    sku = purchases["sku_id"].cat.codes.to_numpy()[is_inside].astype(np.int64)
    units = purchases["net_quantity"].to_numpy()[is_inside]
    skus = purchases["sku_id"].cat.categories
    table = np.bincount(sku * days + day[is_inside], units, minlength=len(skus) * days)
    return skus, table.astype(np.float64).reshape(len(skus), days)


def _effect(
    lines: pd.DataFrame,
    terms: dict[str, Any],
    found: Campaign,
    treated_skus: list[str],
    *,
    pre_days: int,
    days: int,
    policy: Policy,
) -> dict[str, Any]:
    """The campaign's effect as it is published; 判定不能 where the panel cannot tell."""
    skus, sales = _daily_units(lines, found.starts_on - timedelta(days=pre_days), days)
    treated = skus.isin(treated_skus)
    used = treated | _sold_steadily(sales[:, :pre_days], policy.campaign_control_weeks)
    sales, treated = sales[used], treated[used]
    flags = ["derived_campaign"] if found.is_derived else []
    flags += ["derived_cost"] if terms["is_cost_derived"] else []
    if not treated.any() or treated.all() or not terms["price_before"]:
        return _no_verdict(flags, "the promoted items or the controls have no sales")
    campaign_days = min((found.ends_on - found.starts_on).days + 1, days - pre_days)
    measured = diff_in_diff(
        sales,
        treated,
        pre_periods=pre_days,
        campaign_periods=campaign_days,
        seed=SEED,
    )
    cost = terms["unit_cost"]
    if cost is None:
        flags.append("assumed_cost")
        cost = policy.assumed_cost(float(terms["price_before"]))
    judged = campaign_effect(
        measured,
        CampaignTerms(
            list_price=terms["price_before"],
            discount=found.discount_depth,
            unit_cost=cost,
            variable_cost_rate=policy.variable_cost_rate,
            cost=found.fixed_cost,
        ),
        period_days=1,
        policy=EffectPolicy(needless_share=policy.needless_share),
        is_unfinished=campaign_days <= (found.ends_on - found.starts_on).days,
    )
    return _published(judged, pre_days, flags)


def _published(judged: JudgedEffect, pre_days: int, flags: list[str]) -> dict[str, Any]:
    measured = judged.measured
    accounts = asdict(judged.accounts) if judged.accounts else {}
    accounts.pop("roi_with_ltv", None)  # the LTV of customers won is not estimated yet,
    if accounts:
        accounts["cannibalised_units"] = None  # nor what other items lost
    return {
        "method": "ratio difference-in-differences, permutation p-value, placebo interval",
        "verdict": judged.verdict.value,
        "verdict_ja": judged.verdict.label,
        "doubts": [
            {"code": doubt.value, "ja": DOUBT_TEXT[doubt][0], "en": DOUBT_TEXT[doubt][1]}
            for doubt in judged.doubts
        ],
        "campaign": _change(measured.campaign),
        "aftermath": _change(measured.aftermath) if measured.aftermath else None,
        "p_value": measured.p_value,
        "pre_trend_p_value": measured.pre_trend_p_value,
        "treated_skus": measured.treated_units,
        "control_skus": measured.control_units,
        "pre_days": pre_days,
        "break_even_multiple": judged.break_even_multiple,
        "accounts": accounts or None,
        "data_flags": flags,
    }


def _sold_steadily(before: Floats, share: float) -> np.ndarray[Any, Any]:
    """SKUs that sold in this share of the weeks before: fit to say how sales would have gone on.

    SKUs that sell once in a while jump by multiples of themselves and drown the comparison.
    """
    weeks = before.shape[1] // 7
    by_week = before[:, before.shape[1] - weeks * 7 :].reshape(len(before), weeks, 7).sum(axis=2)
    return np.asarray((by_week > 0).mean(axis=1) >= share)


def _no_verdict(flags: list[str], why: str) -> dict[str, Any]:
    return {"verdict": "undecided", "verdict_ja": "判定不能", "why": why, "data_flags": flags}


def _change(change: Change) -> dict[str, Any]:
    return {**asdict(change), "units": change.units, "lift_interval": change.lift_interval}
