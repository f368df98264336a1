"""From the stage of an import into the tables of its kind; sales go by ``sales_merging``."""

from typing import Any

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.staging import stage_name
from app.queries.targets import TARGETS, Target


async def take_turn(session: AsyncSession) -> None:
    """Wait until no other import merges, and until this transaction's end keep others out.

    So imports that overlap end as one after the other would, and never lock each other out.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('merge', 0))"))


UNLISTED_SKUS = """
    INSERT INTO sku (sku_id, name, item_class, is_listed, is_price_derived, is_cost_derived)
    SELECT DISTINCT ON (sku_id) sku_id, name, 'staple', false, false, false
    FROM (SELECT sku_id, {name} AS name, count(*) AS lines FROM {stage} GROUP BY 1, 2) AS named
    ORDER BY sku_id, name IS NULL, lines DESC, name COLLATE "C"
    ON CONFLICT (sku_id) DO NOTHING
"""
UNLISTED_LOCATIONS = """
    INSERT INTO location (location_id, location_type, channel, is_listed)
    SELECT DISTINCT ON (location_id) location_id,
           CASE WHEN lower(coalesce(channel, location_id)) = ANY('{{ec,mall,warehouse}}')
                THEN lower(coalesce(channel, location_id)) ELSE 'store' END,
           coalesce(channel, CASE WHEN location_id = 'EC' THEN 'ec' ELSE 'store' END), false
    FROM (SELECT location_id, channel, count(*) AS lines FROM ({named}) AS named GROUP BY 1, 2)
        AS counted
    ORDER BY location_id, channel IS NULL, lines DESC, channel COLLATE "C"
    ON CONFLICT (location_id) DO NOTHING
"""
GIVERS = """
    UNION ALL SELECT supplier_id, NULL FROM {stage} WHERE lane_type = 'transfer'
"""
UNLISTED_SUPPLIERS = """
    INSERT INTO supplier (supplier_id, order_condition, is_listed)
    SELECT DISTINCT supplier_id, 'none', false FROM {stage}
    WHERE supplier_id IS NOT NULL AND {is_supplier}
    ON CONFLICT (supplier_id) DO NOTHING
"""


async def add_unlisted(session: AsyncSession, kind: str, import_id: int) -> dict[str, int]:
    """Create the masters that the rows name and no master file has named yet; how many of each.

    A SKU is called what most of its lines call it; a location is of the channel that most of its
    lines tell, of those that tell any. What gives by a lane of transfer is a location, no supplier.
    """
    stage, columns = stage_name(import_id), TARGETS[kind].stage
    statements = {}
    if kind != "products" and "sku_id" in columns:
        name = "sku_name" if "sku_name" in columns else "NULL::text"
        statements["skus"] = UNLISTED_SKUS.format(stage=stage, name=name)
    if kind != "locations" and "location_id" in columns:
        channel = "channel" if "channel" in columns else "NULL::text"
        named = f"SELECT location_id, {channel} AS channel FROM {stage}"
        if "lane_type" in columns:  # where * is all locations
            named += f" WHERE location_id <> '*' {GIVERS.format(stage=stage)}"
        statements["locations"] = UNLISTED_LOCATIONS.format(named=named)
    if kind != "suppliers" and "supplier_id" in columns:
        is_supplier = "lane_type <> 'transfer'" if "lane_type" in columns else "true"
        statements["suppliers"] = UNLISTED_SUPPLIERS.format(stage=stage, is_supplier=is_supplier)
    return {name: await rows_written(session, statement) for name, statement in statements.items()}


async def contrary_channels(session: AsyncSession, import_id: int) -> int:
    """How many staged lines name another channel than their location is of."""
    statement = f"""
        SELECT count(*) FROM {stage_name(import_id)} AS staged JOIN location USING (location_id)
        WHERE staged.channel <> location.channel
    """
    return await session.scalar(text(statement)) or 0


async def rows_written(session: AsyncSession, statement: str, **bound: Any) -> int:
    """Run a statement that writes; how many rows it wrote."""
    used = {name: value for name, value in bound.items() if f":{name}" in statement}
    result = await session.execute(text(statement), used)
    assert isinstance(result, CursorResult)
    return result.rowcount


async def staged_rows(session: AsyncSession, import_id: int) -> int:
    return await session.scalar(text(f"SELECT count(*) FROM {stage_name(import_id)}")) or 0


def stated_columns(target: Target, given: set[str]) -> list[str]:
    """Columns, besides the key, that a file with the ``given`` columns has something to say of."""
    stated = given | {name for name, other in target.follows.items() if other in given}
    columns = [*target.columns, *(name for name in target.fixed if name != "import_id")]
    return [name for name in columns if name not in target.key and name in stated]


async def merge(
    session: AsyncSession, kind: str, import_id: int, *, given: set[str]
) -> dict[str, int]:
    """Add new rows, correct changed ones, leave equal ones; return how many of each.

    A column that the file does not have (not in ``given``) leaves known rows as they are. The
    caller has seen to it that nobody else merges (``take_turn``).
    """
    target, stage = TARGETS[kind], stage_name(import_id)
    fixed = "".join(f", {sql} AS {name}" for name, sql in target.fixed.items())
    staged = f"(SELECT {', '.join(target.columns)}{fixed} FROM {stage}) AS staged"
    is_same_key = " AND ".join(f"stored.{name} = staged.{name}" for name in target.key)
    values = stated_columns(target, given)
    written = [*values, *(["import_id"] if "import_id" in target.fixed else [])]
    changed = 0
    if values:
        change = f"""
            UPDATE {target.table} AS stored
            SET {", ".join(f"{name} = staged.{name}" for name in written)}
            FROM {staged} WHERE {is_same_key}
            AND ({", ".join(f"stored.{name}" for name in values)})
                IS DISTINCT FROM ({", ".join(f"staged.{name}" for name in values)})
        """
        changed = await rows_written(session, change, import_id=import_id)
    columns = ", ".join([*target.columns, *target.fixed])
    add = f"""
        INSERT INTO {target.table} ({columns})
        SELECT {columns} FROM {staged}
        WHERE NOT EXISTS (SELECT FROM {target.table} AS stored WHERE {is_same_key})
    """
    new = await rows_written(session, add, import_id=import_id)
    same = await staged_rows(session, import_id) - new - changed
    return {"new": new, "changed": changed, "same": same}
