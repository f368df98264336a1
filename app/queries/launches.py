"""How items sold when they were new, what new ones are like, and what lies there unsold.

For `domain.forecasting.launch_curves`; bound by SQLAlchemy where it is done once for a run, by
psycopg where a partition reads it.
"""

BAND = "CASE WHEN list_price > 0 THEN floor(log(2, list_price::numeric))::int END"

# Once for a run: ``as_of``, ``most`` (units of a day beyond which they are a bulk order). A launch
# is the first sale of a SKU at a location that had sold other things for four weeks. ``days``: as
# long as a curve is.
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

# Of a partition: ``run``, ``first``, ``last``. What each of its series is like, in their order.
LIKENESS = f"""
    SELECT coalesce(category, ''), {BAND}, coalesce(season_code, '')
    FROM forecast_series JOIN sku USING (sku_id)
    WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
    ORDER BY series_number
"""

# A fragment for the plan, bound to ``as_of``: sku_id, location_id of what lies in stock by the
# last count and has never sold there. Where nothing ever sells, as in a warehouse, nothing is new.
UNSOLD = """
    SELECT sku_id, location_id FROM (
        SELECT DISTINCT ON (sku_id, location_id) sku_id, location_id, on_hand FROM stock_level
        WHERE counted_on <= :as_of ORDER BY sku_id, location_id, counted_on DESC
    ) AS stock
    WHERE on_hand > 0
      AND location_id IN (SELECT location_id FROM sales_daily WHERE sold_on <= :as_of)
      AND NOT EXISTS (
          SELECT FROM sales_daily AS daily
          WHERE daily.sku_id = stock.sku_id AND daily.location_id = stock.location_id
            AND sold_on <= :as_of AND units + units_returned > 0
      )
"""

# Of a partition: ``run``, ``first``, ``last``, ``as_of``, ``step``. Series that have never sold:
# series_number int4, period_offset int4 since when they lie there (0: the last period).
STOCKED_SINCE = """
    SELECT series_number,
           -((%(as_of)s::date - least(min(counted_on), min(last_received_on))) / %(step)s::int)
    FROM forecast_series JOIN stock_level USING (sku_id, location_id)
    WHERE forecast_run_id = %(run)s AND series_number BETWEEN %(first)s AND %(last)s
      AND first_sold_on IS NULL AND counted_on <= %(as_of)s AND on_hand > 0
    GROUP BY series_number
"""
