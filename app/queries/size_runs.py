"""How complete the size run of a style is, place by place (サイズ欠け)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.stock_view import ITEM, PLACE, View

VARIANTS = """
    WITH asked AS (
        SELECT * FROM unnest(CAST(:items AS text[]), CAST(:places AS text[])) AS asked (item, place)
    )
    SELECT asked.item, asked.place, sku.color, sku.size,
           coalesce(bool_or(last.on_hand > 0), false) AS is_there
    FROM asked JOIN sku ON {item} = asked.item AND sku.size IS NOT NULL
              AND sku.item_class <> 'service'
         JOIN location ON {place} = asked.place AND {of_locations}
         LEFT JOIN LATERAL (
             SELECT on_hand FROM stock_level AS level
             WHERE level.sku_id = sku.sku_id AND level.location_id = location.location_id
               AND level.counted_on <= '{as_of}'
             ORDER BY counted_on DESC LIMIT 1
         ) AS last ON true
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRun:
    """Of the style's colours and sizes: how many are in stock, and which are not."""

    variants: int
    missing: list[str]

    @property
    def share(self) -> float:
        return 1 - len(self.missing) / self.variants


async def size_runs(
    session: AsyncSession, view: View, rows: list[Any]
) -> dict[tuple[str, str], SizeRun]:
    """The size runs of a view's rows by item and place; none for a style without sizes.

    Every colour and size that the catalogue has of the style belongs to its run, whatever else
    the view leaves out.
    """
    statement = VARIANTS.format(
        item=ITEM[view.level],
        place=PLACE[view.by],
        of_locations=view.selection.of_locations(),
        as_of=view.as_of,
    )
    named = ("location_id", "channel")
    bound = {name: value for name, value in view.selection.bound().items() if name in named}
    found = await session.execute(
        text(statement),
        {
            **bound,
            "items": [row["item"] for row in rows],
            "places": [row["place"] for row in rows],
        },
    )
    variants: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for item, place, color, size, is_there in found:
        variant = f"{color} {size}" if color else size
        variants.setdefault((item, place), []).append((variant, is_there))
    return {
        key: SizeRun(
            variants=len(those), missing=[name for name, is_there in those if not is_there]
        )
        for key, those in variants.items()
    }
