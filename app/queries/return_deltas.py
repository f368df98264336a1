"""Returns, taken off the day of the purchase they came from; for the forecast.

``sales_daily.units`` has returns on the day on which goods came back, which is no demand: so the
demand of a day is ``units + units_returned`` less what of its purchases came back later. That is
`domain.returns.net_returns` for the lines of all (customer, SKU) pairs with returns, in SQL: the
goods of a pair form a stack, on which purchases add and of which returns take (last in, first out).

A pair's purchases may lie at several locations, and its series in several partitions: each reads
all lines of its pairs, and answers for its own series. All that is read are pairs of SKUs of which
the daily sums know a return.
"""

from typing import Any

import psycopg

from app.queries.binary_copy import HEADER, TRAILER, Records, rows_of
from app.queries.forecast_partitions import Keys, Slice, copied, named

RETURNED = """
    SELECT 1 FROM sales_daily
    WHERE sku_id BETWEEN %(from)s AND %(to)s AND sold_on <= %(as_of)s AND units_returned > 0
    LIMIT 1
"""
RETURN_DELTAS = """
    WITH series AS (
        SELECT series_number, sku_id, location_id FROM forecast_series
        WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
    ), returned AS (
        SELECT DISTINCT sku_id FROM sales_daily
        WHERE sku_id IN (SELECT sku_id FROM series)
          AND sold_on <= %(as_of)s AND units_returned > 0
    ), pairs AS (
        SELECT DISTINCT customer_id, sku_id FROM sale JOIN returned USING (sku_id)
        WHERE sold_on <= %(as_of)s AND quantity < 0 AND customer_id IS NOT NULL
    ), moves AS (
        SELECT customer_id, sku_id, sale.location_id, sold_on, quantity,
               row_number() OVER pair AS nth, sum(quantity) OVER pair AS total
        FROM sale JOIN pairs USING (customer_id, sku_id)
        WHERE sold_on <= %(as_of)s
        WINDOW pair AS (
            PARTITION BY customer_id, sku_id
            ORDER BY coalesce(sold_at AT TIME ZONE 'UTC', sold_on::timestamp), quantity < 0,
                     order_id, line_key, sale.location_id
            ROWS UNBOUNDED PRECEDING
        )
    ), stacks AS (
        -- a return from an empty stack matches nothing: the floor moves down with it
        SELECT *, total - least(min(total) OVER (
            PARTITION BY customer_id, sku_id ORDER BY nth ROWS UNBOUNDED PRECEDING
        ), 0) AS height
        FROM moves
    ), kept AS (
        -- of a purchase, the units below which the stack has not sunk since
        SELECT sku_id, location_id, sold_on, quantity,
               min(height) OVER (
                   PARTITION BY customer_id, sku_id ORDER BY nth DESC ROWS UNBOUNDED PRECEDING
               ) - (height - quantity) AS units
        FROM stacks
    )
    SELECT series_number, -((%(as_of)s::date - sold_on) / %(step)s::int) AS period_offset,
           sum(quantity - greatest(least(units, quantity), 0))::float8 AS units
    FROM kept JOIN series USING (sku_id, location_id)
    WHERE quantity > 0 AND units < quantity AND sold_on >= %(since)s
    GROUP BY 1, 2
"""


def return_deltas(connection: psycopg.Connection[Any], of: Slice, known: Keys) -> Records:
    """Units to take off gross sales, by ``number`` of the series and ``offset`` (0: the last)."""
    span = {"from": min(known.sku_id), "to": max(known.sku_id)}
    data: bytes | bytearray = HEADER + TRAILER
    # Asked beforehand: the server does not know that there are none, and looks at all sales lines.
    if connection.execute(RETURNED, named(of) | span).fetchone():
        data = copied(connection, f"COPY ({RETURN_DELTAS}) TO STDOUT (FORMAT binary)", named(of))
    return rows_of(data, number="i4", offset="i4", units="f8")
