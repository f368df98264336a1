"""The stage of an import: good rows by COPY, keyed and without repeats, outside the tables.

Texts are sorted by their bytes (COLLATE "C"): many times faster than by a language, and in the
same order on every server.
"""

import asyncio
from collections.abc import Coroutine
from io import BytesIO
from typing import Any

import polars as pl
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.targets import TARGETS

MEMORY = "128MB"  # for one sort or hash of a large file's rows
STATISTICS = 30  # of 100: a partition is looked at soon again by the server itself


def stage_name(import_id: int) -> str:
    return f"staging.import_{import_id:d}"


async def create_stage(session: AsyncSession, kind: str, import_id: int) -> None:
    """An empty stage; what an interrupted run of the same import left is thrown away."""
    await drop_stage(session, import_id)
    stage = stage_name(import_id)
    columns = ", ".join(f"{name} {sql}" for name, sql in TARGETS[kind].stage.items())
    await session.execute(text(f"CREATE UNLOGGED TABLE {stage} ({columns})"))


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
    await _or_lost(
        driver,
        driver.copy_to_table(
            name,
            schema_name=schema or None,
            columns=rows.columns,
            source=source,
            format="csv",
            encoding="utf-8",
        ),
    )


async def _or_lost(driver: Any, copying: Coroutine[Any, Any, object]) -> None:
    """Wait for a COPY; where the connection breaks meanwhile, the driver alone waits for ever."""
    is_lost = asyncio.Event()

    def lost(_: object) -> None:
        is_lost.set()

    driver.add_termination_listener(lost)
    tasks = [asyncio.ensure_future(copying), asyncio.ensure_future(is_lost.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise ConnectionResetError("the connection was lost during a COPY")
        await tasks[0]
    finally:
        driver.remove_termination_listener(lost)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


# What the rows of one file say against each other, found in one pass: ``nth_repeat`` counts
# rows equal in every column; ``line_key`` is the line's number as given, else the SKU and how
# many lines of it the order has so far: ``A#1``, ``A#2``; returns are counted apart, as ``A#r1``,
# so that one that comes in a later file never passes for a correction of the sale. A line that
# was turned away keeps its place among them.
NUMBERED = """
    CREATE UNLOGGED TABLE {stage}_numbered AS
    SELECT row_no, {columns}, coalesce(line_key, sku_id || CASE WHEN quantity < 0 THEN '#r' ELSE '#'
               END || count(*) FILTER (WHERE nth_repeat = 1 OR is_reserved) OVER (
                      PARTITION BY {parent} COLLATE "C", sku_id COLLATE "C",
                                   location_id COLLATE "C", line_key IS NULL,
                                   coalesce(quantity, 1) < 0
                      ORDER BY row_no
                  )) AS line_key, nth_repeat
    FROM (SELECT *, {nth_repeat} AS nth_repeat FROM {stage}) AS counted
"""
NTH_REPEAT = "row_number() OVER (PARTITION BY {all} ORDER BY row_no)"
REPEATS = """
    WITH repeated AS (
        DELETE FROM {stage}_numbered WHERE nth_repeat > 1 AND is_reserved IS NOT TRUE
        RETURNING row_no, order_id
    )
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


async def number_lines(
    session: AsyncSession, kind: str, import_id: int, *, drop_exact_repeats: bool = False
) -> None:
    """Give every line its key; turn away exact repeats where the profile says so."""
    target, stage = TARGETS[kind], stage_name(import_id)
    assert target.numbered
    columns = {name: sql for name, sql in target.stage.items() if name != "row_no"}
    # In the order in which lines are numbered, so that they have to be sorted but once.
    first = [target.numbered, "sku_id", "location_id"]
    names = [*first, *(name for name in columns if name not in first)]
    every = ", ".join(f'{name} COLLATE "C"' if columns[name] == "text" else name for name in names)
    numbered = NUMBERED.format(
        stage=stage,
        columns=", ".join(name for name in columns if name != "line_key"),
        parent=target.numbered,
        nth_repeat=NTH_REPEAT.format(all=every) if drop_exact_repeats else "1",
    )
    await session.execute(text(numbered))
    if drop_exact_repeats:
        await session.execute(text(REPEATS.format(stage=stage)), {"import_id": import_id})
    await session.execute(text(f"DROP TABLE {stage}"))
    await session.execute(text(f"ALTER TABLE {stage}_numbered RENAME TO {stage.partition('.')[2]}"))


RESERVED = """
    WITH reserved AS (DELETE FROM {stage} WHERE is_reserved RETURNING row_no, line_key)
    UPDATE import_reject_row AS row SET line_key = reserved.line_key
    FROM reserved WHERE row.import_id = :import_id AND row.row_no = reserved.row_no
"""


async def keep_reserved_keys(session: AsyncSession, import_id: int) -> None:
    """Note with each rejected line the key that it has once it is corrected."""
    statement = text(RESERVED.format(stage=stage_name(import_id)))
    await session.execute(statement, {"import_id": import_id})


async def reject_duplicate_keys(session: AsyncSession, kind: str, import_id: int) -> None:
    """Of rows with the same key keep the last."""
    key = TARGETS[kind].key
    statement = DUPLICATE_KEYS.format(stage=stage_name(import_id), key=", ".join(key), first=key[0])
    await session.execute(text(statement), {"import_id": import_id})


async def take_room(session: AsyncSession) -> None:
    """Let the transaction's sorts keep a large file in memory, and its counts be rough ones."""
    await session.execute(text(f"SET LOCAL work_mem = '{MEMORY}'"))
    await session.execute(text(f"SET LOCAL default_statistics_target = {STATISTICS}"))


async def know_stage(session: AsyncSession, import_id: int) -> None:
    """Let the server count the stage, since it plans badly what it does not know."""
    await session.execute(text(f"ANALYZE {stage_name(import_id)}"))


PART = """CASE WHEN quantity < 0 THEN 'returns' WHEN customer_id IS NULL THEN 'guest_sales'
                    ELSE 'customer_sales' END"""
TOTALS = f"""
    SELECT part, lines, orders, skus, customers, revenue FROM (
        SELECT {PART} AS part, count(*) AS lines,
               round(sum(quantity * unit_price), 2)::float AS revenue
        FROM {{stage}} GROUP BY 1
    ) AS added_up
    {{counts}}
"""
COUNT = f"""
    JOIN (SELECT part, count({{column}}) AS {{name}} FROM (
              SELECT DISTINCT {PART} AS part, {{column}} FROM {{stage}}
          ) AS differing GROUP BY part) AS of_{{name}} USING (part)
"""
COUNTED = {"orders": "order_id", "skus": "sku_id", "customers": "customer_id"}


async def staged_sales_totals(session: AsyncSession, import_id: int) -> dict[str, object]:
    """What the good sales lines of a file add up to: members, guests, returns."""
    stage = stage_name(import_id)
    counts = (COUNT.format(stage=stage, name=n, column=c) for n, c in COUNTED.items())
    statement = text(TOTALS.format(stage=stage, counts="".join(counts)))
    rows = (await session.execute(statement)).mappings()
    return {row["part"]: {k: v for k, v in row.items() if k != "part"} for row in rows}
