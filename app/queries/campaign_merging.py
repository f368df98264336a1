"""Campaigns from the stage: a row of the file is one SKU of one campaign."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.staging import stage_name

VALUES = ("name", "starts_on", "ends_on", "discount_depth", "fixed_cost")
STAGED = """(
    SELECT row_no, campaign_code, sku_id, coalesce(name, campaign_code) AS name,
           starts_on, ends_on, discount_depth, fixed_cost FROM {stage}
)"""
COUNTS = """
    SELECT count(*) FILTER (WHERE member.sku_id IS NULL) AS new,
           count(*) FILTER (WHERE member.sku_id IS NOT NULL
                            AND ({stored}) IS DISTINCT FROM ({told})) AS changed,
           count(*) AS staged
    FROM {rows} AS staged
    LEFT JOIN campaign USING (campaign_code)
    LEFT JOIN campaign_sku AS member
        ON member.campaign_id = campaign.campaign_id AND member.sku_id = staged.sku_id
"""
CAMPAIGNS = """
    INSERT INTO campaign (campaign_code, {values}, is_derived)
    SELECT DISTINCT ON (campaign_code) campaign_code, {values}, false FROM {rows} AS staged
    ORDER BY campaign_code, row_no DESC
    ON CONFLICT (campaign_code) DO UPDATE SET {settings}
"""
MEMBERS = """
    INSERT INTO campaign_sku (campaign_id, sku_id)
    SELECT campaign_id, sku_id FROM {rows} AS staged JOIN campaign USING (campaign_code)
    ON CONFLICT DO NOTHING
"""


async def merge_campaigns(
    session: AsyncSession, import_id: int, *, given: set[str]
) -> dict[str, int]:
    """Add and correct campaigns and the SKUs in them; rows new, changed, same.

    Of rows that tell different things of one campaign the last one counts. A SKU that a later file
    names no more stays in the campaign.
    """
    rows = STAGED.format(stage=stage_name(import_id))
    told = [name for name in VALUES if name in given]
    counts = COUNTS.format(
        rows=rows,
        stored=", ".join(f"campaign.{name}" for name in told),
        told=", ".join(f"staged.{name}" for name in told),
    )
    new, changed, staged = (await session.execute(text(counts))).one()
    settings = ", ".join(f"{name} = excluded.{name}" for name in told)
    add = CAMPAIGNS.format(rows=rows, values=", ".join(VALUES), settings=settings)
    await session.execute(text(add))
    await session.execute(text(MEMBERS.format(rows=rows)))
    return {"new": new, "changed": changed, "same": staged - new - changed}
