"""Views of the stock: the figures of each row, and what is doubtful about them in words."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.data_flags import data_flags
from app.queries import inventory, ledger
from app.queries.key_order import After
from app.queries.size_runs import SizeRun, size_runs
from app.queries.stock_view import Level, View, first_day, stock_rows, stock_statement
from app.services.policies import policy_in_force

CHUNK = 1000


async def period(session: AsyncSession, as_of: date | None, weeks: int | None) -> tuple[date, date]:
    """First and last day of the period that sales are looked at.

    It is as many weeks as asked for, else as the policy says, and ends on the day asked for, else
    where the data end.
    """
    day = as_of or await inventory.last_data_day(session) or date.max
    length = weeks or (await policy_in_force(session)).policy.sell_through_weeks
    return first_day(day, length), day


async def stock_page(
    session: AsyncSession, view: View, *, after: After | None = None, limit: int
) -> list[dict[str, Any]]:
    """Rows of the view in its order, those after the last one seen."""
    rows = await stock_rows(session, view, after=after, limit=limit)
    return await _described(session, view, rows)


async def all_stock(session: AsyncSession, view: View) -> AsyncIterator[list[dict[str, Any]]]:
    """All rows of the view, some at a time."""
    statement, parameters = stock_statement(view)
    found = await session.stream(text(statement), parameters)
    async for rows in found.mappings().partitions(CHUNK):
        yield await _described(session, view, list(rows))


async def _described(
    session: AsyncSession, view: View, rows: list[RowMapping]
) -> list[dict[str, Any]]:
    if not rows:
        return []
    contradicting = await ledger.contradicting(session, view, rows)
    is_style = view.level == "style"
    runs = await size_runs(session, view, rows) if is_style else {}
    return [_row(view, row, (row["item"], row["place"]) in contradicting, runs) for row in rows]


def _row(
    view: View,
    row: RowMapping,
    is_contradicting: bool,
    runs: dict[tuple[str, str], SizeRun],
) -> dict[str, Any]:
    run = runs.get((row["item"], row["place"]))
    level: Level = view.level
    return {
        **row,
        "sku_id": row["item"] if level == "sku" else None,
        "style_id": row["item"] if level == "style" else row["style_id"],
        "location_id": row["place"] if view.by == "location" else None,
        "channel": None if view.by == "all" else row["channel"],
        "size_run": run.share if run else None,
        "missing_sizes": run.missing if run else None,
        "data_flags": data_flags({**row, "is_contradicting": is_contradicting}),
    }
