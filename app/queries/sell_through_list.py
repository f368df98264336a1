"""The list of sell-throughs that the last evaluation has left."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.key_order import After, bound_after, order_by, rows_after
from app.queries.selection import Selection

KEYS = ["sku_id", "location_id"]
SORTS = {
    name: name
    for name in ("units_left", "value_left", "late_probability", "sold_out_probability", "on_hand")
} | {
    # what is not gone within the horizon is later than all that is
    "days_late": "CASE WHEN verdict = 'late' THEN coalesce(days_late, 1000000) ELSE days_late END"
}
CHUNK = 1000

ROWS = """
    SELECT * FROM (
        SELECT *, CAST({sort} AS float8) AS sort_value FROM (
            SELECT listed.*, sku.name, sku.style_id, sku.category, sku.season_code, sku.brand,
                   listed.units_left * sku.unit_cost AS value_left
            FROM sell_through AS listed JOIN sku USING (sku_id) JOIN location USING (location_id)
            WHERE {of_skus} AND {of_locations} AND {of_verdict}
        ) AS named
    ) AS sorted
    WHERE {after} ORDER BY {order}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """Which rows, in which order; a ``sort`` of None: by SKU and location."""

    selection: Selection
    verdict: str | None = None
    sort: str | None = None
    is_falling: bool = False

    def statement(self, after: After | None) -> tuple[str, dict[str, Any]]:
        is_falling = self.is_falling if self.sort else None
        statement = ROWS.format(
            sort=SORTS[self.sort] if self.sort else "NULL",
            of_skus=self.selection.of_skus(),
            of_locations=self.selection.of_locations(),
            of_verdict="true" if self.verdict is None else "listed.verdict = :verdict",
            after=rows_after(after, KEYS, is_falling=is_falling),
            order=order_by(KEYS, is_falling=is_falling),
        )
        bound = self.selection.bound() | bound_after(after, has_sort=self.sort is not None)
        return statement, bound | ({"verdict": self.verdict} if self.verdict else {})


async def list_page(
    session: AsyncSession, view: ListView, *, after: After | None, limit: int
) -> list[RowMapping]:
    """Rows of the list in its order, those after the last one seen."""
    statement, bound = view.statement(after)
    found = await session.execute(text(f"{statement} LIMIT :limit"), bound | {"limit": limit})
    return list(found.mappings())


async def whole_list(session: AsyncSession, view: ListView) -> AsyncIterator[list[RowMapping]]:
    """All rows of the list, some at a time."""
    statement, bound = view.statement(None)
    found = await session.stream(text(statement), bound)
    async for rows in found.mappings().partitions(CHUNK):
        yield list(rows)
