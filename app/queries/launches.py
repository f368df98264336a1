"""How items sold when they were new, what new ones are like, and what lies there unsold.

For `domain.forecasting.launch_curves`.
"""

from datetime import date
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.forecasting.launch_curves import CURVE_DAYS, LaunchDay
from app.queries.binary_copy import Records, rows_of
from app.queries.forecast_partitions import Slice, copied, named

BAND = "CASE WHEN list_price > 0 THEN floor(log(2, list_price::numeric))::int END"

# A launch is the first sale of a SKU at a location that had sold other things for four weeks.
LAUNCH_DAYS = f"""
    WITH firsts AS (
        SELECT sku_id, location_id, min(sold_on) AS launched_on FROM sales_daily
        WHERE sold_on <= :as_of AND units + units_returned > 0
        GROUP BY sku_id, location_id
    ), opened AS (
        SELECT location_id, min(launched_on) AS opened_on FROM firsts GROUP BY location_id
    ), launches AS (
        SELECT sku_id, location_id, launched_on, coalesce(category, '') AS category,
               {BAND} AS price_band, coalesce(season_code, '') AS season_code
        FROM firsts JOIN opened USING (location_id) JOIN sku USING (sku_id)
        WHERE launched_on >= opened_on + 28 AND item_class <> 'service'
    ), ages AS (
        SELECT category, price_band, season_code, age, count(*) AS launches
        FROM launches CROSS JOIN LATERAL
             generate_series(0, least(CAST(:as_of AS date) - launched_on, :days - 1)) AS age
        GROUP BY 1, 2, 3, 4
    ), sold AS (
        SELECT category, price_band, season_code, sold_on - launched_on AS age,
               sum(least(units + units_returned, CAST(:most AS float8))) AS units
        FROM launches JOIN sales_daily USING (sku_id, location_id)
        WHERE sold_on >= launched_on AND sold_on < launched_on + :days AND sold_on <= :as_of
        GROUP BY 1, 2, 3, 4
    )
    SELECT ages.category, ages.price_band, ages.season_code, ages.age,
           coalesce(units, 0) AS units, launches
    FROM ages LEFT JOIN sold
         ON sold.category = ages.category AND sold.season_code = ages.season_code
        AND sold.price_band IS NOT DISTINCT FROM ages.price_band AND sold.age = ages.age
    ORDER BY 1, 2, 3, 4
"""

LIKENESS = f"""
    SELECT coalesce(category, ''), {BAND}, coalesce(season_code, '')
    FROM forecast_series JOIN sku USING (sku_id)
    WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
    ORDER BY series_number
"""

STOCKED_SINCE = """
    SELECT series_number,
           -((%(as_of)s::date - least(min(counted_on), min(last_received_on))) / %(step)s::int)
    FROM forecast_series JOIN stock_level USING (sku_id, location_id)
    WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
      AND first_sold_on IS NULL AND counted_on <= %(as_of)s AND on_hand > 0
    GROUP BY series_number
"""


async def launch_days(session: AsyncSession, *, as_of: date, most_units: float) -> list[LaunchDay]:
    """What launches sold by group and age; once for a run, of all items.

    Args:
        session: the database.
        as_of: last day of history.
        most_units: of a day; what is beyond was a bulk order.
    """
    known = {"as_of": as_of, "most": most_units, "days": CURVE_DAYS}
    rows = await session.execute(text(LAUNCH_DAYS), known)
    return [LaunchDay(**row) for row in rows.mappings()]


def likeness(connection: psycopg.Connection[Any], of: Slice) -> list[tuple[str, int | None, str]]:
    """Category, price band and season of the series of a partition, in their order."""
    return connection.execute(LIKENESS, named(of)).fetchall()


def stocked_since(connection: psycopg.Connection[Any], of: Slice) -> Records:
    """Of series that have never sold, ``number`` and the ``offset`` since when they lie there."""
    statement = f"COPY ({STOCKED_SINCE}) TO STDOUT (FORMAT binary)"
    return rows_of(copied(connection, statement, named(of)), number="i4", offset="i4")
