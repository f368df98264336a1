"""How large single orders are; for `domain.forecasting.outliers`.

Statements for the plan of a forecast run, bound by psycopg: ``run``, ``as_of`` (last day of
history), ``since`` (its first), ``step`` (days in a period).
"""

# One row, made once for a run: log_mean, log_sd float8 (null: too few sales) of the units of a day
# with sales. Of at most some 2,000 series, evenly from the plan: they tell it as well as all.
USUAL_AMOUNTS = """
    WITH planned AS (
        SELECT max(series_number) / 2000 + 1 AS every FROM forecast_series
        WHERE forecast_run_id = %(run)s
    )
    SELECT avg(ln(units + units_returned)) AS log_mean,
           stddev_samp(ln(units + units_returned)) AS log_sd
    FROM planned JOIN forecast_series ON mod(series_number, every) = 0
         JOIN sales_daily USING (sku_id, location_id)
    WHERE forecast_run_id = %(run)s AND sold_on BETWEEN %(since)s AND %(as_of)s
      AND units + units_returned > 0
"""

# Besides ``numbers`` and ``offsets``: series numbers and periods (0 ends on as_of) of the cells
# that are asked about, as arrays. Of each cell, in their order: units float8 of its largest order.
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
