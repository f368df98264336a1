"""The stage of an import: good rows by COPY, then one merge into the table of their kind."""

from io import BytesIO

import polars as pl
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

COLUMNS = {
    "sales": (
        "order_id text, line_no text, sku_id text, sku_name text, location_id text,"
        " customer_id text, sold_at timestamptz, quantity integer, unit_price numeric(14,4)"
    ),
    "stock": (
        "sku_id text, location_id text, counted_on date, on_hand integer, on_order integer,"
        " allocated integer, last_received_on date, is_derived boolean"
    ),
    "products": (
        "sku_id text, style_id text, name text, color text, size text, category text,"
        " item_class text, list_price double precision, unit_cost double precision,"
        " is_price_derived boolean, is_cost_derived boolean, sales_end_on date"
    ),
}


def stage_name(import_id: int) -> str:
    return f"staging.import_{import_id:d}"


async def create_stage(session: AsyncSession, kind: str, import_id: int) -> None:
    """An empty stage; what an interrupted run of the same import left is thrown away."""
    await drop_stage(session, import_id)
    stage = stage_name(import_id)
    await session.execute(text(f"CREATE UNLOGGED TABLE {stage} (row_no bigint, {COLUMNS[kind]})"))


async def drop_stage(session: AsyncSession, import_id: int) -> None:
    stage = stage_name(import_id)
    await session.execute(text(f"DROP TABLE IF EXISTS {stage}"))


async def copy_rows(session: AsyncSession, table: str, rows: pl.DataFrame) -> None:
    """Append rows to a table by COPY, inside the session's transaction."""
    # SQLAlchemy opens the transaction with the first statement; a COPY sent before it would
    # be committed on its own.
    await session.execute(text("SELECT 1"))
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    source = BytesIO()
    rows.write_csv(source, include_header=False, quote_style="non_numeric", null_value="")
    source.seek(0)
    schema, _, name = table.rpartition(".")
    await driver.copy_to_table(
        name,
        schema_name=schema or None,
        columns=rows.columns,
        source=source,
        format="csv",
        encoding="utf-8",
    )


KEYS = {
    "sales": ["order_id", "line_key"],
    "stock": ["sku_id", "location_id", "counted_on"],
    "products": ["sku_id"],
}

# What the rows of one file say against each other, found in one pass: ``nth_repeat`` counts
# sales lines equal in every column; ``line_key`` is the line's number as given, else the SKU
# and how many lines of it the order had before.
SALES_KEYED = """
    CREATE UNLOGGED TABLE {stage}_keyed AS
    SELECT *, coalesce(line_no, sku_id || '#' || count(*) FILTER (WHERE nth_repeat = 1) OVER (
               PARTITION BY order_id, sku_id, line_no IS NULL ORDER BY row_no
           )) AS line_key
    FROM (SELECT *, {nth_repeat} AS nth_repeat FROM {stage}) AS counted
"""
NTH_REPEAT = """row_number() OVER (
    PARTITION BY order_id, sku_id, quantity, unit_price, sold_at, customer_id, sku_name,
                 location_id, line_no
    ORDER BY row_no
)"""
REPEATS = """
    INSERT INTO import_reject (import_id, row_no, column_name, code, value)
    SELECT :import_id, row_no, '', 'exact_repeat', order_id FROM {stage}_keyed
    WHERE nth_repeat > 1
"""
DUPLICATE_KEYS = """
    WITH earlier AS (
        DELETE FROM {stage} USING (
            SELECT row_no AS row, row_number() OVER (
                PARTITION BY {key} ORDER BY row_no DESC
            ) AS nth FROM {stage}
        ) AS numbered
        WHERE row_no = row AND nth > 1
        RETURNING row_no, concat_ws(' ', {key}) AS key
    )
    INSERT INTO import_reject (import_id, row_no, column_name, code, value)
    SELECT :import_id, row_no, '{first}', 'duplicate_key', key FROM earlier
"""


async def settle_sales(session: AsyncSession, import_id: int, *, drop_exact_repeats: bool) -> None:
    """Give every sales line its key; turn away exact repeats where the profile says so."""
    stage = stage_name(import_id)
    await session.execute(text("SET LOCAL work_mem = '128MB'"))
    nth_repeat = NTH_REPEAT if drop_exact_repeats else "1"
    await session.execute(text(SALES_KEYED.format(stage=stage, nth_repeat=nth_repeat)))
    if drop_exact_repeats:
        await session.execute(text(REPEATS.format(stage=stage)), {"import_id": import_id})
        await session.execute(text(f"DELETE FROM {stage}_keyed WHERE nth_repeat > 1"))
    await session.execute(text(f"DROP TABLE {stage}"))
    await session.execute(
        text(f"ALTER TABLE {stage}_keyed RENAME TO {stage.partition('.')[2]}")
    )


async def reject_duplicate_keys(session: AsyncSession, kind: str, import_id: int) -> None:
    """Of rows with the same key keep the last."""
    key = KEYS[kind]
    statement = DUPLICATE_KEYS.format(
        stage=stage_name(import_id), key=", ".join(key), first=key[0]
    )
    await session.execute(text(statement), {"import_id": import_id})


UNLISTED_SKUS = """
    WITH added AS (
        INSERT INTO sku (sku_id, name, item_class, is_listed, is_price_derived, is_cost_derived)
        SELECT sku_id, {name}, 'staple', false, false, false FROM {stage} GROUP BY sku_id
        ORDER BY sku_id
        ON CONFLICT (sku_id) DO NOTHING RETURNING 1
    ) SELECT count(*) FROM added
"""
UNLISTED_LOCATIONS = """
    WITH added AS (
        INSERT INTO location (location_id, location_type, channel, is_listed)
        SELECT DISTINCT location_id,
               CASE WHEN location_id = 'EC' THEN 'ec' ELSE 'store' END,
               CASE WHEN location_id = 'EC' THEN 'ec' ELSE 'store' END, false
        FROM {stage} ORDER BY location_id
        ON CONFLICT (location_id) DO NOTHING RETURNING 1
    ) SELECT count(*) FROM added
"""


async def add_unlisted(session: AsyncSession, kind: str, import_id: int) -> dict[str, int]:
    """Create the SKUs and locations that the rows name and no master file has named yet."""
    stage = stage_name(import_id)
    name = "mode() WITHIN GROUP (ORDER BY sku_name)" if kind == "sales" else "NULL"
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
            "import_id": ":import_id",
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
            "import_id": ":import_id",
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


async def merge(
    session: AsyncSession, kind: str, import_id: int, *, given: set[str], timezone: str
) -> dict[str, int]:
    """Add new rows, correct changed ones, leave equal ones; return how many of each.

    A column that the file does not have (not in ``given``) leaves known rows as they are.
    Ordered by key, so that two imports at once take their row locks in one order.
    """
    table, columns = TARGETS[kind]
    key = KEYS[kind]
    implied = {"sold_on": "sold_at", "is_listed": key[0]}
    values = [n for n in columns if n not in key and implied.get(n, n) in given]
    updated = [*values, *(["import_id"] if "import_id" in columns else [])]
    statement = f"""
        WITH merged AS (
            INSERT INTO {table} ({", ".join(columns)})
            SELECT {", ".join(columns.values())} FROM {stage_name(import_id)}
            ORDER BY {", ".join(key)}
            ON CONFLICT ({", ".join(key)}) DO UPDATE
            SET {", ".join(f"{name} = excluded.{name}" for name in updated)}
            WHERE ({", ".join(f"{table}.{name}" for name in values)})
                IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in values)})
            RETURNING xmax = 0 AS is_new
        )
        SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new),
               (SELECT count(*) FROM {stage_name(import_id)}) FROM merged
    """
    parameters: dict[str, object] = {}
    if ":import_id" in statement:
        parameters["import_id"] = import_id
    if ":timezone" in statement:
        parameters["timezone"] = timezone
    new, changed, staged = (await session.execute(text(statement), parameters)).one()
    return {"new": new, "changed": changed, "same": staged - new - changed}


async def staged_sales_totals(session: AsyncSession, import_id: int) -> dict[str, object]:
    """What the good sales lines of a file add up to: members, guests, returns."""
    statement = f"""
        SELECT part, count(*) AS lines, count(DISTINCT order_id) AS orders,
               count(DISTINCT sku_id) AS skus, count(DISTINCT customer_id) AS customers,
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
