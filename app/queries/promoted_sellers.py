"""The best sellers among the series of a run that are promoted often enough to learn from it."""

import math
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ForecastRun
from app.queries.promotions import SPANS

PROMOTED_SELLERS = f"""
    WITH skus AS (
        SELECT DISTINCT sku_id FROM forecast_series WHERE forecast_run_id = :run
    ), {SPANS}, promoted AS (
        SELECT sku_id, range_agg(daterange(starts_on, least(ends_on, :as_of), '[]')) AS days
        FROM spans WHERE depth > 0 AND starts_on <= least(ends_on, :as_of) GROUP BY sku_id
    ), counted AS (
        SELECT series_number, sku_id, location_id, :as_of - began + 1 AS days,
               (SELECT coalesce(sum(upper(span) - lower(span)), 0)
                FROM unnest(promoted.days * datemultirange(daterange(began, :as_of, '[]'))) AS span
               ) AS promoted_days
        FROM forecast_series JOIN promoted USING (sku_id)
             CROSS JOIN LATERAL (SELECT greatest(first_sold_on, :since) AS began) AS x
        WHERE forecast_run_id = :run AND first_sold_on IS NOT NULL
    )
    SELECT series_number
    FROM counted JOIN sales_daily USING (sku_id, location_id)
    WHERE promoted_days >= :least AND days - promoted_days >= :least
      AND sold_on > :recent AND sold_on <= :as_of
    GROUP BY series_number HAVING sum(units + units_returned) >= :units
    ORDER BY sum(units + units_returned) DESC, series_number LIMIT :most
"""


async def promoted_sellers(
    session: AsyncSession,
    run: ForecastRun,
    *,
    since: date,
    most: int,
    least_days: int,
    recent_days: int,
    least_units: float,
) -> tuple[int, ...]:
    """Numbers of the series of a run, in order.

    Args:
        session: the database.
        run: whose series are numbered already.
        since: first day of the history.
        most: how many at most, those that sold most.
        least_days: days that must have been promoted, and not promoted, since the first sale.
        recent_days: up to the day of the run, whose units tell who sold most.
        least_units: a period, that must have sold in them.
    """
    known = {
        "run": run.forecast_run_id,
        "as_of": run.as_of,
        "since": since,
        "most": most,
        "least": least_days,
        "units": math.ceil(least_units * recent_days / run.step_days),
        "recent": run.as_of - timedelta(days=recent_days),
    }
    return tuple(sorted(await session.scalars(text(PROMOTED_SELLERS), known)))
