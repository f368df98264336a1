"""Campaigns from the stage: a row of the file is one SKU of one campaign."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.staging import stage_name
from app.queries.targets import TARGETS

TARGET = TARGETS["campaigns"]
VALUES = [name for name in TARGET.columns if name not in TARGET.key]
STAGED = """(
    SELECT row_no, campaign_code, sku_id, coalesce(name, campaign_code) AS name,
           starts_on, ends_on, discount_depth, fixed_cost FROM {stage}
)"""
LAST = """(
    SELECT DISTINCT ON (campaign_code) campaign_code, {values} FROM {rows} AS staged
    ORDER BY campaign_code, row_no DESC
)"""
COUNTS = """
    SELECT count(*) FILTER (WHERE member.sku_id IS NULL) AS new,
           count(*) FILTER (WHERE member.sku_id IS NOT NULL
                            AND ({stored}) IS DISTINCT FROM ({last})
                            AND ({told}) IS NOT DISTINCT FROM ({last})) AS changed,
           count(*) AS staged
    FROM {rows} AS staged JOIN {last_rows} AS last USING (campaign_code)
    LEFT JOIN campaign USING (campaign_code)
    LEFT JOIN campaign_sku AS member
        ON member.campaign_id = campaign.campaign_id AND member.sku_id = staged.sku_id
"""
CAMPAIGNS = """
    INSERT INTO campaign (campaign_code, {values}, is_derived)
    SELECT campaign_code, {values}, false FROM {last_rows} AS last
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

    Of rows that tell different things of one campaign the last one counts: if it differs from what
    is stored, the rows that say the same are changed. What other rows say changes nothing; they are
    same, unless they name a new SKU. A SKU that a later file names no more stays in the campaign.
    """
    rows, values = STAGED.format(stage=stage_name(import_id)), ", ".join(VALUES)
    last_rows = LAST.format(rows=rows, values=values)
    told = [name for name in VALUES if name in given]
    counts = COUNTS.format(
        rows=rows,
        last_rows=last_rows,
        stored=", ".join(f"campaign.{name}" for name in told),
        last=", ".join(f"last.{name}" for name in told),
        told=", ".join(f"staged.{name}" for name in told),
    )
    new, changed, staged = (await session.execute(text(counts))).one()
    settings = ", ".join(f"{name} = excluded.{name}" for name in told)
    add = CAMPAIGNS.format(last_rows=last_rows, values=values, settings=settings)
    await session.execute(text(add))
    await session.execute(text(MEMBERS.format(rows=rows)))
    return {"new": new, "changed": changed, "same": staged - new - changed}
