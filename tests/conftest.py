"""Real PostgreSQL for every test that asks for one: the embedded 18, and 15 where it is there.

A database is copied from a migrated template for each test (or each module that only reads), so
commits are real commits and tests cannot see one another.
"""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import make_url, text

from app import migrations
from app.auth import Scope, create_key
from app.database import Sessions, connect, sessions_of
from app.main import create_app, serve_from
from app.postgres import EmbeddedPostgres
from app.services import jobs
from app.settings import Settings
from app.worker import Workshop, queue_of
from tests import make
from tests.postgres.conftest import memory_disk

SERVERS = "ZAIKO_TESTS_RUN_ON"  # set by the first process for those that xdist starts
TEMPLATE = "zaiko_template"
counter = count()
idle_apps: list[FastAPI] = []
owned: list[tuple[EmbeddedPostgres, Path]] = []


def pytest_configure(config: pytest.Config) -> None:
    if SERVERS in os.environ:
        return
    urls = {"postgresql-18": _start(None)}
    given = os.environ.get("ZAIKO_TEST_DATABASE_URL")
    if given:
        urls["given"] = given
    elif bindir := _system_binaries():
        urls["postgresql-15"] = _start(bindir)
    for url in urls.values():
        _execute(url, f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        _execute(url, f"CREATE DATABASE {TEMPLATE}")
        migrations.migrate(_named(url, TEMPLATE))
    os.environ[SERVERS] = json.dumps(urls)


def pytest_unconfigure(config: pytest.Config) -> None:
    if owned:
        os.environ.pop(SERVERS, None)
    for server, folder in owned:
        server.stop()
        shutil.rmtree(folder)
    owned.clear()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        names = list(json.loads(os.environ[SERVERS]))
        if metafunc.definition.get_closest_marker("one_server"):
            names = names[:1]
        metafunc.parametrize("server", names, indirect=True, scope="session")


def _system_binaries() -> Path | None:
    """PostgreSQL 15, the oldest that is promised, where the system has it."""
    bindir = Path("/usr/lib/postgresql/15/bin")
    return bindir if (bindir / "postgres").exists() else None


def _start(bindir: Path | None) -> str:
    folder = Path(tempfile.mkdtemp(prefix="zk", dir=memory_disk()))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "data", bindir=bindir)
    server.start()
    owned.append((server, folder))
    return server.url


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> str:
    """The URL of one of the servers."""
    return json.loads(os.environ[SERVERS])[request.param]


def new_database(server: str) -> str:
    name = f"test_{os.getpid()}_{next(counter)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return _named(server, name)


def drop_database(server: str, url: str) -> None:
    _execute(server, f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """The URL of an empty, migrated database of the test's own."""
    url = new_database(server)
    yield url
    drop_database(server, url)


@pytest.fixture
async def sessions(database: str) -> AsyncIterator[Sessions]:
    engine = connect(database, pool_size=3)
    yield sessions_of(engine)
    await engine.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, upload_limit_mb=1, worker_processes=1, log_level="ERROR")


class Client(AsyncClient):
    """A client of the service, which it takes back once the client has gone.

    An application spends a tenth of a second on its first request, more than most tests.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.app = idle_apps.pop() if idle_apps else create_app(url, settings)
        serve_from(self.app, url, settings)
        transport = ASGITransport(self.app, raise_app_exceptions=False)
        super().__init__(transport=transport, base_url="http://zaiko")

    async def aclose(self) -> None:
        await super().aclose()
        await self.app.state.engine.dispose()
        idle_apps.append(self.app)


async def client_of(url: str, settings: Settings, scopes: list[Scope]) -> Client:
    """A client of the service on a database, with a key of these scopes."""
    client = Client(url, settings)
    async with client.app.state.sessions.begin() as session:
        client.headers["X-API-Key"] = await create_key(session, "test", scopes)
    return client


@pytest.fixture
async def client(database: str, settings: Settings) -> AsyncIterator[AsyncClient]:
    """A client that may do everything, on an empty database."""
    client = await client_of(database, settings, [Scope.ADMIN])
    yield client
    await client.aclose()


NOW = """
    UPDATE procrastinate_jobs SET scheduled_at = now()
    WHERE status = 'todo' AND scheduled_at > now()
"""


class Work:
    """Runs queued jobs here and now, as the worker process would."""

    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._settings = settings

    async def __call__(self) -> None:
        engine = connect(self._url, pool_size=3)
        workshop = Workshop(sessions=sessions_of(engine), settings=self._settings)
        queue = queue_of(self._url)
        async with queue.open_async():
            while True:
                await queue.run_worker_async(
                    queues=["zaiko"],
                    wait=False,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    additional_context={"workshop": workshop},
                )
                async with engine.begin() as connection:  # those that waited for their turn
                    if (await connection.execute(text(NOW))).rowcount == 0:
                        break
        await engine.dispose()


@pytest.fixture
def work(database: str, settings: Settings) -> Work:
    return Work(database, settings)


async def fill_shop(url: str, settings: Settings) -> None:
    """A small shop with 80 weeks of sales, stock, prices, one campaign; evaluated."""
    client = await client_of(url, settings, [Scope.ADMIN])
    for kind, csv in make.shop().items():
        answer = await client.post(f"/imports/{kind}", content=csv.encode())
        assert answer.status_code == 202, answer.text
    work = Work(url, settings)
    await work()
    async with client.app.state.sessions.begin() as session:
        await jobs.submit(session, "evaluate", {"as_of": None})
    await work()
    campaign = await client.post("/campaigns", json=make.CAMPAIGN)
    assert campaign.status_code == 201, campaign.text
    await client.post(f"/campaigns/{campaign.json()['campaign_id']}/measure")
    await work()
    await client.aclose()


@pytest.fixture(scope="session")
def evaluated(server: str) -> Iterator[str]:
    """The URL of the evaluated small shop, shared by all tests that only read it."""
    url = new_database(server)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), worker_processes=1, log_level="ERROR")
        asyncio.run(fill_shop(url, settings))
    yield url
    drop_database(server, url)


@pytest.fixture
async def shop(evaluated: str, settings: Settings) -> AsyncIterator[AsyncClient]:
    """A client that may do everything, on the evaluated small shop: read only."""
    client = await client_of(evaluated, settings, [Scope.ADMIN])
    yield client
    await client.aclose()
