"""Campaigns: record them, and measure what they brought."""

import asyncio
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.campaign import CampaignEffect as JudgedEffect
from app.domain.campaign import CampaignTerms, EffectPolicy, campaign_effect
from app.domain.diff_in_diff import Change, diff_in_diff
from app.domain.policy import Policy
from app.models import Campaign, CampaignEffect, CampaignSku
from app.queries import campaigns, inventory
from app.services.importing import Progress, Sessions
from app.services.policies import policy_in_force

PRE_DAYS = 56  # eight weeks, or four times the campaign, whichever is longer
AFTERMATH_MULTIPLE = 1  # the dip after a campaign is looked for as long as it lasted
CONTROL_WEEKS_SOLD = 0.75  # share of the weeks before in which a control must have sold
SEED = 20111209


class UnknownCampaign(Exception):
    """No campaign has this number."""


class UnknownSkus(Exception):
    """Some SKUs of the campaign are not in the catalogue."""


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
        skus = (await campaigns.campaign_skus(session, [campaign_id]))[campaign_id]
        length = (found.ends_on - found.starts_on).days + 1
        start = found.starts_on - timedelta(days=max(PRE_DAYS, 4 * length))
        last = await inventory.last_sale_day(session) or found.ends_on
        end = min(found.ends_on + timedelta(days=AFTERMATH_MULTIPLE * length), last)
        units = await campaigns.daily_units(session, start, max(end, found.ends_on))
        terms = await campaigns.campaign_terms(session, found, start)
        in_force = await policy_in_force(session)
    await progress("measuring", 1, 2)
    effect = await asyncio.to_thread(
        _effect,
        units,
        dict(terms),
        found,
        skus,
        pre_days=(found.starts_on - start).days,
        days=(max(end, found.ends_on) - start).days + 1,
        policy=in_force.policy,
    )
    async with sessions.begin() as session:
        await session.execute(
            delete(CampaignEffect).where(CampaignEffect.campaign_id == campaign_id)
        )
        session.add(CampaignEffect(campaign_id=campaign_id, effect=effect))
    await progress("done", 2, 2)
    return {"campaign_id": campaign_id, "verdict": effect["verdict"]}


def _effect(
    units: pl.DataFrame,
    terms: dict[str, Any],
    found: Campaign,
    treated_skus: list[str],
    *,
    pre_days: int,
    days: int,
    policy: Policy,
) -> dict[str, Any]:
    """The campaign's effect as it is published; 判定不能 where the panel cannot tell."""
    skus = units["sku_id"].unique().sort()
    sales = np.zeros((len(skus), days))
    rows = units["sku_id"].cast(pl.Enum(skus)).to_physical().to_numpy()
    sales[rows, units["day"].to_numpy()] = units["units"].to_numpy()
    treated = skus.is_in(treated_skus).to_numpy()
    used = treated | _sold_steadily(sales[:, :pre_days])
    sales, treated = sales[used], treated[used]
    flags = ["derived_campaign"] if found.is_derived else []
    flags += ["derived_cost"] if terms["is_cost_derived"] else []
    if not treated.any() or treated.all() or not terms["price_before"]:
        return _no_verdict(flags, "the promoted items or the controls have no sales")
    measured = diff_in_diff(
        sales,
        treated,
        pre_periods=pre_days,
        campaign_periods=(found.ends_on - found.starts_on).days + 1,
        seed=SEED,
    )
    cost = terms["unit_cost"]
    if cost is None:
        flags.append("assumed_cost")
        cost = terms["price_before"] * (1 - policy.margin_share)
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
        policy=EffectPolicy(),
    )
    return _published(judged, pre_days, flags)


def _published(judged: JudgedEffect, pre_days: int, flags: list[str]) -> dict[str, Any]:
    measured = judged.measured
    accounts = asdict(judged.accounts) if judged.accounts else {}
    accounts.pop("roi_with_ltv", None)  # the LTV of customers won is not estimated yet
    return {
        "method": "ratio difference-in-differences, permutation p-value, placebo interval",
        "verdict": judged.verdict.value,
        "verdict_ja": judged.verdict.label,
        "doubts": [doubt.value for doubt in judged.doubts],
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


def _sold_steadily(before: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """SKUs that sold in most weeks before the campaign: fit to say how sales would have gone on.

    SKUs that sell once in a while jump by multiples of themselves and drown the comparison.
    """
    weeks = before.shape[1] // 7
    by_week = before[:, before.shape[1] - weeks * 7 :].reshape(len(before), weeks, 7).sum(axis=2)
    return np.asarray((by_week > 0).mean(axis=1) >= CONTROL_WEEKS_SOLD)


def _no_verdict(flags: list[str], why: str) -> dict[str, Any]:
    return {"verdict": "undecided", "verdict_ja": "判定不能", "why": why, "data_flags": flags}


def _change(change: Change) -> dict[str, Any]:
    return {**asdict(change), "units": change.units, "lift_interval": change.lift_interval}
