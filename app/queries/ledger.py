"""The stock ledger 受払: what two counts in a row say, against what came and went between them."""

from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.key_order import After, bound_after, rows_after
from app.queries.stock_view import ALL_POSITIONS, ITEM, PLACE, View

# A count is of the end of its day: what moves or is sold on the day comes before it.
BETWEEN = """
    CROSS JOIN LATERAL (
        SELECT counted_on AS opened_on, on_hand AS opening, is_derived AS is_opening_derived
        FROM stock_level AS before
        WHERE before.sku_id = closing.sku_id AND before.location_id = closing.location_id
          AND before.counted_on < closing.counted_on
        ORDER BY counted_on DESC LIMIT 1
    ) AS opening
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(quantity), 0)::bigint AS moved,
               coalesce(sum(quantity) FILTER (WHERE movement_type = 'receipt'), 0)::bigint
                   AS received,
               coalesce(sum(quantity) FILTER (WHERE movement_type = 'transfer'), 0)::bigint
                   AS transferred,
               coalesce(sum(quantity) FILTER (WHERE movement_type = 'supplier_return'), 0)::bigint
                   AS returned_to_supplier,
               coalesce(sum(quantity) FILTER (WHERE movement_type = 'adjustment'), 0)::bigint
                   AS adjusted,
               coalesce(sum(quantity) FILTER (WHERE movement_type = 'loss'), 0)::bigint AS lost
        FROM stock_movement AS movement
        WHERE movement.sku_id = closing.sku_id AND movement.location_id = closing.location_id
          AND moved_on > opening.opened_on AND moved_on <= closing.counted_on
    ) AS movements
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(units), 0)::bigint AS units,
               coalesce(sum(units_returned), 0)::bigint AS returned
        FROM sales_daily AS daily
        WHERE daily.sku_id = closing.sku_id AND daily.location_id = closing.location_id
          AND sold_on > opening.opened_on AND sold_on <= closing.counted_on
    ) AS sales
"""
LEDGER = """
    SELECT closing.sku_id, closing.location_id, opened_on, closing.counted_on AS closed_on,
           opening, received, transferred, returned_to_supplier, adjusted, lost,
           units + returned AS sold, returned, opening + moved - units AS expected,
           closing.on_hand AS counted, closing.on_hand - (opening + moved - units) AS difference,
           closing.is_derived OR is_opening_derived AS is_derived
    FROM stock_level AS closing {between}
    WHERE {where}
    ORDER BY closing.sku_id, closing.location_id, closing.counted_on LIMIT :limit
"""
CONTRADICTING = """
    WITH asked AS (
        SELECT * FROM unnest(CAST(:items AS text[]), CAST(:places AS text[])) AS asked (item, place)
    ), closing AS MATERIALIZED ({positions})
    SELECT DISTINCT asked.item, asked.place
    FROM closing JOIN sku ON sku.sku_id = closing.sku_id
         JOIN location ON location.location_id = closing.location_id
         JOIN asked ON asked.item = {item} AND asked.place = {place} {between}
    WHERE NOT closing.is_derived AND NOT is_opening_derived
      AND closing.on_hand <> opening + moved - units
"""


async def ledger_page(
    session: AsyncSession,
    *,
    sku_id: str | None,
    location_id: str | None,
    differences_only: bool,
    after: After | None,
    limit: int,
) -> list[RowMapping]:
    """Pairs of counts of a SKU at a location, the earlier one first, in key order.

    Expected is the opening count, and all movements, less what was sold net of returns; the
    difference is what was counted more than that, in units.
    """
    where, parameters = ["true"], {"limit": limit, **bound_after(after, has_sort=False)}
    for name, value in (("sku_id", sku_id), ("location_id", location_id)):
        if value is not None:
            where.append(f"closing.{name} = :{name}")
            parameters[name] = value
    keys = ["closing.sku_id", "closing.location_id", "closing.counted_on::text"]
    where.append(rows_after(after, keys, is_falling=None))
    if differences_only:
        where.append("closing.on_hand <> opening + moved - units")
    statement = LEDGER.format(between=BETWEEN, where=" AND ".join(where))
    return list((await session.execute(text(statement), parameters)).mappings())


async def contradicting(session: AsyncSession, view: View, rows: list[Any]) -> set[tuple[str, str]]:
    """Those of a view's rows, as item and place, whose last count the ledger does not lead to.

    It is enough that one of a row's positions has such a count. What was not counted but derived
    cannot contradict.
    """
    words = {
        "as_of": view.as_of,
        "item": ITEM[view.level],
        "place": PLACE[view.by],
        "of_skus": view.selection.of_skus(),
        "of_locations": view.selection.of_locations(),
    }
    positions = ALL_POSITIONS.format(**words, after=f"{words['item']} = ANY(:items)")
    statement = CONTRADICTING.format(**words, positions=positions, between=BETWEEN)
    found = await session.execute(
        text(statement),
        {
            **view.selection.bound(),
            "items": [row["item"] for row in rows],
            "places": [row["place"] for row in rows],
        },
    )
    return {(item, place) for item, place in found}
