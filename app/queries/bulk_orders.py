"""How large single orders are; for `domain.forecasting.outliers`."""

from datetime import date
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.demand import Floats, Ints
from app.domain.forecasting.outliers import Usual
from app.queries.forecast_partitions import Slice, named

# Of some 200 SKUs, evenly from all: they tell it as well as all, and for some or all the same.
USUAL_AMOUNTS = """
    WITH numbered AS (
        SELECT sku_id, row_number() OVER (ORDER BY sku_id) AS nth, count(*) OVER () AS all_of_them
        FROM sku WHERE item_class <> 'service'
    )
    SELECT avg(ln(units + units_returned)) AS log_mean,
           stddev_samp(ln(units + units_returned)) AS log_sd
    FROM numbered JOIN sales_daily USING (sku_id)
    WHERE mod(nth, all_of_them / 200 + 1) = 0 AND sold_on BETWEEN :since AND :as_of
      AND units + units_returned > 0
"""
LARGEST_ORDERS = """
    WITH cells AS (
        SELECT nth, sku_id, location_id, %(as_of)s::date + %(step)s::int * period_offset AS ends_on
        FROM unnest(%(numbers)s::int[], %(offsets)s::int[])
             WITH ORDINALITY AS cell (series_number, period_offset, nth)
             JOIN forecast_series USING (series_number)
        WHERE forecast_run_id = %(run)s
    ), orders AS (
        SELECT nth, sum(quantity) AS units
        FROM cells JOIN sale USING (sku_id, location_id)
        WHERE sold_on > ends_on - %(step)s::int AND sold_on <= ends_on AND quantity > 0
        GROUP BY nth, order_id
    )
    SELECT max(units)::float8 FROM cells LEFT JOIN orders USING (nth) GROUP BY nth ORDER BY nth
"""


async def usual_amounts(session: AsyncSession, *, since: date, as_of: date) -> Usual:
    """Mean and spread of the logarithm of the units of a day with sales, once for a run."""
    known = {"since": since, "as_of": as_of}
    mean, spread = (await session.execute(text(USUAL_AMOUNTS), known)).one()
    usual = Usual()
    return Usual(
        usual.log_mean if mean is None else float(mean),
        usual.log_sd if spread is None else float(spread),
    )


def largest_orders(
    connection: psycopg.Connection[Any], of: Slice, numbers: Ints, offsets: Ints
) -> Floats:
    """Units of the largest single order in some cells, NaN where none is known.

    Args:
        connection: of the partition.
        of: the partition.
        numbers: of the series.
        offsets: the periods (0: the last).
    """
    cells = {"numbers": numbers.tolist(), "offsets": offsets.tolist()}
    rows = connection.execute(LARGEST_ORDERS, named(of) | cells).fetchall() if len(numbers) else []
    return np.array([np.nan if units is None else units for (units,) in rows], np.float64)
