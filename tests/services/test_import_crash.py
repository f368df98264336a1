"""A database that crashes under an import, and runs that outlive it: all once, nothing twice."""

import asyncio

import psycopg
import pytest
from sqlalchemy import make_url, text

from app.queries import imports, staging
from tests.importing import Importer, go_on

ROWS = "".join(f"O{n},A,2026-01-05,1,100\n" for n in range(50))
SALES = "order_id,sku_id,sold_at,quantity,unit_price\n" + ROWS
COUNT = text("SELECT count(*) FROM sale")


@pytest.fixture
def importer(sessions, settings) -> Importer:
    return Importer(sessions, settings)


async def crash(database: str) -> None:
    """Do to everybody what a server does that crashes: connections end, unlogged rows are lost."""
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            [make_url(database).database],
        )
        stages = "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'"
        for (stage,) in other.execute(stages).fetchall():
            other.execute(f"TRUNCATE staging.{stage}")
    await asyncio.sleep(0.2)  # the pool hears that its connections have gone


@pytest.mark.parametrize("moment", [("reading", 50), ("merging", 0), ("merging", 2)])
async def test_rows_lost_from_the_stage_are_never_taken_for_all(
    database, sessions, importer, moment
):
    reached = []

    async def crash_once(step: str, done: int, total: int) -> None:
        if (step, done) == moment and not reached:
            reached.append(moment)
            await crash(database)

    run = await importer.received("sales", SALES)
    with pytest.raises(Exception):  # noqa: B017 - however the lost connection shows
        await importer.run(*run, crash_once)
    assert reached
    assert (await importer.run(*run, crash_once))["new"] == 50
    async with sessions() as session:
        assert await session.scalar(COUNT) == 50


async def test_a_run_that_comes_to_life_again_leaves_its_successor_alone(
    database, sessions, importer
):
    """The worker slept through a crash of the server and was given up; now it awakes."""
    run = await importer.received("sales", SALES)
    has_staged, is_over = asyncio.Event(), asyncio.Event()

    async def successor(step: str, done: int, total: int) -> None:
        if step == "merging" and not has_staged.is_set():
            has_staged.set()
            await is_over.wait()

    async def sleeper(step: str, done: int, total: int) -> None:
        await crash(database)
        sleeper.other = asyncio.ensure_future(importer.run(*run, successor))
        async with asyncio.timeout(20):
            await has_staged.wait()
        raise RuntimeError("taken over")

    with pytest.raises(Exception):  # noqa: B017 - the connection is lost as well
        await importer.run(*run, sleeper)
    is_over.set()
    async with asyncio.timeout(20):
        assert (await sleeper.other)["new"] == 50
    async with sessions() as session:
        assert await session.scalar(COUNT) == 50


async def test_a_killed_run_whose_end_is_still_being_written_is_the_one_that_counts(
    sessions, importer
):
    """The worker died after it had said COMMIT, and the server takes its time."""
    import_id, file = await importer.received("sales", SALES)
    async with sessions.begin() as session:
        await staging.create_stage(session, "sales", import_id)
    summary = {"new": 50, "changed": 0, "same": 0}
    async with sessions.begin() as ending:
        await staging.drop_stage(ending, import_id)
        await imports.record_summary(ending, import_id, summary)
        again = asyncio.ensure_future(importer.run(import_id, file, go_on))
        await asyncio.sleep(0.3)
        assert not again.done()
    async with asyncio.timeout(20):
        assert await again == summary
