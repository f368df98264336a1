"""Imports that are broken off, begun again, or run at once end as if nothing had happened."""

import asyncio
import io
from typing import Any

import polars as pl
import psycopg
import pytest
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.database import Sessions
from app.services.imports import outcome
from app.settings import Settings
from tests.api.sending import Send, sender, table
from tests.conftest import Work
from tests.importing import Importer

SALES = "order_id,sku_id,sold_at,quantity,unit_price\n"
FIVE = SALES + "".join(f"A-{n},S-{n},2026-06-0{n},{n},100\n" for n in range(1, 6))
STAGES = "SELECT tablename FROM pg_tables WHERE schemaname = 'staging'"


@pytest.fixture
def send(client: AsyncClient, work: Work) -> Send:
    return sender(client, work)


class Killed(BaseException):
    """The end of a worker, which no code of ours may catch."""


def killed_at(number: int):
    """A progress that goes so far and no further."""
    calls = iter(range(number, -1, -1))

    async def progress(step: str, done: int, total: int) -> None:
        if next(calls) == 0:
            raise Killed(step)

    return progress


@pytest.fixture
def importer(sessions: Sessions, settings: Settings) -> Importer:
    return Importer(sessions, settings)


def large_sales() -> bytes:
    """Two batches: every fiftieth line sells nothing, the last three thousand repeat the first."""
    line = pl.int_range(30_000) % 27_000
    target = io.BytesIO()
    pl.select(
        pl.format("A-{}", line // 3).alias("Invoice"),
        pl.format("S-{}", line % 7).alias("StockCode"),
        pl.format("{} {}", pl.lit("long name" * 15), line % 7).alias("Description"),
        (line % 50).alias("Quantity"),
        pl.lit("2026-06-01 10:00:00").alias("InvoiceDate"),
        pl.lit(100).alias("Price"),
        pl.lit("C1").alias("CustomerID"),
    ).write_csv(target)
    return target.getvalue()


async def loaded(sessions: Sessions) -> list[Any]:
    """Everything that an import leaves behind, but for its number."""
    return [
        await table(
            sessions, "SELECT order_id, line_key, sku_id, quantity FROM sale ORDER BY 1, 2, 3"
        ),
        await table(sessions, "SELECT row_no, column_name, code FROM import_reject ORDER BY 1, 3"),
        await table(sessions, "SELECT row_no, cells, line FROM import_reject_row ORDER BY 1"),
        await table(sessions, "SELECT sku_id, name FROM sku ORDER BY 1"),
        await table(sessions, STAGES),
    ]


async def test_a_run_killed_at_any_step_and_begun_again_ends_as_if_undisturbed(
    sessions, importer, database
):
    content = large_sales()
    undisturbed = await importer.run(*await importer.received("sales", content, "online_retail_ii"))
    left = await loaded(sessions)
    assert undisturbed["read"] == 30_000
    assert undisturbed["rejected_by_reason"] == {"exact_repeat": 2940, "zero_quantity": 600}
    assert undisturbed["new"] == 30_000 - undisturbed["rejected"] == len(left[0])
    assert len(left[2]) == 600  # of the repeats none is kept
    async with sessions.begin() as session:
        await session.execute(text("TRUNCATE sale, sku, import_reject, import_reject_row"))
    run = await importer.received("sales", content, "online_retail_ii")
    steps = []
    for number in range(7):
        with pytest.raises(Killed) as killed:
            await importer.run(*run, progress=killed_at(number))
        steps.append(str(killed.value))
    assert steps == ["reading"] * 2 + ["merging"] * 3 + ["adding", "merging"]
    assert await table(sessions, "SELECT count(*) FROM sale") == [(0,)]
    await broken_off_while_merging(importer, run, database)
    assert await importer.run(*run) == {**undisturbed, "unlisted": {"skus": 7, "locations": 0}}
    assert await loaded(sessions) == left
    run[1].unlink()
    assert (await importer.run(*run))["new"] == undisturbed["new"]  # ended before: nothing to do


async def test_a_mostly_bad_file_killed_and_begun_again_stops_with_the_same_sentence(
    sessions, importer
):
    bad = "".join(f"B-{n},S-1,never,1,100\n" for n in range(6))
    run = await importer.received("sales", (FIVE + bad).encode())
    with pytest.raises(Killed):
        await importer.run(*run, progress=killed_at(0))
    with pytest.raises(outcome.MostlyBad) as stopped:
        await importer.run(*run)
    left = await loaded(sessions)
    assert [len(found) for found in left] == [0, 6, 6, 0, 0]
    run[1].unlink()  # it has been read, and what came of it is known
    with pytest.raises(outcome.MostlyBad) as again:
        await importer.run(*run)
    assert str(again.value) == str(stopped.value)
    assert await loaded(sessions) == left


async def broken_off_while_merging(importer: Importer, run, database: str) -> None:
    """End the connection of an import that waits in the middle of its merge."""
    end = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query ~ 'sale' AND datname = current_database()
    """
    open_connection = psycopg.AsyncConnection.connect
    async with (
        await open_connection(database) as other,
        await open_connection(database, autocommit=True) as watcher,
    ):
        await other.execute("LOCK TABLE sale IN EXCLUSIVE MODE")
        running = asyncio.ensure_future(importer.run(*run))
        async with asyncio.timeout(30):
            while (await watcher.execute(end)).rowcount == 0:
                assert not running.done()
                await asyncio.sleep(0.05)
        with pytest.raises(DBAPIError):
            await running


async def test_imports_that_overlap_end_as_one_after_the_other(sessions, importer):
    lines = [f"A-{n},S-{n % 50},2026-06-01,{{}},100\n" for n in range(3000)]
    ones = SALES + "".join(lines[:2000]).replace("{}", "1")
    twos = SALES + "".join(reversed(lines[1000:])).replace("{}", "2")
    known = SALES + "".join(f"B-{n},S-{n},2026-06-01,1,100\n" for n in range(50))
    await importer.run(*await importer.received("sales", known.encode()))
    runs = [await importer.received("sales", content.encode()) for content in (ones, twos)]
    both = asyncio.Barrier(2)

    async def merge_together(step: str, done: int, total: int) -> None:
        if (step, done) == ("merging", 0):
            await both.wait()

    summaries = await asyncio.gather(*(importer.run(*run, merge_together) for run in runs))
    counts = [(summary["new"], summary["changed"], summary["same"]) for summary in summaries]
    assert sorted(counts) == [(1000, 1000, 0), (2000, 0, 0)]
    last = 1 + counts.index((1000, 1000, 0))
    quantities = """
        SELECT substr(order_id, 3)::int / 1000, quantity, count(*) FROM sale
        WHERE order_id LIKE 'A-%' GROUP BY 1, 2 ORDER BY 1
    """
    assert await table(sessions, quantities) == [(0, 1, 1000), (1, last, 1000), (2, 2, 1000)]


async def test_one_import_run_by_two_workers_happens_once(importer):
    run = await importer.received("sales", FIVE.encode())
    first, second = await asyncio.gather(importer.run(*run), importer.run(*run))
    assert first == second
    assert first["new"] == 5


async def test_what_killed_runs_leave_is_cleared_away(send, sessions, importer, client, work):
    run = await importer.received("sales", FIVE.encode())
    scratch = run[1].with_name(f"{run[1].name}.scratch")
    scratch.mkdir()
    (scratch / "unpacked").write_bytes(b"left by a killed run")
    with pytest.raises(Killed):
        await importer.run(*run, progress=killed_at(0))
    assert not scratch.exists()
    assert await table(sessions, STAGES) == [(f"import_{run[0]}",)]
    async with sessions.begin() as session:  # as a worker leaves it that gives the job up
        job = "INSERT INTO job (kind, payload, status, done, total, attempts)"
        job += " VALUES ('import', '{}', 'failed', 0, 0, 5) RETURNING job_id"
        job_id = await session.scalar(text(job))
        await session.execute(text(f"UPDATE import_batch SET job_id = {job_id}"))
    await send("products", "sku_id\nS-1\n")
    assert await table(sessions, STAGES) == []


async def test_an_ended_import_leaves_no_file(send, settings, sessions):
    good, bad = await send("products", "sku_id\nS-1\n", "name\nShirt\n")
    assert (good.job["status"], bad.job["status"]) == ("succeeded", "failed")
    assert list(settings.uploads.iterdir()) == []
    assert await table(sessions, STAGES) == []
