"""Following a job: what a client is told, when, and how a stream ends."""

import asyncio
import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from app import migrations
from app.auth import KeyRing, Scope, create_key, revoke_key
from app.database import connect, sessions_of
from app.main import create_app
from app.postgres import EmbeddedPostgres
from app.queries import jobs as job_queries
from app.routers.streams import Streams
from app.schemas.jobs import JobEventBody
from app.services import jobs
from app.settings import Settings
from tests.api.conftest import problem
from tests.api.serving import serving
from tests.postgres.conftest import memory_disk
from tests.running import ZAIKO, environment, eventually, free_port

pytestmark = pytest.mark.one_server


class Event(dict):
    """The fields of an event, its data read."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(line.split(": ", 1) for line in lines)
        self.job = json.loads(self["data"])


class Service:
    """A served application, and a client of it that may do everything."""

    def __init__(self, app: FastAPI, url: str, engine: AsyncEngine) -> None:
        self.app = app
        self.url = url
        self.engine = engine
        self.sessions = sessions_of(engine)
        self.http = httpx.AsyncClient(base_url=url, timeout=30)

    async def with_key(self, *scopes: Scope) -> Self:
        async with self.sessions.begin() as session:
            key = await create_key(session, "test", list(scopes))
        self.http.headers["X-API-Key"] = key
        return self

    async def submitted(self, kind: str = "measure") -> int:
        async with self.sessions.begin() as session:
            return (await jobs.submit(session, kind, {"campaign_id": 1})).job_id

    async def begun(self) -> int:
        job_id = await self.submitted()
        async with self.sessions.begin() as session:
            await job_queries.start(session, job_id)
        return job_id

    async def reached(self, job_id: int, done: int, step: str = "reading") -> None:
        async with self.sessions.begin() as session:
            await job_queries.record_progress(session, job_id, step=step, done=done, total=1000)

    async def ended(self, job_id: int, error: str | None = None) -> None:
        async with self.sessions.begin() as session:
            result = {"ok": 1} if error is None else None
            await job_queries.finish(session, job_id, result=result, error=error)

    @asynccontextmanager
    async def follow(self, job_id: int, seen: str | None = None) -> AsyncIterator["Following"]:
        headers = {} if seen is None else {"Last-Event-ID": seen}
        async with self.http.stream("GET", f"/jobs/{job_id}/events", headers=headers) as answer:
            yield Following(answer)

    async def all_events(self, job_id: int) -> list[Event]:
        async with self.follow(job_id) as following:
            return [event async for event in following]


class Following:
    """The events of an answer, one after the other."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        lines: list[str] = []
        async for line in self._lines:
            if line and not line.startswith(":"):
                lines.append(line)
            elif lines:
                return Event(lines)
        assert lines == []
        raise StopAsyncIteration

    async def is_closed(self) -> bool:
        return [event async for event in self] == []


@asynccontextmanager
async def service_on(url: str, settings: Settings) -> AsyncIterator[Service]:
    engine = connect(url, pool_size=3)
    app = create_app(url, settings)
    with serving(app) as address:
        service = await Service(app, address, engine).with_key(Scope.ADMIN)
        yield service
        await service.http.aclose()
    await engine.dispose()


@pytest.fixture
async def service(database: str, settings: Settings) -> AsyncIterator[Service]:
    async with service_on(database, settings) as service:
        yield service


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a server of the test's own may keep its database."""
    folder = Path(tempfile.mkdtemp(prefix="zk", dir=memory_disk())).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def is_answering(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready").json()["checks"]["database"]
    except httpx.HTTPError:
        return False


@contextmanager
def served(home: Path, database: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``zaiko serve`` as a process of its own, and its URL."""
    port = free_port()
    process = subprocess.Popen(
        [*ZAIKO, "serve", "--port", str(port)],
        env=environment(home, ZAIKO_DATABASE_URL=database),
        cwd=home,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or is_answering(url))
        yield process, url
    finally:
        process.kill()
        process.communicate()


async def test_a_job_that_has_ended_is_told_at_once_and_the_stream_closes(service: Service):
    job_id = await service.begun()
    await service.ended(job_id)
    async with service.follow(job_id) as following:
        headers = following.answer.headers
        assert headers["Content-Type"].partition(";")[0] == "text/event-stream"
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-cache", "no")
        [event] = [event async for event in following]
    assert event.keys() == {"event", "data", "id", "retry"}
    assert event["event"] == "end"
    assert event.job.keys() == JobEventBody.model_fields.keys()
    now = (await service.http.get(f"/jobs/{job_id}")).json()
    assert event.job == {**now, "rate": None, "seconds_left": None}
    assert event.job["result"] == {"ok": 1}


async def test_a_job_is_followed_from_the_queue_to_its_end(service: Service):
    job_id = await service.submitted()
    async with service.follow(job_id) as following:
        told = [await anext(following)]
        async with service.sessions.begin() as session:
            await job_queries.start(session, job_id)
        told.append(await anext(following))
        for done in (100, 200, 1000):
            await service.reached(job_id, done)
            told.append(await anext(following))
        await service.ended(job_id)
        told.append(await anext(following))
        assert await following.is_closed()
    assert [event["event"] for event in told] == ["progress"] * 5 + ["end"]
    assert len({event["id"] for event in told}) == len(told)
    seen = [(e.job["status"], e.job["step"], e.job["done"], e.job["total"]) for e in told]
    assert seen == [
        ("queued", None, 0, 0),
        ("running", None, 0, 0),
        ("running", "reading", 100, 1000),
        ("running", "reading", 200, 1000),
        ("running", "reading", 1000, 1000),
        ("succeeded", "reading", 1000, 1000),
    ]
    begun, going, reached, end = (event.job for event in told[2:])
    assert (begun["rate"], begun["seconds_left"]) == (None, None)
    assert going["rate"] > 0
    assert going["rate"] * going["seconds_left"] == pytest.approx(800, rel=0.1)
    assert reached["rate"] > 0
    assert reached["seconds_left"] is None, "it has reached its total and still goes on"
    assert (end["rate"], end["seconds_left"]) == (None, None)


async def test_what_cannot_be_followed_is_a_problem_before_any_stream(service: Service):
    for job_id in (1, 2**62):
        body = problem(await service.http.get(f"/jobs/{job_id}/events"), 404, "unknown-job")
        assert body["detail"] == f"job {job_id} does not exist"
    problem(await service.http.get("/jobs/0/events"), 422, "invalid-request")
    problem(await service.http.get("/jobs/1/events?since=2"), 422, "invalid-request")
    nobody = {"X-API-Key": ""}
    problem(await service.http.get("/jobs/1/events", headers=nobody), 401, "unauthenticated")


async def test_result_and_error_are_told_to_keys_that_may_see_them(service: Service):
    good, bad = await service.begun(), await service.begun()
    await service.ended(good)
    await service.ended(bad, error="campaign 1 does not exist")
    hidden = "only keys with the scope campaigns:read or campaigns:write may read why"
    for scope, result, error in (
        (Scope.CAMPAIGNS_READ, {"ok": 1}, "campaign 1 does not exist"),
        (Scope.POLICY_READ, None, hidden),
    ):
        await service.with_key(scope)
        [event] = await service.all_events(good)
        assert (event.job["status"], event.job["result"]) == ("succeeded", result)
        [event] = await service.all_events(bad)
        assert (event.job["status"], event.job["error"]) == ("failed", error)


async def test_a_client_that_comes_back_is_told_nothing_twice(service: Service):
    job_id = await service.begun()
    async with service.follow(job_id) as following:
        first = await anext(following)
    async with service.follow(job_id, seen=first["id"]) as following:
        assert following.answer.status_code == 200
        await service.reached(job_id, 10)
        second = await anext(following)
        assert second.job["done"] == 10
    await service.reached(job_id, 20)
    async with service.follow(job_id, seen=second["id"]) as following:
        third = await anext(following)
        assert third.job["done"] == 20
    await service.ended(job_id)
    async with service.follow(job_id, seen=third["id"]) as following:
        [end] = [event async for event in following]
    again = await service.http.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": end["id"]})
    assert (again.status_code, again.content) == (204, b"")


async def test_a_job_begun_anew_is_told_again(service: Service):
    job_id = await service.begun()
    await service.reached(job_id, 10)
    async with service.follow(job_id) as following:
        assert (await anext(following)).job["attempts"] == 1
        async with service.sessions.begin() as session:
            await job_queries.start(session, job_id)
            await job_queries.record_progress(session, job_id, step="reading", done=10, total=1000)
        again = (await anext(following)).job
        assert (again["attempts"], again["done"], again["rate"]) == (2, 10, None)


async def test_no_more_streams_than_the_service_can_keep(service: Service):
    service.app.state.streams = Streams(most=2)
    job_id = await service.begun()
    path = f"/jobs/{job_id}/events"
    async with service.follow(job_id) as one:
        await anext(one)
        async with service.follow(job_id) as two:
            await anext(two)
            answer = await service.http.get(path)
            assert "2 streams are open" in problem(answer, 503, "too-many-streams")["detail"]
            assert answer.headers["Retry-After"] == "5"
            assert (await service.http.get(f"/jobs/{job_id}")).status_code == 200
    eventually(lambda: service.app.state.streams.open == 0)
    async with service.follow(job_id) as again:
        assert (await anext(again)).job["job_id"] == job_id


async def test_streams_hold_no_connection_between_two_looks(database: str, settings: Settings):
    few = settings.model_copy(update={"pool_size": 1})
    async with service_on(database, few) as service:
        job_id = await service.begun()
        streams = [service.follow(job_id) for _ in range(12)]
        following = [await stream.__aenter__() for stream in streams]
        for stream in following:
            await anext(stream)
        assert (await service.http.get("/jobs")).status_code == 200
        eventually(lambda: service.app.state.engine.pool.checkedout() == 0)
        await service.ended(job_id)
        for stream in following:
            assert (await anext(stream))["event"] == "end"
            assert await stream.is_closed()
        for stream in streams:
            await stream.__aexit__(None, None, None)


async def test_a_key_that_is_revoked_sees_no_more(service: Service):
    job_id = await service.begun()
    async with service.follow(job_id) as following:
        await anext(following)
        async with service.sessions.begin() as session:
            await revoke_key(session, "test")
        service.app.state.keys = KeyRing(service.app.state.reader)  # which else trusts it for 10 s
        assert await following.is_closed()


async def test_a_service_that_stops_ends_its_streams_and_the_next_one_goes_on(
    database: str, settings: Settings
):
    async with service_on(database, settings) as service:
        job_id = await service.begun()
        async with service.follow(job_id) as following:
            first = await anext(following)
            service.app.state.streams.stop()
            assert await following.is_closed()
    async with service_on(database, settings) as service:
        await service.ended(job_id)
        async with service.follow(job_id, seen=first["id"]) as following:
            assert [event["event"] async for event in following] == ["end"]


async def test_a_database_that_restarts_does_not_end_a_stream(folder: Path, settings: Settings):
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        url = server.url
        migrations.migrate(url)
        async with service_on(url, settings) as service:
            job_id = await service.begun()
            async with service.follow(job_id) as following:
                await anext(following)
                await service.engine.dispose()
                server.stop()
                eventually(lambda: not is_answering(service.url))
                server.start()
                assert server.url == url
                await service.reached(job_id, 10)
                assert (await anext(following)).job["done"] == 10
                await service.ended(job_id)
                assert (await anext(following))["event"] == "end"
    finally:
        server.stop()


def test_the_service_stops_at_once_though_streams_are_open(
    database: str, tmp_path: Path, settings: Settings
):
    async def prepared() -> tuple[str, int]:
        engine = connect(database, pool_size=1)
        async with sessions_of(engine).begin() as session:
            key = await create_key(session, "test", [Scope.ADMIN])
            job_id = (await jobs.submit(session, "measure", {"campaign_id": 1})).job_id
        await engine.dispose()
        return key, job_id

    key, job_id = asyncio.run(prepared())
    with served(tmp_path, database) as (process, url), ExitStack() as streams:
        http = streams.enter_context(httpx.Client(headers={"X-API-Key": key}, timeout=30))
        lines = []
        for _ in range(3):
            stream = http.stream("GET", f"{url}/jobs/{job_id}/events")
            lines.append(streams.enter_context(stream).iter_lines())
        assert [next(each) for each in lines] == ["event: progress"] * 3
        process.send_signal(signal.SIGINT)
        for each in lines:  # to the end, which would raise if the answer were cut off
            assert not any(line.startswith("event") for line in each)
        _, said = process.communicate(timeout=30)
    assert "graceful shutdown exceeded" not in said
    assert "Traceback" not in said
    assert process.returncode == 0
