"""What was sold, summed up from the daily sums."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.key_order import After, bound_after, order_by, rows_after
from app.queries.list_prices import PARTS, in_parts, price_on, price_paths
from app.queries.selection import Selection

OF_PLACE = {"channel": "location.channel", "location": "location_id"}
OF_ITEM = {
    "sku": "daily.sku_id",
    "style": "coalesce(sku.style_id, daily.sku_id)",
    "category": "coalesce(sku.category, '')",
    "season": "coalesce(sku.season_code, '')",
    "brand": "coalesce(sku.brand, '')",
    "item_class": "sku.item_class",
}
OF_DAY = {
    "day": ("daily.sold_on", "day::text"),
    "week": ("date_trunc('week', daily.sold_on)::date", "week::text"),
    "month": ("date_trunc('month', daily.sold_on)::date", "left(month::text, -3)"),
}
GROUPS = ("all", *OF_PLACE, *OF_ITEM, *OF_DAY)
SORTS = (
    "units",
    "units_returned",
    "revenue",
    "gross_margin",
    "gross_margin_rate",
    "discount",
    "discount_rate",
    "list_value",
)
SUMS = (
    "units",
    "units_returned",
    "revenue",
    "cost",
    "revenue_without_cost",
    "told_list_value",
    "other_list_value",
    "revenue_without_list",
)
# What is true of some of the lines of a group; one number for all, since each costs as much.
FLAGS = {
    "is_cost_derived": 1,
    "is_price_derived": 2,
    "lacks_cost": 4,
    "has_cost": 8,
    "lacks_price": 16,
}

# Days become weeks and months, and locations channels, after most rows have been summed up.
SALES = """
    WITH summed AS (
        SELECT {inner_keys}
               sum(daily.units) AS units, sum(daily.units_returned) AS units_returned,
               sum(daily.revenue) AS revenue,
               sum(daily.units * {cost}) AS cost,
               sum(daily.revenue) FILTER (WHERE sku.unit_cost IS NULL) AS revenue_without_cost,
               sum(daily.list_value) AS told_list_value,
               sum(CASE WHEN daily.unpriced_units <> 0 THEN daily.unpriced_units * {price} END)
                   AS other_list_value,
               sum(daily.unpriced_revenue) FILTER (WHERE {lacks}) AS revenue_without_list,
               bit_or(CASE WHEN {lacks} AND daily.unpriced_units <> 0
                           THEN sku.flags | {lacks_price} ELSE sku.flags END) AS flags
        FROM sales_daily AS daily JOIN (
            SELECT *, is_cost_derived::int * {is_cost_derived}
                      | is_price_derived::int * {is_price_derived}
                      | CASE WHEN unit_cost IS NULL THEN {lacks_cost} ELSE {has_cost} END AS flags
            FROM ({paths}) AS priced
        ) AS sku USING (sku_id)
        WHERE {where}
        GROUP BY {inner_numbers}
    ), grouped AS (
        SELECT {outer_keys} {sums}, bit_or(flags) AS flags
        FROM summed {places} GROUP BY {outer_numbers}
    ), counted AS (
        SELECT *, revenue - coalesce(revenue_without_cost, 0) AS revenue_with_cost,
               CASE WHEN flags & {has_cost} > 0
                    THEN revenue - coalesce(revenue_without_cost, 0) - cost::numeric / {parts} END
                   AS gross_margin,
               coalesce(told_list_value, 0) + coalesce(other_list_value, 0)::numeric / {parts}
                   AS list_value,
               revenue - coalesce(revenue_without_list, 0) AS revenue_with_list
        FROM grouped WHERE units IS NOT NULL
    ), answered AS (
        SELECT {keys} units::bigint, units_returned::bigint, revenue::float8 AS revenue,
               gross_margin::float8 AS gross_margin,
               CASE WHEN revenue_with_cost > 0
                    THEN (gross_margin / revenue_with_cost)::float8 END AS gross_margin_rate,
               (list_value - revenue_with_list)::float8 AS discount,
               CASE WHEN list_value > 0
                    THEN ((list_value - revenue_with_list) / list_value)::float8 END
                   AS discount_rate,
               list_value::float8 AS list_value, {flags}
        FROM counted
    )
    SELECT * FROM (SELECT *, {sort}::float8 AS sort_value FROM answered) AS sorted
    WHERE {after} ORDER BY {order}
"""


def _keys(groups: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """What the lines are summed up by first, and what the keys are made of it; as SQL."""
    inner: dict[str, str] = {}
    outer: dict[str, str] = {}
    has_item = any(group in OF_ITEM for group in groups)
    for group in groups:
        if group in OF_PLACE:
            inner["location_id"] = "daily.location_id"
            outer[f"key_{group}"] = OF_PLACE[group]
        elif group in OF_ITEM:
            inner[group] = OF_ITEM[group]
            outer[f"key_{group}"] = group
        elif group in OF_DAY:
            column, text_of_it = OF_DAY[group]
            if has_item:  # too many days to sum up each by itself
                inner[group] = column
                outer[f"key_{group}"] = text_of_it
            else:
                inner["day"] = "daily.sold_on"
                trunc = column.replace("daily.sold_on", "day")
                outer[f"key_{group}"] = text_of_it.replace(group, f"({trunc})")
    return inner, outer


def sales_statement(
    groups: list[str],
    selection: Selection,
    *,
    start: date,
    end: date,
    sort: str | None = None,
    is_falling: bool = False,
    after: After | None = None,
    limit: int | None = None,
) -> tuple[str, dict[str, Any]]:
    """Units, revenue, gross margin and discount per group, as SQL with its parameters.

    Returns count as negative units and revenue. Gross margin is over the units whose SKU has a
    unit cost, and null where none has. The discount is list value less revenue, over the units
    whose list price is known: their line's own, else that of the price history on the day, else
    that of the SKU; what was paid above the list price counts against it.
    """
    inner, outer = _keys(groups)
    # Written out, since a plan for any two days is a bad one for all of them.
    where = [f"daily.sold_on BETWEEN '{start}' AND '{end}'", selection.of_skus()]
    if selection.of_locations() != "true":
        places = f"SELECT location_id FROM location WHERE {selection.of_locations()}"
        where.append(f"daily.location_id IN ({places})")
    falling = is_falling if sort else None
    price = price_on("daily.sold_on", "sku")
    statement = SALES.format(
        paths=price_paths(),
        price=in_parts(price),
        cost=in_parts("sku.unit_cost"),
        parts=PARTS,
        lacks=f"sku.list_price IS NULL AND {price} IS NULL",
        inner_keys="".join(f"{sql} AS {name}, " for name, sql in inner.items()),
        inner_numbers=", ".join(str(i + 1) for i in range(len(inner))) or "()",
        where=" AND ".join(where),
        outer_keys="".join(f"{sql} AS {name}, " for name, sql in outer.items()),
        outer_numbers=", ".join(str(i + 1) for i in range(len(outer))) or "()",
        sums=", ".join(f"sum({name}) AS {name}" for name in SUMS),
        flags=", ".join(f"flags & {bit} > 0 AS {name}" for name, bit in FLAGS.items()),
        places="JOIN location USING (location_id)" if "channel" in groups else "",
        keys="".join(f"{name}, " for name in outer),
        **FLAGS,
        sort=sort or "NULL",
        after=rows_after(after, list(outer), is_falling=falling),
        order=order_by(list(outer), is_falling=falling),
    )
    parameters = selection.bound() | bound_after(after, has_sort=sort is not None)
    if limit is not None:
        statement += "LIMIT :limit"
        parameters["limit"] = limit
    return statement, parameters


async def sales_by(
    session: AsyncSession, groups: list[str], selection: Selection, **how: Any
) -> list[RowMapping]:
    """The groups, a page of them; ``how``: see ``sales_statement``."""
    statement, parameters = sales_statement(groups, selection, **how)
    return list((await session.execute(text(statement), parameters)).mappings())


async def all_sales_by(
    session: AsyncSession, groups: list[str], selection: Selection, **how: Any
) -> AsyncIterator[list[RowMapping]]:
    """All groups, some at a time."""
    statement, parameters = sales_statement(groups, selection, **how)
    found = await session.stream(text(statement), parameters)
    async for rows in found.mappings().partitions(1000):
        yield list(rows)
