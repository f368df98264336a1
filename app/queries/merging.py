"""From the stage of an import into the tables."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.staging import KEYS, stage_name


async def take_turn(session: AsyncSession) -> None:
    """Wait until no other import merges, and until this transaction's end keep others out.

    So imports that overlap end as one after the other would, and never lock each other out.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('merge', 0))"))


UNLISTED_SKUS = """
    WITH added AS (
        INSERT INTO sku (sku_id, name, item_class, is_listed, is_price_derived, is_cost_derived)
        SELECT DISTINCT ON (sku_id) sku_id, name, 'staple', false, false, false
        FROM (SELECT sku_id, {name} AS name, count(*) AS lines FROM {stage} GROUP BY 1, 2) AS named
        ORDER BY sku_id, name IS NULL, lines DESC, name COLLATE "C"
        ON CONFLICT (sku_id) DO NOTHING RETURNING 1
    ) SELECT count(*) FROM added
"""
UNLISTED_LOCATIONS = """
    WITH added AS (
        INSERT INTO location (location_id, location_type, channel, is_listed)
        SELECT DISTINCT location_id,
               CASE WHEN location_id = 'EC' THEN 'ec' ELSE 'store' END,
               CASE WHEN location_id = 'EC' THEN 'ec' ELSE 'store' END, false
        FROM {stage}
        ON CONFLICT (location_id) DO NOTHING RETURNING 1
    ) SELECT count(*) FROM added
"""


async def add_unlisted(session: AsyncSession, kind: str, import_id: int) -> dict[str, int]:
    """Create the SKUs and locations that the rows name and no master file has named yet.

    A SKU is called what most of its lines call it.
    """
    stage = stage_name(import_id)
    name = "sku_name" if kind == "sales" else "NULL::text"
    skus = await session.scalar(text(UNLISTED_SKUS.format(stage=stage, name=name)))
    locations = await session.scalar(text(UNLISTED_LOCATIONS.format(stage=stage)))
    return {"skus": skus or 0, "locations": locations or 0}


# target columns, and what each takes from the stage
TARGETS: dict[str, tuple[str, dict[str, str]]] = {
    "sales": (
        "sale",
        {
            "order_id": "order_id",
            "line_key": "line_key",
            "sku_id": "sku_id",
            "location_id": "location_id",
            "customer_id": "customer_id",
            "sold_on": "(sold_at AT TIME ZONE :timezone)::date",
            "sold_at": "sold_at",
            "quantity": "quantity",
            "unit_price": "unit_price",
            "import_id": "CAST(:import_id AS bigint)",
        },
    ),
    "stock": (
        "stock_level",
        {
            "sku_id": "sku_id",
            "location_id": "location_id",
            "counted_on": "counted_on",
            "on_hand": "on_hand",
            "on_order": "on_order",
            "allocated": "allocated",
            "last_received_on": "last_received_on",
            "is_derived": "is_derived",
            "import_id": "CAST(:import_id AS bigint)",
        },
    ),
    "products": (
        "sku",
        {
            "sku_id": "sku_id",
            "style_id": "style_id",
            "name": "name",
            "color": "color",
            "size": "size",
            "category": "category",
            "item_class": "item_class",
            "list_price": "list_price",
            "unit_cost": "unit_cost",
            "is_price_derived": "is_price_derived",
            "is_cost_derived": "is_cost_derived",
            "sales_end_on": "sales_end_on",
            "is_listed": "true",
        },
    ),
}
# A column that follows another: whoever states the price also states that it is no assumption.
FOLLOWS = {
    "sold_on": "sold_at",
    "is_price_derived": "list_price",
    "is_cost_derived": "unit_cost",
    "is_derived": "on_hand",
    "is_listed": "sku_id",
}


async def merge(
    session: AsyncSession, kind: str, import_id: int, *, given: set[str], timezone: str
) -> dict[str, int]:
    """Add new rows, correct changed ones, leave equal ones; return how many of each.

    A column that the file does not have (not in ``given``) leaves known rows as they are. The
    caller has seen to it that nobody else merges (``take_turn``).
    """
    table, columns = TARGETS[kind]
    key = KEYS[kind]
    stage = f"(SELECT {', '.join(f'{v} AS {n}' for n, v in columns.items())}"
    stage += f" FROM {stage_name(import_id)}) AS staged"
    is_same_key = " AND ".join(f"{table}.{name} = staged.{name}" for name in key)
    stated = given | {name for name, other in FOLLOWS.items() if other in given}
    values = [name for name in columns if name not in key and name in stated]
    written = [*values, *(["import_id"] if "import_id" in columns else [])]
    change = f"""
        UPDATE {table} SET {", ".join(f"{name} = staged.{name}" for name in written)}
        FROM {stage} WHERE {is_same_key}
        AND ({", ".join(f"{table}.{name}" for name in values)})
            IS DISTINCT FROM ({", ".join(f"staged.{name}" for name in values)})
    """
    add = f"""
        INSERT INTO {table} ({", ".join(columns)})
        SELECT {", ".join(columns)} FROM {stage}
        WHERE NOT EXISTS (SELECT FROM {table} WHERE {is_same_key})
    """
    changed = await _rows_written(session, change, import_id, timezone)
    async with _indexed_afterwards(session, table):
        new = await _rows_written(session, add, import_id, timezone)
    staged = await session.scalar(text(f"SELECT count(*) FROM {stage_name(import_id)}")) or 0
    return {"new": new, "changed": changed, "same": staged - new - changed}


# How to take every index off a table, and how to put it back.
INDEXES = text("""
    SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', CAST(:table AS text), conname) AS drop,
           format('ALTER TABLE %I ADD CONSTRAINT %I %s', CAST(:table AS text), conname,
                  pg_get_constraintdef(oid)) AS build
    FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype = 'p'
    UNION ALL
    SELECT format('DROP INDEX %I', relname), pg_get_indexdef(oid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = CAST(:table AS regclass) AND NOT indisprimary
""")


@asynccontextmanager
async def _indexed_afterwards(session: AsyncSession, table: str) -> AsyncIterator[None]:
    """Fill an empty table without its indexes: built row by row they take three times as long.

    All of it is in the session's transaction, and nobody waits for it who has anything to read.
    """
    indexes = []
    if await session.scalar(text(f"SELECT NOT EXISTS (SELECT FROM {table})")):
        indexes = list(await session.execute(INDEXES, {"table": table}))
    for drop, _ in indexes:
        await session.execute(text(drop))
    yield
    for _, build in indexes:
        await session.execute(text(build))


async def _rows_written(
    session: AsyncSession, statement: str, import_id: int, timezone: str
) -> int:
    bound = {"import_id": import_id, "timezone": timezone}
    used = {name: value for name, value in bound.items() if f":{name}" in statement}
    result = await session.execute(text(statement), used)
    assert isinstance(result, CursorResult)
    return result.rowcount


async def staged_sales_totals(session: AsyncSession, import_id: int) -> dict[str, object]:
    """What the good sales lines of a file add up to: members, guests, returns."""
    statement = f"""
        SELECT part, count(*) AS lines, count(DISTINCT order_id COLLATE "C") AS orders,
               count(DISTINCT sku_id COLLATE "C") AS skus,
               count(DISTINCT customer_id COLLATE "C") AS customers,
               round(sum(quantity * unit_price), 2)::float AS revenue
        FROM (
            SELECT *, CASE WHEN quantity < 0 THEN 'returns'
                           WHEN customer_id IS NULL THEN 'guest_sales'
                           ELSE 'customer_sales' END AS part
            FROM {stage_name(import_id)}
        ) AS parted GROUP BY part
    """
    rows = (await session.execute(text(statement))).mappings()
    return {row["part"]: {k: v for k, v in row.items() if k != "part"} for row in rows}
