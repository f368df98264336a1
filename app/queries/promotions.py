"""Days on which something was, or will be, sold below its list price.

For `domain.forecasting.promotions`.
"""

from datetime import date
from typing import Any

import psycopg

from app.queries.binary_copy import Records, rows_of
from app.queries.forecast_partitions import Slice, copied, named

# of the items in "skus": discounts by campaign and by price, both days included
SPANS = """spans AS (
        SELECT sku_id, starts_on, ends_on, discount_depth AS depth
        FROM skus JOIN campaign_sku USING (sku_id) JOIN campaign USING (campaign_id)
        WHERE NOT is_derived
        UNION ALL
        SELECT sku_id, valid_from,
               coalesce(lead(valid_from) OVER later - 1, 'infinity'::date),
               1 - selling_price / nullif(list_price, 0)
        FROM skus JOIN price_history USING (sku_id)
        WINDOW later AS (PARTITION BY sku_id ORDER BY valid_from)
    )"""
PROMOTION_SPANS = f"""
    WITH series AS (
        SELECT series_number, sku_id FROM forecast_series
        WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
    ), skus AS (
        SELECT DISTINCT sku_id FROM series
    ), {SPANS}
    SELECT series_number, greatest(starts_on, %(since)s) - %(as_of)s::date AS first_day,
           least(ends_on, %(until)s) - %(as_of)s::date AS last_day, depth::float8
    FROM series JOIN spans USING (sku_id)
    WHERE depth > 0 AND starts_on <= %(until)s AND ends_on >= %(since)s
"""


def promotion_spans(connection: psycopg.Connection[Any], of: Slice, *, until: date) -> Records:
    """Spans of days with a discount, up to the last day that is forecast.

    By ``number`` of the series: ``first_day`` and ``last_day`` (as_of is day 0), ``depth``.
    """
    statement = f"COPY ({PROMOTION_SPANS}) TO STDOUT (FORMAT binary)"
    data = copied(connection, statement, named(of) | {"until": until})
    return rows_of(data, number="i4", first_day="i4", last_day="i4", depth="f8")
