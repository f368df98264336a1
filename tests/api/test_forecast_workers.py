"""A run on other processes and on a cluster: the same numbers, whoever dies on the way."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from app.database import Sessions, connect, libpq_url, sessions_of
from app.queries.forecast_partitions import RunIsOver
from app.queries.forecasts import drafted_weeks
from app.services.forecasting import partitions, runs
from app.services.forecasting.planning import Order, plan
from app.services.forecasting.running import NoScheduler, Workers, WorkersKeepDying
from app.services.jobs import Progress
from tests.make import LAST_DAY, RATES

ORDER = Order(as_of=LAST_DAY, horizon_weeks=8, step_days=1, country="JP", partition_series=4)
PARTS = -(-len(RATES) // ORDER.partition_series)
IN_FORCE = """
    SELECT sku_id, demand_class, method, method_reason, yhat, sum_variance, level_cv2
    FROM forecast ORDER BY sku_id
"""


class Killed(Exception):
    """What a killed coordinator looks like from inside."""


@pytest.fixture
async def sessions(shop_copy: str) -> AsyncIterator[Sessions]:
    engine = connect(shop_copy, pool_size=3)
    yield sessions_of(engine)
    await engine.dispose()


async def silent(step: str, done: int, total: int) -> None:
    pass


def at(number: int, act: Callable[[], object]) -> Progress:
    """A progress that does something once, when so many partitions are done."""
    left = [act]

    async def progress(step: str, done: int, total: int) -> None:
        if done >= number and total > 1 and left:
            left.pop()()

    return progress


async def forecasts_of(
    sessions: Sessions, workers: Workers, progress: Progress = silent, order: Order = ORDER
) -> list[tuple]:
    computed = await runs.compute(sessions, progress, order, workers)
    async with sessions.begin() as session:
        await runs.finish(session, computed)
    return await in_force(sessions)


async def in_force(sessions: Sessions) -> list[tuple]:
    async with sessions() as session:
        return [tuple(row) for row in await session.execute(text(IN_FORCE))]


async def count(sessions: Sessions, table: str) -> int:
    async with sessions() as session:
        return await session.scalar(text(f"SELECT count(*) FROM {table}"))


def same(found: list[tuple], expected: list[tuple]) -> None:
    assert [row[:4] for row in found] == [row[:4] for row in expected]
    for ours, theirs in zip(found, expected, strict=True):
        for numbers, others in zip(ours[4:], theirs[4:], strict=True):
            assert numbers == pytest.approx(others, rel=1e-9, abs=1e-12), ours[0]


@pytest.fixture
async def expected(sessions: Sessions) -> list[tuple]:
    """What one process forecasts in one piece after the other."""
    found = await forecasts_of(sessions, Workers(processes=1))
    assert len(found) == len(RATES)
    return found


@pytest.mark.slow
@pytest.mark.one_server
async def test_several_processes_forecast_what_one_does_though_one_of_them_is_killed(
    sessions: Sessions, expected: list[tuple]
):
    same(await forecasts_of(sessions, Workers(processes=2)), expected)
    killed: list[int] = []

    def kill_a_child() -> None:
        killed.append(multiprocessing.active_children()[0].pid)
        os.kill(killed[-1], signal.SIGKILL)

    for moment in (1, PARTS + 1):
        same(await forecasts_of(sessions, Workers(processes=2), at(moment, kill_a_child)), expected)
    assert len(set(killed)) == 2


@pytest.mark.slow
@pytest.mark.one_server
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_dask_cluster_forecasts_the_same_though_one_of_its_workers_is_killed(
    sessions: Sessions, expected: list[tuple]
):
    from distributed import LocalCluster

    def cluster() -> LocalCluster:
        return LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        )

    with await asyncio.to_thread(cluster) as dask:
        there = Workers(scheduler=dask.scheduler_address)
        same(await forecasts_of(sessions, there), expected)

        killed: list[int] = []

        def kill_a_worker() -> None:
            killed.append(next(iter(dask.workers.values())).process.pid)
            os.kill(killed[-1], signal.SIGKILL)

        same(await forecasts_of(sessions, there, at(PARTS + 1, kill_a_worker)), expected)
        assert len(killed) == 1


def die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.one_server
def test_a_partition_that_kills_every_worker_is_given_up():
    with (
        Workers(processes=1).at_work(2) as crew,
        pytest.raises(WorkersKeepDying, match="want of memory"),
    ):
        list(crew.run(die, [1, 2], progress=lambda done: None))


async def test_a_scheduler_that_does_not_answer_is_said(sessions: Sessions, monkeypatch):
    monkeypatch.setattr("app.services.forecasting.running.CONNECT_SECONDS", 1)
    with pytest.raises(NoScheduler, match="no Dask scheduler answers at tcp://127"):
        await runs.compute(sessions, silent, ORDER, Workers(scheduler="tcp://127.0.0.1:9"))


HTTP_REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nInvalid HTTP request received."
)


@pytest.mark.parametrize("said", [HTTP_REFUSAL, b""], ids=["http", "silent"])
async def test_who_answers_and_is_no_scheduler_is_told_from_one(monkeypatch, said: bytes):
    monkeypatch.setattr("app.services.forecasting.running.CONNECT_SECONDS", 1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()
        writer.close()

    def work() -> None:
        with Workers(scheduler=address).at_work(2):
            pass

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = "tcp://{}:{}".format(*server.sockets[0].getsockname())
        with pytest.raises(NoScheduler, match=f"no Dask scheduler answers at {address}"):
            await asyncio.to_thread(work)


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:8000", "tls://127.0.0.1:9"])
def test_an_address_of_no_scheduler_is_said(address: str):
    with (
        pytest.raises(NoScheduler, match=f"no Dask scheduler answers at {address}"),
        Workers(scheduler=address).at_work(2),
    ):
        pass


async def test_the_size_of_the_partitions_changes_nothing_but_the_last_digits(sessions: Sessions):
    at_once = await forecasts_of(sessions, Workers(), order=one_partition())
    async with sessions.begin() as session:
        planned = await plan(session, ORDER)
    assert len(planned.partitions) == PARTS
    pieces = await asyncio.to_thread(forecast_in_pieces, sessions, planned)
    assert [row[:4] for row in pieces] == [row[:4] for row in at_once]
    for ours, theirs in zip(pieces, at_once, strict=True):
        for numbers, others in zip(ours[4:], theirs[4:], strict=True):
            assert numbers == pytest.approx(others, rel=1e-5, abs=1e-9)


def one_partition() -> Order:
    return Order(as_of=LAST_DAY, horizon_weeks=8, step_days=1, country="JP")


async def test_a_run_for_some_forecasts_them_as_the_run_of_all_does(sessions: Sessions):
    """A few series prove nothing of their class; they take what the last run of all has found."""
    whole = await forecasts_of(sessions, Workers(), order=one_partition())
    few = replace(one_partition(), sku_ids=["STEADY", min(RATES)])
    assert await forecasts_of(sessions, Workers(), order=few) == whole
    async with sessions() as session:
        told = text(
            "SELECT (summary ->> 'chosen_by_run')::int, choice IS NULL, forecast_run_id"
            " FROM forecast_run ORDER BY forecast_run_id DESC LIMIT 2"
        )
        (by, kept_nothing, _), (_, nothing, full) = (await session.execute(told)).all()
    assert (by, kept_nothing, nothing) == (full, True, False)


@pytest.mark.parametrize("step", [1, 7])
async def test_killed_on_the_way_it_leaves_nothing_in_force_and_the_next_run_clears_up(
    sessions: Sessions, step: int
):
    before = await in_force(sessions)

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        await forecasts_of(sessions, Workers(), at(2, die), order=one_partition())
    assert await in_force(sessions) == before
    order = Order(as_of=LAST_DAY, horizon_weeks=8, step_days=step, country="JP")
    computed = await runs.compute(sessions, silent, order, Workers())
    assert await count(sessions, "forecast_draft") == len(RATES)
    # its coordinator is killed here; whoever comes next finds a run that has not ended
    after = await forecasts_of(sessions, Workers(), order=one_partition())
    assert len(after) == len(RATES)
    assert await count(sessions, "forecast_draft") == 0
    async with sessions.begin() as session:
        with pytest.raises(RunIsOver, match="given up"):
            await runs.finish(session, computed)
    assert await in_force(sessions) == after
    statuses = "SELECT array_agg(status ORDER BY forecast_run_id) FROM forecast_run"
    async with sessions() as session:
        told = await session.scalar(text(statuses))
    assert told == ["finished", "abandoned", "abandoned", "finished"]


async def test_a_partition_done_twice_is_there_once_and_one_of_a_dead_run_never(
    sessions: Sessions, shop_copy: str
):
    computed = await runs.compute(sessions, silent, one_partition(), Workers())
    place, choice = workplace(sessions, computed.plan)
    [part] = computed.plan.partitions
    await asyncio.to_thread(partitions.forecast, place, choice, part)
    assert await count(sessions, "forecast_draft") == len(RATES)
    async with sessions.begin() as session:
        await plan(session, one_partition())
    with pytest.raises(RunIsOver):
        await asyncio.to_thread(partitions.forecast, place, choice, part)
    with pytest.raises(RunIsOver):
        await asyncio.to_thread(partitions.score, place, part)
    assert await count(sessions, "forecast_draft") == 0


async def test_what_the_future_and_one_day_alone_have_sold(sessions: Sessions, shop_copy: str):
    """A sale dated after the last day does not count, and a first sale today is a history."""
    before = await forecasts_of(sessions, Workers(), order=one_partition())
    tomorrow = LAST_DAY + timedelta(days=1)
    with psycopg.connect(libpq_url(shop_copy), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE history.sales_daily_later PARTITION OF sales_daily"
            " FOR VALUES FROM ('2026-07-01') TO ('2027-01-01')"
        )
        for sku_id, day, units in (("STEADY", tomorrow, 5000), ("TODAY", LAST_DAY, 3)):
            connection.execute(
                "INSERT INTO sales_daily VALUES (%s, 'EC', %s, %s, 0, 1, 1, 0, 0)",
                [sku_id, day, units],
            )
        connection.execute(
            "INSERT INTO sku (sku_id, item_class, is_price_derived, is_cost_derived, is_listed)"
            " VALUES ('TODAY', 'staple', false, false, true)"
        )
    after = await forecasts_of(sessions, Workers(), order=one_partition())
    assert [row[0] for row in after] == sorted([*RATES, "TODAY"])
    kept = {row[0]: row for row in after}
    assert kept["TODAY"][1:4] == ("new", "shrunken_mean", "new")
    assert kept["STEADY"][4] == pytest.approx(
        {row[0]: row for row in before}["STEADY"][4], rel=0.25
    )
    later = Order(as_of=tomorrow, horizon_weeks=8, step_days=1, country="JP")
    since = {row[0]: row for row in await forecasts_of(sessions, Workers(), order=later)}
    assert since["STEADY"][4][0] < 2 * kept["STEADY"][4][0]  # it counts, but as an outlier
    async with sessions() as session:
        found = text(
            "SELECT sku_id FROM forecast_finding WHERE code = 'outlier' AND found_on = :on"
        )
        assert set(await session.scalars(found, {"on": tomorrow})) == {"STEADY"}


async def test_verdicts_start_from_demand_at_the_usual_price(sessions: Sessions, shop_copy: str):
    """They multiply by what their own prices do; a known promotion must not count twice."""
    with psycopg.connect(libpq_url(shop_copy), autocommit=True) as connection:
        for days, price in ((7, 700), (14, 1000)):
            connection.execute(
                "INSERT INTO price_history (sku_id, valid_from, list_price, selling_price)"
                " VALUES ('STEADY', %s, 1000, %s)",
                [LAST_DAY + timedelta(days=days + 1), price],
            )
    computed = await runs.compute(sessions, silent, one_partition(), Workers())
    async with sessions.begin() as session:
        weeks = await drafted_weeks(session, computed.plan.run_id, horizon=56, step_days=1)
        await runs.finish(session, computed)
    usual = weeks.set_index("sku_id").loc["STEADY", "yhat"]
    foreseen = np.array({row[0]: row for row in await in_force(sessions)}["STEADY"][4])
    assert foreseen[:7].sum() == pytest.approx(usual[0], rel=1e-5)
    assert foreseen[7:14].sum() == pytest.approx(usual[1] * 0.7**-2, rel=1e-3)
    assert usual[1] == pytest.approx(usual[2], rel=0.05)


def workplace(sessions: Sessions, planned) -> tuple:
    from app.database import address_of
    from app.domain.forecasting import engine

    shared = engine.prepare_shared(
        planned.group_demand,
        calendar=planned.calendar,
        horizon=planned.horizon,
        settings=planned.settings,
    )
    place = partitions.Workplace(url=address_of(sessions), plan=planned, shared=shared)
    scores = [partitions.score(place, part).scores for part in planned.partitions]
    total = scores[0]
    for one in scores[1:]:
        total += one
    return place, engine.choose(total, planned.settings)


def forecast_in_pieces(sessions: Sessions, planned) -> list[tuple]:
    """The drafts of every partition, made here one after the other."""
    place, choice = workplace(sessions, planned)
    for part in planned.partitions:
        partitions.forecast(place, choice, part)
    with psycopg.connect(place.url) as connection:
        return connection.execute(
            IN_FORCE.replace(
                "forecast ORDER",
                "forecast_draft JOIN forecast_series USING (forecast_run_id, series_number) ORDER",
            )
        ).fetchall()
