"""Stock as of a day per SKU or style, at a location, in a channel or everywhere."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.queries.key_order import After, bound_after, order_by, rows_after
from app.queries.list_prices import PARTS, exactly, in_parts, price_on, price_paths
from app.queries.selection import Selection

Level = Literal["sku", "style"]
Place = Literal["location", "channel", "all"]
ITEM = {"sku": "sku.sku_id", "style": "coalesce(sku.style_id, sku.sku_id)"}
PLACE = {"location": "location.location_id", "channel": "location.channel", "all": "''"}
SORTS = {
    name: name
    for name in (
        "on_hand",
        "on_order",
        "inventory_position",
        "units_sold",
        "revenue",
        "sell_through_rate",
        "sell_through_value",
        "days_of_supply",
        "age_days",
        "value_at_cost",
        "value_at_list",
        "gross_margin",
        "gmroi",
        "discount_rate",
    )
} | {"last_sold_on": "last_sold_on - date '0001-01-01'"}

ALL_POSITIONS = """
    SELECT DISTINCT ON (level.sku_id, level.location_id) level.*
    FROM stock_level AS level JOIN location USING (location_id) JOIN sku USING (sku_id)
    WHERE level.counted_on <= '{as_of}' AND {of_locations} AND {of_skus} AND {after}
    ORDER BY level.sku_id, level.location_id, level.counted_on DESC
"""
# The first items that have stock at all; one more than asked for, because of the item that the
# page before ended in some rows may have been seen.
FIRST_ITEMS = """
    AND {item} IN (
        SELECT {item} FROM sku WHERE {of_skus} AND {after_item} AND EXISTS (
            SELECT FROM stock_level AS level JOIN location USING (location_id)
            WHERE level.sku_id = sku.sku_id AND level.counted_on <= '{as_of}' AND {of_locations}
        )
        GROUP BY 1 ORDER BY 1 LIMIT :limit + 1
    )
"""
ROWS = """
    WITH position AS MATERIALIZED ({positions}),
    price AS MATERIALIZED ({paths}),
    sold AS (
        SELECT daily.sku_id, daily.location_id, sum(daily.units) AS units,
               sum(daily.revenue) AS revenue,
               sum(daily.list_value)
                   + coalesce(sum(daily.unpriced_units * {sold_parts}), 0)::numeric / {parts}
                   AS list_value,
               sum(daily.revenue - CASE WHEN {sold_price} IS NULL
                                        THEN daily.unpriced_revenue ELSE 0 END)
                   AS revenue_with_list
        FROM position JOIN sales_daily AS daily USING (sku_id, location_id)
             JOIN price USING (sku_id)
        WHERE daily.sold_on BETWEEN '{first}' AND '{as_of}'
        GROUP BY 1, 2
    ), counted AS (
        SELECT level.sku_id, level.location_id, avg(greatest(level.on_hand, 0)) AS mean_stock
        FROM position JOIN stock_level AS level USING (sku_id, location_id)
        WHERE level.counted_on BETWEEN '{first}' AND '{as_of}'
        GROUP BY 1, 2
    ), detailed AS (
        SELECT position.*, {item} AS item, {place} AS place, location.channel, sku.name,
               sku.style_id, sku.category, sku.brand, sku.season_code, sku.is_cost_derived,
               sku.is_price_derived AND {told_price} IS NULL AS is_price_derived,
               sku.is_listed, {cost} AS cost,
               {price} AS list_price, greatest(on_hand, 0) AS stock,
               coalesce(sold.units, 0) AS units, coalesce(sold.revenue, 0) AS revenue,
               sold.list_value, sold.revenue_with_list,
               coalesce(counted.mean_stock, greatest(on_hand, 0)) AS mean_stock,
               last.sold_on AS last_sold_on,
               greatest(position.last_received_on, receipt.moved_on) AS received_on,
               position.counted_on < place_counted.last_on AS is_stale
        FROM position JOIN sku ON sku.sku_id = position.sku_id
             JOIN location ON location.location_id = position.location_id
             JOIN price ON price.sku_id = position.sku_id
             LEFT JOIN sold ON sold.sku_id = position.sku_id
                  AND sold.location_id = position.location_id
             LEFT JOIN counted ON counted.sku_id = position.sku_id
                  AND counted.location_id = position.location_id
             LEFT JOIN LATERAL (
                 SELECT sold_on FROM sales_daily
                 WHERE sku_id = position.sku_id AND location_id = position.location_id
                   AND units + units_returned > 0 AND sold_on <= '{as_of}'
                 ORDER BY sold_on DESC LIMIT 1
             ) AS last ON true
             LEFT JOIN LATERAL (
                 SELECT moved_on FROM stock_movement
                 WHERE sku_id = position.sku_id AND location_id = position.location_id
                   AND movement_type = 'receipt' AND quantity > 0 AND moved_on <= '{as_of}'
                 ORDER BY moved_on DESC LIMIT 1
             ) AS receipt ON true
             LEFT JOIN (
                 SELECT location_id, (
                     SELECT max(counted_on) FROM stock_level AS level
                     WHERE level.location_id = location.location_id
                       AND counted_on <= '{as_of}'
                 ) AS last_on FROM location
             ) AS place_counted ON place_counted.location_id = position.location_id
    ), summed AS (
        SELECT item, place, min(name) AS name, {unique},
               min(style_id) AS style_id, min(channel) AS channel, max(counted_on) AS counted_on,
               sum(on_hand)::bigint AS on_hand, sum(on_order)::bigint AS on_order,
               sum(allocated)::bigint AS allocated,
               sum(on_hand::bigint + on_order - allocated)::bigint AS inventory_position,
               sum(stock) AS stock, sum(units)::bigint AS units_sold, sum(revenue) AS revenue,
               sum(revenue - units * cost) AS gross_margin,
               sum(mean_stock * cost) AS mean_cost, sum(stock * cost) AS value_at_cost,
               sum(stock * list_price) AS value_at_list,
               coalesce(sum(list_value), 0) AS list_value,
               sum(revenue_with_list) AS revenue_with_list,
               max(last_sold_on) AS last_sold_on, max(received_on) AS last_received_on,
               bool_or(is_derived) AS is_derived,
               bool_or(is_cost_derived AND cost IS NOT NULL) AS is_cost_derived,
               bool_or(is_price_derived AND list_price IS NOT NULL) AS is_price_derived,
               bool_or(on_hand < 0) AS is_negative, bool_or(is_stale) AS is_stale,
               bool_or(cost IS NULL) AS lacks_cost, bool_or(list_price IS NULL) AS lacks_price,
               bool_or(NOT is_listed) AS is_unlisted
        FROM detailed GROUP BY 1, 2
    ), rated AS (
        SELECT *, greatest(units_sold, 0)::float8 / nullif(greatest(units_sold, 0) + stock, 0)
                      AS sell_through_rate,
               CASE WHEN value_at_list IS NOT NULL THEN
                   (greatest(list_value, 0) / nullif(greatest(list_value, 0) + value_at_list, 0)
                   )::float8 END AS sell_through_value,
               CASE WHEN units_sold > 0 THEN stock::float8 * {days} / units_sold END
                   AS days_of_supply,
               CASE WHEN last_received_on IS NOT NULL
                    THEN greatest(date '{as_of}' - last_received_on, 0) END AS age_days,
               (gross_margin * 365 / {days} / nullif(mean_cost, 0))::float8 AS gmroi,
               CASE WHEN list_value > 0
                    THEN ((list_value - revenue_with_list) / list_value)::float8 END
                   AS discount_rate
        FROM summed
    )
    SELECT * FROM (SELECT *, ({sort})::float8 AS sort_value FROM rated) AS sorted
    WHERE {after} ORDER BY {order}
"""
UNIQUE = ", ".join(
    f"CASE WHEN min({name}) = max({name}) AND count({name}) = count(*) THEN min({name}) END"
    f" AS {name}"
    for name in ("category", "brand", "season_code")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What rows there are, and of when.

    Attributes:
        as_of: stock is that of the last count at or before this day.
        first: first day of the period that sales are of; its last is ``as_of``.
        sort: one of ``SORTS``; None: by item and place.
    """

    selection: Selection
    as_of: date
    first: date
    level: Level = "sku"
    by: Place = "location"
    sort: str | None = None
    is_falling: bool = False

    @property
    def days(self) -> int:
        return (self.as_of - self.first).days + 1


def stock_statement(
    view: View, *, after: After | None = None, limit: int | None = None
) -> tuple[str, dict[str, Any]]:
    """Stock per item and place with what sold in the period, as SQL with its parameters.

    In the order of the keys only the page's own positions are looked at.
    """
    keys = ["item", "place"]
    is_falling = view.is_falling if view.sort else None
    words = {
        "as_of": view.as_of,
        "first": view.first,
        "item": ITEM[view.level],
        "place": PLACE[view.by],
        "of_skus": view.selection.of_skus(),
        "of_locations": view.selection.of_locations(),
    }
    is_by_position = (view.level, view.by) == ("sku", "location")
    after_position = after_item = "true"
    if after is not None and view.sort is None:
        after_item = f"{ITEM[view.level]} >= CAST(:after_0 AS text)"
        places = ["level.sku_id", "level.location_id"]
        after_position = rows_after(after, places, is_falling=None)
    pages = view.sort is None and limit is not None
    if pages and is_by_position:
        positions = ALL_POSITIONS.format(**words, after=after_position) + "LIMIT :limit"
    elif pages:
        first_items = FIRST_ITEMS.format(**words, after_item=after_item)
        positions = ALL_POSITIONS.format(**words, after=f"true {first_items}")
    else:
        positions = ALL_POSITIONS.format(**words, after="true")
    sold_price = price_on("daily.sold_on", "price")
    statement = ROWS.format(
        **words,
        paths=price_paths("SELECT sku_id FROM position"),
        price=exactly(price_on(f"date '{view.as_of}'", "price")),
        told_price=f"price.prices[width_bucket(date '{view.as_of}', price.days)]",
        sold_price=sold_price,
        sold_parts=in_parts(sold_price),
        parts=PARTS,
        cost=exactly("sku.unit_cost"),
        positions=positions,
        unique=UNIQUE,
        days=view.days,
        sort=SORTS[view.sort] if view.sort else "NULL",
        after=rows_after(after, keys, is_falling=is_falling),
        order=order_by(keys, is_falling=is_falling),
    )
    parameters = view.selection.bound() | bound_after(after, has_sort=view.sort is not None)
    if limit is not None:
        statement += "LIMIT :limit"
        parameters["limit"] = limit
    return statement, parameters


async def stock_rows(
    session: AsyncSession, view: View, *, after: After | None = None, limit: int | None = None
) -> list[RowMapping]:
    """A page of the view; see ``stock_statement``."""
    statement, parameters = stock_statement(view, after=after, limit=limit)
    return list((await session.execute(text(statement), parameters)).mappings())


def first_day(as_of: date, weeks: float) -> date:
    """First day of the period of so many weeks that ends on ``as_of``."""
    days = min(round(weeks * 7), as_of.toordinal())
    return as_of - timedelta(days=days - 1)
