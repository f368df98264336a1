"""Campaigns, their terms, and what was measured of them."""

from datetime import date
from typing import Any

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Campaign, CampaignEffect, CampaignSku

TERMS = text("""
    SELECT sum(quantity * unit_price)::float8 / sum(quantity) AS price_before,
           sum(quantity * unit_cost) / nullif(sum(quantity) FILTER (WHERE unit_cost IS NOT NULL), 0)
               AS unit_cost,
           bool_or(is_cost_derived) AS is_cost_derived
    FROM sale JOIN sku USING (sku_id) JOIN campaign_sku USING (sku_id)
    WHERE campaign_id = :campaign_id AND quantity > 0 AND sold_on >= :start AND sold_on < :end
""")


async def campaign(session: AsyncSession, campaign_id: int) -> Campaign | None:
    return await session.get(Campaign, campaign_id)


async def campaign_skus(session: AsyncSession, campaign_ids: list[int]) -> dict[int, list[str]]:
    """The SKUs of each campaign, in key order."""
    statement = (
        select(CampaignSku.campaign_id, CampaignSku.sku_id)
        .where(CampaignSku.campaign_id.in_(campaign_ids))
        .order_by(CampaignSku.campaign_id, CampaignSku.sku_id)
    )
    skus: dict[int, list[str]] = {campaign_id: [] for campaign_id in campaign_ids}
    for campaign_id, sku_id in await session.execute(statement):
        skus[campaign_id].append(sku_id)
    return skus


async def campaigns_page(session: AsyncSession, *, limit: int, after: int | None) -> list[Campaign]:
    """Campaigns, the newest first."""
    statement = select(Campaign).order_by(Campaign.campaign_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(Campaign.campaign_id < after)
    return list(await session.scalars(statement))


async def campaign_effect(session: AsyncSession, campaign_id: int) -> CampaignEffect | None:
    return await session.get(CampaignEffect, campaign_id)


async def replace_effect(session: AsyncSession, campaign_id: int, effect: dict[str, Any]) -> None:
    """Keep what a measurement found instead of what one before has."""
    statement = insert(CampaignEffect).values(campaign_id=campaign_id, effect=effect)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[CampaignEffect.campaign_id],
            set_={"effect": statement.excluded.effect, "measured_at": func.now()},
        )
    )


async def campaign_terms(session: AsyncSession, found: Campaign, start: date) -> RowMapping:
    """Price and unit cost of a campaign's items before it, from ``start`` on, by units sold.

    The price before the campaign is what its items would have gone on to sell at; today's list
    price may long be another.
    """
    parameters = {"campaign_id": found.campaign_id, "start": start, "end": found.starts_on}
    return (await session.execute(TERMS, parameters)).mappings().one()
