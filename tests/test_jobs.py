"""Jobs: run by one worker at a time, begun again when that dies, and ended one way or the other."""

import asyncio
import os

import psycopg
import pytest

from app.database import Sessions
from app.models import Job
from app.queries import jobs as job_queries
from app.services import jobs
from app.services.job_kinds import TURNS
from app.services.jobs import ProgressReporter, TakenOver
from app.worker.process import DEAD_AFTER_SECONDS, sweep
from app.worker.tasks import MAX_ATTEMPTS, is_database_lost

ROW = "SELECT status, attempts, error FROM job WHERE job_id = %s"
SALES = b"order_id,sku_id,sold_at,quantity,unit_price\nA,1,2026-01-05,2,100\n"


def run(url: str, statement: str, *values: object) -> list[tuple]:
    options = "-c search_path=public,procrastinate"
    with psycopg.connect(url, autocommit=True, options=options) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


async def submitted(sessions: Sessions, kind: str, payload: dict) -> int:
    async with sessions.begin() as session:
        return (await jobs.submit(session, kind, payload)).job_id


async def begun(sessions: Sessions, url: str, *, heartbeat: str) -> Job:
    """A job in the hands of a worker that was last seen so long ago."""
    job_id = await submitted(sessions, "measure", {"campaign_id": 1})
    [(worker,)] = run(
        url,
        "INSERT INTO procrastinate_workers (last_heartbeat)"
        " VALUES (now() - CAST(%s AS interval)) RETURNING id",
        heartbeat,
    )
    run(
        url,
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE lock = %s",
        worker,
        f"job {job_id}",
    )
    async with sessions.begin() as session:
        return await job_queries.start(session, job_id)


async def take_up_again(sessions: Sessions) -> list[int]:
    async with sessions.begin() as session:
        return await jobs.take_up_again(session, dead_after_seconds=DEAD_AFTER_SECONDS)


def state(url: str, job_id: int) -> tuple:
    return run(url, ROW, job_id)[0]


async def test_a_job_of_a_dead_worker_is_taken_up_again_by_the_next(sessions, database, work):
    job = await begun(sessions, database, heartbeat="1 minute")
    assert await take_up_again(sessions) == [job.job_id]
    assert state(database, job.job_id) == ("queued", 1, None)
    await work()
    assert state(database, job.job_id) == ("failed", 2, "campaign 1 does not exist")


async def test_a_job_whose_worker_is_not_even_known_is_taken_up_again(sessions, database):
    job = await begun(sessions, database, heartbeat="0 seconds")
    run(database, "DELETE FROM procrastinate_workers")
    assert await take_up_again(sessions) == [job.job_id]


async def test_a_job_of_a_living_worker_is_left_alone(sessions, database):
    job = await begun(sessions, database, heartbeat="0 seconds")
    assert await take_up_again(sessions) == []
    assert state(database, job.job_id) == ("running", 1, None)


async def test_of_workers_that_search_at_once_one_takes_a_job_up(sessions, database):
    job = await begun(sessions, database, heartbeat="1 minute")
    found = await asyncio.gather(*(take_up_again(sessions) for _ in range(3)))
    assert sorted(found) == [[], [], [job.job_id]]


async def test_a_job_that_the_queue_has_lost_is_queued_again(sessions, database, work):
    job_id = await submitted(sessions, "measure", {"campaign_id": 1})
    run(database, "DELETE FROM procrastinate_jobs")
    assert await take_up_again(sessions) == [job_id]
    await work()
    assert state(database, job_id)[0] == "failed"


async def test_a_job_that_kills_every_worker_is_given_up(sessions, database, work):
    job = await begun(sessions, database, heartbeat="1 minute")
    run(database, "UPDATE job SET attempts = %s", MAX_ATTEMPTS)
    await take_up_again(sessions)
    await work()
    status, attempts, error = state(database, job.job_id)
    assert (status, attempts) == ("failed", MAX_ATTEMPTS + 1)
    assert error == "given up: 5 attempts ended with the death of the worker"
    assert await take_up_again(sessions) == []


async def test_what_the_queue_calls_failed_is_tried_again_but_not_for_ever(
    sessions, database, work
):
    job_id = await submitted(sessions, "measure", {"campaign_id": 1})
    for attempt in range(1, MAX_ATTEMPTS + 1):
        run(database, "UPDATE procrastinate_jobs SET status = 'failed'")
        run(database, "UPDATE job SET status = 'running', attempts = %s", attempt)
        assert await take_up_again(sessions) == [job_id]
    await work()
    assert state(database, job_id)[2].startswith("given up")
    assert await take_up_again(sessions) == []


async def test_a_job_that_has_ended_is_not_run_once_more(sessions, database, work):
    job = await begun(sessions, database, heartbeat="1 minute")
    async with sessions.begin() as session:
        await jobs.finish(session, job.job_id, job.attempts, result={"ok": 1}, error=None)
    await take_up_again(sessions)
    await work()
    assert state(database, job.job_id) == ("succeeded", 1, None)


async def test_a_worker_that_seemed_dead_can_no_longer_report(sessions, database):
    job = await begun(sessions, database, heartbeat="1 minute")
    await take_up_again(sessions)
    async with sessions.begin() as session:
        again = await job_queries.start(session, job.job_id)
    with pytest.raises(TakenOver):
        await ProgressReporter(sessions, job.job_id, job.attempts)("late", 1, 2)
    with pytest.raises(TakenOver):
        async with sessions.begin() as session:
            await jobs.finish(session, job.job_id, job.attempts, result={}, error=None)
    await ProgressReporter(sessions, job.job_id, again.attempts)("in time", 1, 2)
    assert run(database, "SELECT status, step FROM job") == [("running", "in time")]


async def test_two_workers_never_run_one_job(client, sessions, work):
    for campaign_id in range(12):
        await submitted(sessions, "measure", {"campaign_id": campaign_id})
    await asyncio.gather(work(), work(), work())
    ended = (await client.get("/jobs")).json()["items"]
    assert [(job["status"], job["attempts"]) for job in ended] == [("failed", 1)] * 12


async def test_a_fault_of_ours_ends_the_job_with_a_short_sentence(sessions, database, work):
    job_id = await submitted(sessions, "import", {"file": "x"})
    await work()
    status, _, error = state(database, job_id)
    assert (status, error) == (
        "failed",
        "internal error, see the worker's log: KeyError: 'import_id'",
    )


async def test_an_upload_that_this_worker_does_not_see_is_said_so(client, work, settings):
    answer = await client.post("/imports/sales", content=SALES)
    for file in settings.uploads.iterdir():
        file.unlink()
    await work()
    job = (await client.get(answer.headers["Location"])).json()
    assert job["status"] == "failed"
    assert "must share ZAIKO_DATA_DIR" in job["error"]


@pytest.mark.parametrize("content", [SALES, b"nonsense\n1\n", b""])
async def test_an_upload_is_removed_when_its_job_has_ended(client, work, settings, content):
    await client.post("/imports/sales", content=content)
    await work()
    assert list(settings.uploads.iterdir()) == []


async def test_a_job_given_up_leaves_nothing_behind(client, work, settings, database):
    await client.post("/imports/sales", content=SALES)
    [file] = settings.uploads.iterdir()
    scratch = settings.uploads / f"{file.name}.scratch"
    scratch.mkdir()
    (scratch / "unpacked").write_bytes(SALES)
    run(database, "UPDATE job SET attempts = %s", MAX_ATTEMPTS)
    await work()
    assert list(settings.uploads.iterdir()) == []


def test_what_waits_to_be_imported_is_for_nobody_elses_eyes(settings):
    assert settings.uploads_folder().stat().st_mode & 0o777 == 0o700


async def test_what_killed_workers_left_is_swept_once_it_is_old(tmp_path):
    for name in ("old", "awaited", "new"):
        (tmp_path / name).write_text("x")
    (tmp_path / "scratch").mkdir()
    for name in ("old", "awaited", "scratch"):
        os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path, {"awaited"})
    assert {entry.name for entry in tmp_path.iterdir()} == {"awaited", "new"}


async def test_one_job_of_a_kind_is_submitted_however_many_ask_at_once(sessions):
    async def submit() -> int:
        async with sessions.begin() as session:
            return (await jobs.submit_once(session, "evaluate", {"as_of": None})).job_id

    assert len(set(await asyncio.gather(*(submit() for _ in range(4))))) == 1


async def test_an_evaluation_that_runs_has_read_its_sales_and_another_waits_behind_it(sessions):
    async with sessions.begin() as session:
        first = (await jobs.submit_once(session, "evaluate", {"as_of": None})).job_id
        await job_queries.start(session, first)
        second = (await jobs.submit_once(session, "evaluate", {"as_of": None})).job_id
        other = (await jobs.submit_once(session, "evaluate", {"as_of": "2026-01-05"})).job_id
        joined = (await jobs.submit_once(session, "evaluate", {"as_of": None})).job_id
    assert joined == second
    assert len({first, second, other}) == 3
    async with sessions.begin() as session:
        assert await jobs.start_in_turn(session, other, TURNS) is None
        assert (await job_queries.job(session, other)).step == f"waiting for job {first}"


async def test_an_evaluation_waits_for_the_files_sent_before_it(client, sessions, work):
    earlier = await client.post("/imports/sales", content=SALES)
    evaluation = await client.post("/evaluations", json={})
    waiting_for, waiting = earlier.json()["job_id"], evaluation.json()["job_id"]
    async with sessions.begin() as session:
        assert await jobs.start_in_turn(session, waiting, TURNS) is None
    job = (await client.get(evaluation.headers["Location"])).json()
    assert (job["status"], job["attempts"]) == ("queued", 0)
    assert job["step"] == f"waiting for job {waiting_for}"
    await work()
    done = [(await client.get(f"/jobs/{job_id}")).json() for job_id in (waiting_for, waiting)]
    assert [job["status"] for job in done] == ["succeeded", "succeeded"]
    assert done[1]["started_at"] >= done[0]["finished_at"]


async def test_of_two_files_of_a_kind_the_later_has_the_last_word(client, sessions, database):
    """Each waits for those before it, but not for files of another kind."""
    accepted = [
        await client.post(f"/imports/{kind}", content=SALES) for kind in ("sales", "sales", "stock")
    ]
    first, second, other = (answer.json()["job_id"] for answer in accepted)
    async with sessions.begin() as session:
        assert await jobs.start_in_turn(session, second, TURNS) is None
        assert (await job_queries.job(session, second)).step == f"waiting for job {first}"
        assert await jobs.start_in_turn(session, other, TURNS) is not None
        assert await jobs.start_in_turn(session, first, TURNS) is not None


def test_a_queue_that_lost_the_database_is_no_fault_of_the_job():
    assert is_database_lost(psycopg.OperationalError("the connection is lost"))
    assert is_database_lost(ConnectionRefusedError())
    assert not is_database_lost(FileNotFoundError("x"))
