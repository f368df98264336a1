"""On what days goods were on sale, as the stock ledger 受払 tells; for `domain.…true_demand`.

Statements for a partition of a forecast run, bound as `forecast_partitions.named` tells.
"""

from collections.abc import Iterator
from typing import Any

import psycopg

from app.domain.demand import Floats, Ints
from app.queries.binary_copy import Records, grouped, rows_of
from app.queries.forecast_partitions import Slice, copied, named

MOST_DAYS = 7  # between two counts, from which nobody knows what happened in between

# A count is of the end of its day, so it says with what the next day opened.
COUNTS = f"""
    series AS (
        SELECT series_number, sku_id, location_id, first_sold_on FROM forecast_series
        WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
          AND first_sold_on <= %(as_of)s
    ), counts AS (
        -- series by series, whose counts the primary key has in order: nothing is sorted
        SELECT series_number, sku_id, location_id, first_sold_on,
               closed_on, closing, opened_on, opening
        FROM series CROSS JOIN LATERAL (
            SELECT counted_on AS closed_on, on_hand AS closing,
                   lag(counted_on) OVER earlier AS opened_on, lag(on_hand) OVER earlier AS opening
            FROM stock_level AS level
            WHERE level.sku_id = series.sku_id AND level.location_id = series.location_id
              AND NOT is_derived AND counted_on BETWEEN %(since)s::date - {MOST_DAYS} AND %(as_of)s
            WINDOW earlier AS (ORDER BY counted_on)
        ) AS counted
    )
"""

# Goods came on the day of their slip, or of the first sale; without either after the closing count
# that first shows them. They were gone on the day of the last sale.
EXPOSURE = f"""
    WITH {COUNTS}, gaps AS (
        SELECT * FROM counts
        WHERE closed_on - opened_on <= {MOST_DAYS} AND (opening <= 0 OR closing <= 0)
    ), stays AS (
        SELECT series_number, first_sold_on, opened_on, closed_on,
               CASE WHEN opening > 0 THEN opened_on
                    ELSE coalesce(least(received_on, first_on), closed_on + 1) END AS came_on,
               CASE WHEN closing > 0 THEN 'infinity'::date
                    WHEN opening > 0 THEN coalesce(last_on, closed_on)
                    ELSE coalesce(last_on, 'infinity'::date) END AS gone_on
        FROM gaps LEFT JOIN LATERAL (
            SELECT min(moved_on) AS received_on FROM stock_movement AS movement
            WHERE movement.sku_id = gaps.sku_id AND movement.location_id = gaps.location_id
              AND moved_on > opened_on AND moved_on <= closed_on AND quantity > 0
        ) AS received ON true LEFT JOIN LATERAL (
            -- of most days without goods nothing needs to be looked up
            SELECT min(sold_on) AS first_on, max(sold_on) AS last_on FROM sales_daily AS daily
            WHERE (closed_on - opened_on > 1 OR closing > 0 OR received_on IS NOT NULL)
              AND daily.sku_id = gaps.sku_id AND daily.location_id = gaps.location_id
              AND sold_on > opened_on AND sold_on <= closed_on AND units + units_returned > 0
        ) AS sold ON true
    ), days AS (
        SELECT series_number, opened_on + nth AS day, first_sold_on,
               CASE WHEN opened_on + nth < came_on OR opened_on + nth > gone_on THEN 1::float8
                    WHEN opened_on + nth = gone_on THEN 0.5 ELSE 0 END AS lost
        FROM stays CROSS JOIN LATERAL generate_series(1, closed_on - opened_on) AS nth
    ), periods AS (
        SELECT series_number, -((%(as_of)s::date - day) / %(step)s::int) AS period_offset,
               1 - sum(lost) / %(step)s::int AS exposure
        FROM days WHERE lost > 0 AND day >= first_sold_on AND day >= %(since)s
        GROUP BY 1, 2
    )
    SELECT series_number, array_agg(period_offset), array_agg(exposure)
    FROM periods GROUP BY series_number
"""

COUNTED_SHARE = f"""
    WITH {COUNTS}
    SELECT series_number,
           sum(least(closed_on - opened_on, closed_on - first_sold_on + 1))::float8
               / (%(as_of)s::date - greatest(first_sold_on, %(since)s) + 1) AS counted_share
    FROM counts
    WHERE closed_on - opened_on <= {MOST_DAYS} AND closed_on >= first_sold_on
      AND closed_on >= %(since)s
    GROUP BY series_number, first_sold_on
"""


def exposures(connection: psycopg.Connection[Any], of: Slice) -> Iterator[tuple[int, Ints, Floats]]:
    """Of each series its number, period offsets (0: the last) and their exposure.

    Only periods that were not on sale all the time, as far as anybody can know.
    """
    yield from grouped(
        copied(connection, f"COPY ({EXPOSURE}) TO STDOUT (FORMAT binary)", named(of))
    )


def counted_shares(connection: psycopg.Connection[Any], of: Slice) -> Records:
    """Of the days since the first sale, the ``share`` of which counts tell whether goods lay there.

    By ``number``; a series without such a day is left out.
    """
    data = copied(connection, f"COPY ({COUNTED_SHARE}) TO STDOUT (FORMAT binary)", named(of))
    return rows_of(data, number="i4", share="f8")
