"""A retailer of the size that the views are asked to bear, made by SQL where the import would.

3,049 SKUs in 10 stores over 14 months: 30,490 positions, about 12.3 million sales lines, about
5 million daily sums. Half of the SKUs tell the list price on the receipt; for the others it stands
in the price history, which has three prices a SKU. Stock is counted monthly, receipts come monthly.
"""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import connect, sessions_of
from app.queries import partitions
from app.queries.sales_merging import ADDED_UP, DAILY
from bench.measure import say

SKUS, STORES, DAYS = 3_049, 10, 418
FIRST = date(2025, 4, 1)
LAST = FIRST + timedelta(days=DAYS - 1)
MASTERS = (
    "SELECT setseed(0.5)",
    f"""
    INSERT INTO sku (sku_id, style_id, name, color, size, category, brand, season_code, item_class,
                     list_price, unit_cost, is_price_derived, is_cost_derived, is_listed)
    SELECT 'S' || lpad(n::text, 5, '0'), 'ST' || lpad((n / 6)::text, 4, '0'), 'Item ' || n,
           (ARRAY['Navy', 'Grey'])[1 + n % 2], (ARRAY['S', 'M', 'L'])[1 + n % 3],
           (ARRAY['Ladies/Tops', 'Ladies/Coats', 'Mens/Tops'])[1 + n / 6 % 3], 'B' || n / 6 % 7,
           '2026SS', 'staple', 1000 + n % 50 * 100, 400 + n % 50 * 40, false, false, true
    FROM generate_series(1, {SKUS}) AS n
    """,
    f"""
    INSERT INTO location (location_id, name, location_type, channel, is_listed)
    SELECT 'L' || n, 'Store ' || n, 'store', (ARRAY['store', 'outlet', 'ec'])[1 + n % 3], true
    FROM generate_series(1, {STORES}) AS n
    """,
    f"""
    INSERT INTO price_history (sku_id, valid_from, list_price)
    SELECT sku_id, date '{FIRST}' + 120 * n - 60, list_price * (1.1 - 0.1 * n)
    FROM sku, generate_series(0, 2) AS n
    """,
)
STOCK = (
    f"""
    INSERT INTO stock_level (sku_id, location_id, counted_on, on_hand, on_order, allocated,
                             is_derived, import_id)
    SELECT sku_id, location_id, date '{LAST}' - 30 * n, (random() * 40)::int, 0, 0, false, 1
    FROM sku, location, generate_series(0, 13) AS n ORDER BY n DESC, 2, 1
    """,
    f"""
    INSERT INTO stock_movement (receipt_id, line_key, sku_id, location_id, moved_on, quantity,
                                movement_type, import_id)
    SELECT 'R' || n || location_id, sku_id, sku_id, location_id, date '{LAST}' - 30 * n - 5, 12,
           'receipt', 1
    FROM sku, location, generate_series(0, 13) AS n ORDER BY n DESC, 4, 3
    """,
)
# On two of five days a SKU sells in a store, in two or three lines.
LINES = """
    INSERT INTO {{table}} (order_id, line_key, sold_on, sku_id, location_id, quantity, unit_price,
                           list_price, import_id)
    SELECT day || location_id || '-' || n, sku_id, day, sku_id, location_id,
           CASE WHEN random() < 0.02 THEN -1 ELSE 1 END,
           list_price * CASE WHEN random() < 0.3 THEN 0.8 ELSE 1 END,
           CASE WHEN right(sku_id, 1) < '5' THEN list_price END, 1
    FROM (
        SELECT sku_id, list_price, location_id, day::date AS day,
               CASE WHEN random() < 0.393 THEN 1 + round(random() * 2.92)::int ELSE 0 END AS lines
        FROM generate_series(date '{first}', date '{last}', '1 day') AS day, sku, location
    ) AS sold, generate_series(1, lines) AS n
"""


async def fill(url: str) -> int:
    """Fill a migrated, empty database; how many sales lines it has then."""
    engine = connect(url, pool_size=1)
    lines = 0
    try:
        async with sessions_of(engine).begin() as session:
            for statement in (*MASTERS, *STOCK):
                await session.execute(text(statement))
        first = FIRST
        while first <= LAST:
            following = _quarter_of(first + timedelta(days=93))
            last = min(LAST, following - timedelta(days=1))
            async with sessions_of(engine).begin() as session:
                insert = LINES.format(first=first, last=last)
                lines += await _add(session, "sale", first, insert)
                add_up = ADDED_UP.format(sales=partitions.partition_name("sale", first))
                daily = f"INSERT INTO {{table}} ({DAILY}) {add_up}"
                await _add(session, "sales_daily", first, daily)
            say(f"sales until {last}: {lines:,} lines")
            first = following
        async with engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.execute(text("VACUUM ANALYZE"))
    finally:
        await engine.dispose()
    return lines


async def _add(session: AsyncSession, table: str, first: date, statement: str) -> int:
    async def fill(name: str) -> int:
        result = await session.execute(text(statement.format(table=name)))
        return int(result.rowcount)  # type: ignore[attr-defined]

    rows = await partitions.add(session, table, first, fill)
    await partitions.know(session, table, first)
    return rows


def _quarter_of(day: date) -> date:
    """The first day of the day's quarter."""
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
