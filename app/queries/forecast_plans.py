"""The plan of a forecast run: which series, in which partitions, and what their groups sold."""

from datetime import date, timedelta
from io import BytesIO
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    ForecastDraft,
    ForecastFinding,
    ForecastPartition,
    ForecastRun,
    ForecastSeries,
    RunStatus,
    SalesDaily,
)
from app.queries.binary_copy import Records, rows_of

WANTED = """
    (CAST(:sku_ids AS text[]) IS NULL OR sku_id = ANY (:sku_ids))
    AND (CAST(:location_ids AS text[]) IS NULL OR location_id = ANY (:location_ids))
"""
# A series is what has sold, or lies in stock by the last count (of the last four weeks in which its
# location was counted) and has never sold there: where nothing ever sells, as in a warehouse,
# nothing is new. Its number follows from its key alone.
SERIES = f"""
    INSERT INTO forecast_series
        (forecast_run_id, series_number, sku_id, location_id, group_number, first_sold_on)
    WITH ever AS MATERIALIZED (
        SELECT sku_id, location_id, min(sold_on) AS first_sold_on, max(sold_on) AS last_sold_on
        FROM sales_daily WHERE sold_on <= :as_of AND units + units_returned > 0
        GROUP BY sku_id, location_id
    ), counted AS (
        SELECT location_id, last_on FROM (SELECT DISTINCT location_id FROM ever) AS selling
        CROSS JOIN LATERAL (
            SELECT max(counted_on) AS last_on FROM stock_level
            WHERE stock_level.location_id = selling.location_id AND counted_on <= :as_of
        ) AS last
    ), stock AS (
        SELECT DISTINCT ON (sku_id, location_id) sku_id, location_id, on_hand
        FROM counted JOIN stock_level USING (location_id)
        WHERE counted_on > last_on - 28 AND counted_on <= last_on AND {WANTED}
        ORDER BY sku_id, location_id, counted_on DESC
    ), found AS (
        SELECT sku_id, location_id, first_sold_on FROM ever
        WHERE last_sold_on >= :since AND {WANTED}
        UNION ALL
        SELECT sku_id, location_id, NULL FROM stock
        WHERE on_hand > 0 AND NOT EXISTS (
            SELECT FROM ever
            WHERE ever.sku_id = stock.sku_id AND ever.location_id = stock.location_id
        )
    )
    SELECT :run, row_number() OVER (ORDER BY sku_id, location_id) - 1, sku_id, location_id,
           dense_rank() OVER (
               ORDER BY location_id, split_part(coalesce(category, ''), '/', 1)
           ) - 1,
           first_sold_on
    FROM found JOIN sku USING (sku_id)
    WHERE item_class <> 'service'
"""
PARTITIONS = """
    INSERT INTO forecast_partition
        (forecast_run_id, partition_number, first_number, last_number, is_done)
    SELECT :run, n, n * total / parts, (n + 1) * total / parts - 1, false
    FROM (SELECT CAST(:total AS bigint) AS total, CAST(:parts AS bigint) AS parts) AS size
         CROSS JOIN LATERAL generate_series(0, parts - 1) AS n
"""
# A group's sales are those of all its items, also in a run for some of them only.
GROUPS = """
    WITH grouped AS (
        SELECT DISTINCT group_number, location_id,
               split_part(coalesce(category, ''), '/', 1) AS top
        FROM forecast_series JOIN sku USING (sku_id) WHERE forecast_run_id = $1
    )
    SELECT group_number, -(($2::date - sold_on) / $4::int), sum(units)::float8
    FROM sales_daily JOIN sku USING (sku_id)
         JOIN grouped ON grouped.location_id = sales_daily.location_id
                     AND grouped.top = split_part(coalesce(sku.category, ''), '/', 1)
    WHERE sold_on <= $2 AND sold_on >= $3 AND item_class <> 'service' AND units <> 0
    GROUP BY 1, 2
"""
IN_FORCE_INSTEAD = """
    INSERT INTO forecast (sku_id, location_id, forecast_run_id, starts_on, step_days,
                          demand_class, method, method_reason, yhat, sum_variance, level_cv2,
                          promotion_depth, promotion_sd, estimated_share, borrowed_from, failure)
    SELECT sku_id, location_id, forecast_run_id, :starts_on, :step_days,
           demand_class, method, method_reason, yhat, sum_variance, level_cv2,
           promotion_depth, promotion_sd, estimated_share, borrowed_from, failure
    FROM forecast_draft JOIN forecast_series USING (forecast_run_id, series_number)
    WHERE forecast_run_id = :run ORDER BY series_number
"""
LET_GO = """
    DELETE FROM forecast
    WHERE (CAST(:sku_ids AS text[]) IS NULL OR sku_id = ANY (:sku_ids))
      AND (CAST(:location_ids AS text[]) IS NULL OR location_id = ANY (:location_ids))
"""


async def clear_up(session: AsyncSession, only: int | None = None) -> None:
    """Give up the runs that have not ended, or only one of them.

    One runs at a time: whoever plans the next finds only such whose workers are dead, or about to
    see that their run is gone.
    """
    statement = (
        update(ForecastRun)
        .where(ForecastRun.status == RunStatus.RUNNING)
        .values(status=RunStatus.ABANDONED, finished_at=func.now())
        .returning(ForecastRun.forecast_run_id)
    )
    if only is not None:
        statement = statement.where(ForecastRun.forecast_run_id == only)
    for run_id in list(await session.scalars(statement)):
        await drop_workings(session, run_id)
        await session.execute(
            delete(ForecastFinding).where(ForecastFinding.forecast_run_id == run_id)
        )


async def drop_workings(session: AsyncSession, run_id: int) -> None:
    """Remove what only the workers of a run need; one that still works sees that it is over."""
    for table in (ForecastPartition, ForecastDraft, ForecastSeries):
        await session.execute(delete(table).where(table.forecast_run_id == run_id))


async def plan_series(session: AsyncSession, run: ForecastRun, *, since: date) -> int:
    """Number the series of a run; return how many there are."""
    known = {
        "run": run.forecast_run_id,
        "as_of": run.as_of,
        "since": since,
        "sku_ids": run.sku_ids,
        "location_ids": run.location_ids,
    }
    await session.execute(text(SERIES), known)
    count = select(func.count()).where(ForecastSeries.forecast_run_id == run.forecast_run_id)
    return (await session.execute(count)).scalar_one()


async def plan_partitions(
    session: AsyncSession, run_id: int, *, total: int, size: int
) -> list[ForecastPartition]:
    """Part the series into partitions of equal size, at most ``size``."""
    known = {"run": run_id, "total": total, "parts": -(-total // size)}
    await session.execute(text(PARTITIONS), known)
    await session.execute(text("ANALYZE forecast_series"))
    statement = (
        select(ForecastPartition)
        .where(ForecastPartition.forecast_run_id == run_id)
        .order_by(ForecastPartition.partition_number)
    )
    return list(await session.scalars(statement))


async def first_day(session: AsyncSession, *, since: date, as_of: date) -> date | None:
    """The first of these days on which anything was sold."""
    statement = select(func.min(SalesDaily.sold_on)).where(
        SalesDaily.sold_on >= since, SalesDaily.sold_on <= as_of
    )
    return await session.scalar(statement)


async def group_sales(
    session: AsyncSession, run_id: int, *, as_of: date, since: date, step_days: int
) -> Records:
    """Net units by ``group`` and period ``offset`` (0: the last): records with ``units``."""
    await session.execute(text("SELECT 1"))  # joins the transaction, see staging.copy_rows
    driver = await _driver(session)
    sink = BytesIO()
    arguments = (run_id, as_of, since, step_days)
    await driver.copy_from_query(GROUPS, *arguments, output=sink, format="binary")
    return rows_of(sink.getbuffer(), group="i4", offset="i4", units="f8")


async def group_count(session: AsyncSession, run_id: int) -> int:
    statement = select(func.coalesce(func.max(ForecastSeries.group_number), -1)).where(
        ForecastSeries.forecast_run_id == run_id
    )
    return int((await session.execute(statement)).scalar_one()) + 1


async def last_choice(session: AsyncSession, *, step_days: int) -> ForecastRun | None:
    """The last finished run of all series in such periods, whose ``choice`` is there."""
    statement = (
        select(ForecastRun)
        .where(
            ForecastRun.status == RunStatus.FINISHED,
            ForecastRun.step_days == step_days,
            ForecastRun.choice.is_not(None),
        )
        .order_by(ForecastRun.forecast_run_id.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def forget_findings(session: AsyncSession, *, keep: int) -> None:
    """Let go of what runs before the last few met in single series; their accuracy stays."""
    latest = select(ForecastRun.forecast_run_id).order_by(ForecastRun.forecast_run_id.desc())
    await session.execute(
        delete(ForecastFinding).where(
            ForecastFinding.forecast_run_id <= latest.offset(keep).limit(1).scalar_subquery()
        )
    )


async def undone(session: AsyncSession, run_id: int) -> int:
    """Series of a run that have no draft."""
    statement = text("""
        SELECT (SELECT count(*) FROM forecast_series WHERE forecast_run_id = :run)
             - (SELECT count(*) FROM forecast_draft WHERE forecast_run_id = :run)
    """)
    return int((await session.execute(statement, {"run": run_id})).scalar_one())


async def put_in_force(session: AsyncSession, run: ForecastRun) -> None:
    """Put a run's drafts in force instead of the forecasts before of what the run is for."""
    some = {"sku_ids": run.sku_ids, "location_ids": run.location_ids}
    await session.execute(text(LET_GO), some)
    known: dict[str, Any] = {
        "run": run.forecast_run_id,
        "starts_on": run.as_of + timedelta(days=1),
        "step_days": run.step_days,
    }
    await session.execute(text(IN_FORCE_INSTEAD), known)


async def _driver(session: AsyncSession) -> Any:
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    return driver


async def let_all_go(session: AsyncSession) -> None:
    """Nothing is forecast any more."""
    await session.execute(text(LET_GO), {"sku_ids": None, "location_ids": None})
