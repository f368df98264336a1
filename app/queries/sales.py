"""What was sold, summed up."""

from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

GROUPS: dict[str, str] = {
    "channel": "location.channel",
    "location": "sale.location_id",
    "sku": "sale.sku_id",
    "style": "coalesce(sku.style_id, sale.sku_id)",
    "category": "coalesce(sku.category, '')",
    "day": "sale.sold_on::text",
    "week": "date_trunc('week', sale.sold_on)::date::text",
    "month": "to_char(sale.sold_on, 'YYYY-MM')",
}


async def sales_by(
    session: AsyncSession,
    groups: list[str],
    *,
    start: date,
    end: date,
    limit: int,
    after: tuple[Any, ...] | None,
    sku_id: str | None = None,
    channel: str | None = None,
) -> list[RowMapping]:
    """Units, revenue, gross margin and discount per group, in the order of the groups.

    Returns count as negative units and revenue. Gross margin is over the lines whose SKU has
    a unit cost, and is null where none has; discount is what was paid below list price.
    """
    keys = {f"key_{name}": GROUPS[name] for name in groups}
    where = ["sale.sold_on BETWEEN :start AND :end"]
    parameters: dict[str, Any] = {"start": start, "end": end, "limit": limit}
    if sku_id is not None:
        where.append("sale.sku_id = :sku_id")
        parameters["sku_id"] = sku_id
    if channel is not None:
        where.append("location.channel = :channel")
        parameters["channel"] = channel
    if after is not None:
        names = [f"after_{i}" for i in range(len(after))]
        where.append(
            f"({', '.join(keys.values())}) > ({', '.join(f'CAST(:{n} AS text)' for n in names)})"
        )
        parameters |= dict(zip(names, after, strict=True))
    statement = f"""
        SELECT {", ".join(f"{sql} AS {name}" for name, sql in keys.items())},
               sum(quantity)::bigint AS units,
               coalesce(-sum(quantity) FILTER (WHERE quantity < 0), 0)::bigint AS units_returned,
               round(sum(quantity * unit_price), 2)::float AS revenue,
               sum(quantity * (unit_price::float - sku.unit_cost)) AS gross_margin,
               coalesce(sum(quantity * (sku.list_price - unit_price::float))
                   FILTER (WHERE sku.list_price > unit_price), 0) AS discount,
               coalesce(bool_or(sku.is_cost_derived), false) AS is_cost_derived,
               coalesce(bool_or(sku.is_price_derived), false) AS is_price_derived
        FROM sale JOIN sku USING (sku_id) JOIN location USING (location_id)
        WHERE {" AND ".join(where)}
        GROUP BY {", ".join(str(i + 1) for i in range(len(keys)))}
        ORDER BY {", ".join(str(i + 1) for i in range(len(keys)))}
        LIMIT :limit
    """
    return list((await session.execute(text(statement), parameters)).mappings())
