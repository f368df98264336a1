"""Sales from the stage into their quarters, and the daily sums kept in step.

A line is known by its order, its number in it and its location (tills of different shops use the
same numbers), wherever its day lies, so a correction of the day moves it into another partition.
The daily sums of a SKU at a location are added up anew for every day that new, changed or moved
lines touch, and for no other.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TypeAlias

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries import partitions
from app.queries.merging import rows_written, staged_rows, stated_columns
from app.queries.staging import stage_name
from app.queries.targets import TARGETS

Told: TypeAlias = Callable[[int], Awaitable[None]]

SALES = TARGETS["sales"]
COLUMNS = ", ".join([*SALES.columns, *SALES.fixed])
STAGED = ", ".join([*SALES.columns, *SALES.fixed.values()])
KEY = ", ".join(SALES.key)
KNOWN = f"""
    CREATE UNLOGGED TABLE {{stage}}_known AS
    SELECT staged.row_no, sale.sold_on, sale.sku_id, sale.location_id,
           ({{stored}}) IS DISTINCT FROM ({{told}}) AS is_changed
    FROM {{stage}} AS staged JOIN sale USING ({KEY})
"""
CHANGE = """
    UPDATE sale SET {settings}
    FROM {stage} AS staged JOIN {stage}_known AS known USING (row_no)
    WHERE known.is_changed AND sale.sold_on = known.sold_on AND {is_same_key}
"""
ADD = f"""
    INSERT INTO {{table}} ({COLUMNS})
    SELECT {STAGED} FROM {{stage}} AS staged
    WHERE sold_on >= '{{first}}' AND sold_on < date '{{first}}' + interval '3 months'
      AND NOT EXISTS (SELECT FROM {{stage}}_known AS known WHERE known.row_no = staged.row_no)
"""
TOUCHED = """
    CREATE UNLOGGED TABLE {stage}_touched AS
    SELECT staged.sku_id, staged.location_id, staged.sold_on
    FROM {stage} AS staged LEFT JOIN {stage}_known AS known USING (row_no)
    WHERE date_trunc('quarter', staged.sold_on)::date <> ALL ({fresh})
      AND known.is_changed IS NOT FALSE
    UNION
    SELECT sku_id, location_id, sold_on FROM {stage}_known WHERE is_changed
"""
ADDED_UP = """
    SELECT sku_id, location_id, sold_on, sum(quantity),
           coalesce(-sum(quantity) FILTER (WHERE quantity < 0), 0), sum(quantity * unit_price),
           coalesce(sum(quantity * list_price), 0),
           coalesce(sum(quantity) FILTER (WHERE list_price IS NULL), 0),
           coalesce(sum(quantity * unit_price) FILTER (WHERE list_price IS NULL), 0)
    FROM {sales} WHERE quantity <> 0 GROUP BY 1, 2, 3
"""
DAILY = (
    "sku_id, location_id, sold_on, units, units_returned, revenue, list_value, unpriced_units,"
    " unpriced_revenue"
)
FORGET_TOUCHED = """
    DELETE FROM {daily} AS daily USING {stage}_touched AS touched
    WHERE daily.sku_id = touched.sku_id AND daily.location_id = touched.location_id
      AND daily.sold_on = touched.sold_on
"""


async def merge_sales(
    session: AsyncSession, import_id: int, *, given: set[str], told: Told
) -> dict[str, int]:
    """Add new lines, correct changed ones, leave equal ones; return how many of each.

    ``told`` is told from time to time how many lines have been added.
    A column that the file does not have (not in ``given``) leaves known lines as they are. The
    caller has seen to it that nobody else merges (``take_turn``).
    """
    stage = stage_name(import_id)
    values = _told(given)
    known = await rows_written(
        session,
        KNOWN.format(
            stage=stage,
            stored=", ".join(f"sale.{name}" for name in values),
            told=", ".join(values.values()),
        ),
    )
    await session.execute(text(f"ANALYZE {stage}_known"))
    quarters = await _quarters(session, stage)
    fresh = [first for first in quarters if not await partitions.exists(session, "sale", first)]
    new = 0
    for first in fresh:
        new += await _add_quarter(session, import_id, first)
        await told(new)
    changed = await _correct(session, import_id, values) if known else 0
    for first in quarters:
        if first not in fresh:
            add = ADD.format(table="sale", stage=stage, first=first)
            new += await rows_written(session, add, import_id=import_id)
            await told(new)
    await _add_up_fresh(session, fresh)
    if known or fresh != quarters:
        await _add_up_touched(session, stage, fresh)
    for name in ("known", "touched"):
        await session.execute(text(f"DROP TABLE IF EXISTS {stage}_{name}"))
    same = await staged_rows(session, import_id) - new - changed
    return {"new": new, "changed": changed, "same": same}


def _told(given: set[str]) -> dict[str, str]:
    """What a file with the ``given`` columns says of a known line, by column."""
    told = {name: f"staged.{name}" for name in stated_columns(SALES, given)}
    if "discount" in given and "list_price" not in told:
        # Followed from a discount where there is one; where there is none, nothing is said of it.
        told["list_price"] = "coalesce(staged.list_price, sale.list_price)"
    return told


async def _quarters(session: AsyncSession, stage: str) -> list[date]:
    """First days of the quarters that the staged lines lie in."""
    days = text(f"SELECT DISTINCT date_trunc('quarter', sold_on)::date FROM {stage} ORDER BY 1")
    return list(await session.scalars(days))


async def _add_quarter(session: AsyncSession, import_id: int, first: date) -> int:
    async def fill(table: str) -> int:
        add = ADD.format(table=table, stage=stage_name(import_id), first=first)
        return await rows_written(session, add, import_id=import_id)

    new = await partitions.add(session, "sale", first, fill)
    await partitions.know(session, "sale", first)
    return new


async def _correct(session: AsyncSession, import_id: int, values: dict[str, str]) -> int:
    settings = ", ".join(f"{name} = {told}" for name, told in values.items())
    change = CHANGE.format(
        stage=stage_name(import_id),
        settings=f"{settings}, import_id = :import_id",
        is_same_key=" AND ".join(f"sale.{name} = staged.{name}" for name in SALES.key),
    )
    return await rows_written(session, change, import_id=import_id)


async def _add_up_fresh(session: AsyncSession, fresh: list[date]) -> None:
    """The daily sums of quarters that had none."""
    for first in fresh:
        sales = partitions.partition_name("sale", first)

        async def fill(table: str, sales: str = sales) -> int:
            add_up = f"INSERT INTO {table} ({DAILY}) {ADDED_UP.format(sales=sales)}"
            return await rows_written(session, add_up)

        await partitions.add(session, "sales_daily", first, fill)
        await partitions.know(session, "sales_daily", first)


async def _add_up_touched(session: AsyncSession, stage: str, fresh: list[date]) -> None:
    """Add up anew the days that lines were added to, or moved from, in other quarters."""
    dates = ", ".join(f"date '{first}'" for first in fresh)
    touched = TOUCHED.format(stage=stage, fresh=f"ARRAY[{dates}]::date[]")
    await session.execute(text(touched))
    await session.execute(text(f"ANALYZE {stage}_touched"))
    for first in await _quarters(session, f"{stage}_touched"):
        if first not in fresh:
            daily = partitions.partition_name("sales_daily", first)
            sales = (
                f"{partitions.partition_name('sale', first)}"
                f" JOIN {stage}_touched USING (sku_id, location_id, sold_on)"
            )
            await session.execute(text(FORGET_TOUCHED.format(daily=daily, stage=stage)))
            add_up = f"INSERT INTO {daily} ({DAILY}) {ADDED_UP.format(sales=sales)}"
            await session.execute(text(add_up))
