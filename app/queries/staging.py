"""The stage of an import: good rows by COPY, keyed and without repeats, outside the tables.

Texts are sorted by their bytes (COLLATE "C"): many times faster than by a language, and in the
same order on every server.
"""

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
KEYS = {
    "sales": ["order_id", "line_key"],
    "stock": ["sku_id", "location_id", "counted_on"],
    "products": ["sku_id"],
}
MEMORY = "128MB"  # for one sort or hash of a large file's rows


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


FORGOTTEN = """
    SELECT batch.import_id
    FROM pg_class AS stage
    JOIN pg_namespace AS folder ON folder.oid = stage.relnamespace AND folder.nspname = 'staging'
    JOIN import_batch AS batch ON stage.relname = 'import_' || batch.import_id
    JOIN job ON job.job_id = batch.job_id AND job.status IN ('succeeded', 'failed')
"""


async def drop_forgotten_stages(session: AsyncSession) -> None:
    """Drop the stages of jobs that have ended, whose workers were killed too often to do it."""
    for import_id in await session.scalars(text(FORGOTTEN)):
        await drop_stage(session, import_id)


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


# What the rows of one file say against each other, found in one pass: ``nth_repeat`` counts
# sales lines equal in every column; ``line_key`` is the line's number as given, else the SKU
# and how many lines of it the order has so far: ``A#1``, ``A#2``; returns are counted apart, as
# ``A#r1``, so that one that comes in a later file never passes for a correction of the sale.
SALES_KEYED = """
    CREATE UNLOGGED TABLE {stage}_keyed AS
    SELECT *, coalesce(line_no, sku_id || CASE WHEN quantity < 0 THEN '#r' ELSE '#' END
               || count(*) FILTER (WHERE nth_repeat = 1) OVER (
                      PARTITION BY order_id COLLATE "C", sku_id COLLATE "C", line_no IS NULL,
                                   quantity < 0
                      ORDER BY row_no
                  ) {after}) AS line_key
    FROM (SELECT *, {nth_repeat} AS nth_repeat FROM {stage}) AS counted
"""
# Rows that come back corrected count on from the lines that were loaded when they were rejected.
# Those are told by their import, so that rows sent once more are given the same numbers.
AFTER = """+ coalesce((
    SELECT max(substring(
        substr(sale.line_key, length(counted.sku_id) + 1)
        FROM CASE WHEN counted.quantity < 0 THEN '^#r([0-9]{{1,9}})$' ELSE '^#([0-9]{{1,9}})$' END
    )::bigint)
    FROM sale
    WHERE sale.order_id = counted.order_id AND starts_with(sale.line_key, counted.sku_id)
      AND sale.import_id IN ({import_ids})
), 0)"""
NTH_REPEAT = """row_number() OVER (
    PARTITION BY order_id COLLATE "C", sku_id COLLATE "C", quantity, unit_price, sold_at,
                 customer_id COLLATE "C", sku_name COLLATE "C", location_id COLLATE "C",
                 line_no COLLATE "C"
    ORDER BY row_no
)"""
REPEATS = """
    WITH repeated AS (DELETE FROM {stage}_keyed WHERE nth_repeat > 1 RETURNING row_no, order_id)
    INSERT INTO import_reject (import_id, row_no, column_name, code, value)
    SELECT :import_id, row_no, '', 'exact_repeat', order_id FROM repeated
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
    SELECT :import_id, row_no, '{first}', 'duplicate_key', left(key, 200) FROM earlier
"""


async def settle_sales(
    session: AsyncSession, import_id: int, *, drop_exact_repeats: bool, after: list[int]
) -> None:
    """Give every sales line its key; turn away exact repeats where the profile says so.

    ``after`` are the imports whose rejected rows these are, if they are any: lines without a
    number come after theirs.
    """
    stage = stage_name(import_id)
    keyed = SALES_KEYED.format(
        stage=stage,
        nth_repeat=NTH_REPEAT if drop_exact_repeats else "1",
        after=AFTER.format(import_ids=", ".join(f"{number:d}" for number in after))
        if after
        else "",
    )
    await session.execute(text(keyed))
    if drop_exact_repeats:
        await session.execute(text(REPEATS.format(stage=stage)), {"import_id": import_id})
    await session.execute(text(f"DROP TABLE {stage}"))
    await session.execute(text(f"ALTER TABLE {stage}_keyed RENAME TO {stage.partition('.')[2]}"))


async def reject_duplicate_keys(session: AsyncSession, kind: str, import_id: int) -> None:
    """Of rows with the same key keep the last."""
    key = KEYS[kind]
    statement = DUPLICATE_KEYS.format(stage=stage_name(import_id), key=", ".join(key), first=key[0])
    await session.execute(text(statement), {"import_id": import_id})


async def take_room(session: AsyncSession) -> None:
    """Let the transaction's sorts keep a large file in memory."""
    await session.execute(text(f"SET LOCAL work_mem = '{MEMORY}'"))


async def know_stage(session: AsyncSession, import_id: int) -> None:
    """Let the server count the stage, since it plans badly what it does not know."""
    await session.execute(text(f"ANALYZE {stage_name(import_id)}"))
