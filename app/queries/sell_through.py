"""Stock with the forecast of its demand, series by series, and the sales they have together."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.forecasting.method_reason import OF_NEW_ITEMS
from app.queries.selection import Selection

Floats: TypeAlias = np.typing.NDArray[np.float64]
Row: TypeAlias = Mapping[Any, Any]

NEW_ITEMS = {"of_new_items": [reason.value for reason in OF_NEW_ITEMS]}
ELEMENT = np.dtype([("length", ">i4"), ("value", ">f4")])
ARRAY_HEAD = 20  # bytes of array_send before the first element
AT_ONCE = 4000  # series of all in memory at a time: some 12 MB

# `array_send` gives an array as it is on the wire, which numpy reads as it stands.
SERIES = """
    WITH stock AS (
        SELECT DISTINCT ON (level.sku_id, level.location_id)
               level.sku_id, level.location_id, counted_on, on_hand, is_derived
        FROM stock_level AS level JOIN sku USING (sku_id) JOIN location USING (location_id)
        WHERE {of_skus} AND {of_locations}
        ORDER BY level.sku_id, level.location_id, counted_on DESC
    ), counted AS (
        SELECT location_id, (
            SELECT max(counted_on) FROM stock_level AS level
            WHERE level.location_id = location.location_id
        ) AS last_on FROM location
    ), foreseen AS (
        SELECT forecast.* FROM forecast JOIN sku USING (sku_id) JOIN location USING (location_id)
        WHERE {of_skus} AND {of_locations}
    )
    SELECT coalesce(stock.sku_id, foreseen.sku_id) AS sku_id,
           coalesce(stock.location_id, foreseen.location_id) AS location_id,
           stock.on_hand, stock.counted_on, stock.is_derived,
           coalesce(stock.on_hand < 0, false) AS is_negative,
           stock.counted_on < counted.last_on AS is_stale,
           sku.style_id, sku.name, sku.category, sku.season_code, sku.sales_end_on,
           sku.max_discount_depth, foreseen.forecast_run_id, foreseen.starts_on,
           foreseen.step_days, foreseen.demand_class, foreseen.method,
           coalesce(foreseen.estimated_share > 0, false) AS is_estimated,
           foreseen.borrowed_from IS NOT NULL AS is_borrowed,
           coalesce(foreseen.method_reason = ANY (:of_new_items), false) AS is_new,
           cardinality(foreseen.yhat) AS periods,
           array_send(foreseen.yhat) AS yhat, array_send(foreseen.sum_variance) AS sum_variance
           {depth}
    FROM stock {join} JOIN foreseen USING (sku_id, location_id)
         JOIN sku ON sku.sku_id = coalesce(stock.sku_id, foreseen.sku_id)
         LEFT JOIN counted ON counted.location_id = stock.location_id
         {verdict}
    WHERE sku.item_class <> 'service'
    ORDER BY 1, 2
"""
DEPTH = """, CAST(verdict.answer ->> 'current_depth' AS float8) AS current_depth,
           array_send(foreseen.promotion_depth) AS promotion_depth
"""
VERDICT = """
         LEFT JOIN disposition AS verdict
              ON verdict.sku_id = coalesce(stock.sku_id, foreseen.sku_id)
             AND verdict.location_id = coalesce(stock.location_id, foreseen.location_id)
             AND verdict.evaluated_on = (
                 SELECT as_of FROM evaluation ORDER BY evaluation_id DESC LIMIT 1
             )
"""
DAILY_TOTALS = """
    SELECT {group} AS category, CAST(:until AS date) - sold_on AS days_ago,
           sum(greatest(units, 0))::float8 AS units
    FROM sales_daily JOIN sku USING (sku_id) JOIN location USING (location_id)
    WHERE sold_on > :since AND sold_on <= :until AND {of_skus} AND {of_locations}
      AND sku.item_class <> 'service'
    GROUP BY 1, sold_on
"""


async def series_of(
    session: AsyncSession, selection: Selection, *, with_depth: bool
) -> list[RowMapping]:
    """Every series of the selection that has a stock count or a forecast, in key order.

    Rows have the last count (``on_hand`` null: never counted), what the SKU's master says, and the
    forecast in force (``starts_on`` null: none; ``yhat``, ``sum_variance`` for `reals`, of so many
    ``periods``); with ``with_depth`` the ``current_depth`` of the verdict in force, and the
    ``promotion_depth`` that the forecast counts on (null: none; else for `reals`).
    """
    statement = SERIES.format(
        of_skus=selection.of_skus(),
        of_locations=selection.of_locations(),
        join="FULL",
        depth=DEPTH if with_depth else "",
        verdict=VERDICT if with_depth else "",
    )
    bound = selection.bound() | NEW_ITEMS
    return list((await session.execute(text(statement), bound)).mappings())


async def all_stocks(session: AsyncSession) -> AsyncIterator[list[RowMapping]]:
    """The same of every series that has a stock count, some at a time."""
    statement = SERIES.format(
        of_skus="true", of_locations="true", join="LEFT", depth="", verdict=""
    )
    found = await session.stream(text(statement), NEW_ITEMS)
    async for rows in found.mappings().partitions(AT_ONCE):
        yield list(rows)


def reals(arrays: list[bytes]) -> Floats:
    """Arrays of one length as a matrix."""
    body = b"".join(array[ARRAY_HEAD:] for array in arrays)
    values: Floats = np.frombuffer(body, ELEMENT)["value"].astype(np.float64)
    return values.reshape(len(arrays), -1)


async def daily_totals(
    session: AsyncSession,
    selection: Selection,
    *,
    sku_ids: list[str] | None = None,
    until: date,
    days: int,
    by_category: bool = False,
) -> dict[str | None, Floats]:
    """Units (days,) that the series of the selection sold together on each day up to one.

    By category, or under None all of them. NaN before the first sale. Where the selection is a few
    SKUs, these are given too: then no others are looked at.
    """
    of_skus = selection.of_skus() if sku_ids is None else "sales_daily.sku_id = ANY (:sku_ids)"
    statement = DAILY_TOTALS.format(
        group="sku.category" if by_category else "CAST(NULL AS text)",
        of_skus=of_skus,
        of_locations=selection.of_locations(),
    )
    since = date.fromordinal(max(until.toordinal() - days, 1))
    parameters = selection.bound() | {"until": until, "since": since}
    parameters |= {} if sku_ids is None else {"sku_ids": sku_ids}
    totals: dict[str | None, Floats] = {}
    for category, days_ago, units in await session.execute(text(statement), parameters):
        totals.setdefault(category, np.zeros(days))[days - 1 - days_ago] = units
    for series in totals.values():
        series[: np.argmax(series > 0) if series.any() else days] = np.nan
    return totals


async def forget_list(session: AsyncSession) -> None:
    await session.execute(text("DELETE FROM sell_through"))
