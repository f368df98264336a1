"""What is logged: a line a request under its route, and never a key or a customer."""

import json
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import logs
from app.auth import Scope
from app.database import Sessions
from app.settings import Settings
from tests.conftest import client_of, drop_database, idle_apps, new_database

pytestmark = pytest.mark.one_server


class Lines:
    """What has been logged since it was last asked."""

    def __init__(self) -> None:
        self.file = StringIO()

    def __call__(self) -> list[dict[str, Any]]:
        told = self.file.getvalue()
        self.file.seek(0)
        self.file.truncate()
        return [json.loads(line) for line in told.splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines = Lines()
    idle_apps.clear()  # whose loggers are those of other tests
    before = structlog.get_config()
    logs.configure("INFO", lines.file)
    yield lines
    structlog.configure(**before)


@pytest.fixture
async def client(lines: Lines, database: str, settings: Settings) -> AsyncIterator[AsyncClient]:
    client = await client_of(database, settings, [Scope.ADMIN])
    yield client
    await client.aclose()


async def test_a_request_is_a_line_with_its_route_and_an_id(client: AsyncClient, lines: Lines):
    lines()
    answer = await client.get("/ltv/customers/C-SECRET-7?x=C-SECRET-8")
    [line] = lines()
    assert line.keys() == {
        "event",
        "level",
        "timestamp",
        "method",
        "route",
        "status",
        "ms",
        "request_id",
    }
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 422)
    assert line["route"] == "/ltv/customers/{customer_id}"
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["ms"] >= 0


async def test_neither_keys_nor_customers_are_logged(client: AsyncClient, lines: Lines):
    lines()
    key = client.headers["X-API-Key"]
    await client.get("/ltv/customers/C-SECRET-7")
    await client.get("/C-SECRET-7")
    await client.get("/jobs", headers={"X-API-Key": "zk_C-SECRET-7"})
    await client.get("/jobs", headers={"X-API-Key": "", "Authorization": f"Bearer {key}"})
    await client.put("/policies/tenant", json={"overrides": {}, "note": "C-SECRET-7"})
    found = lines()
    assert [line["status"] for line in found] == [404, 404, 401, 200, 200]
    assert "SECRET" not in json.dumps(found)
    assert key[3:] not in json.dumps(found)


async def test_an_unexpected_error_is_logged_once_without_values(
    server: str, settings: Settings, lines: Lines
):
    url = new_database(server)
    client = await client_of(url, settings, [Scope.ADMIN])
    key = client.headers["X-API-Key"]
    await client.get("/jobs")
    async with client.app.state.sessions.begin() as session:
        await (await session.connection()).exec_driver_sql("DROP TABLE customer_ltv")
    lines()
    answer = await client.get("/ltv/customers/C-SECRET-7")
    assert answer.status_code == 500
    error, request = lines()
    assert (error["level"], error["event"]) == ("error", "unexpected error")
    assert (request["status"], request["event"]) == (500, "request")
    request_id = answer.headers["X-Request-Id"]
    assert error["request_id"] == request["request_id"] == request_id
    assert "customer_ltv" in error["raised"][0]["message"]
    assert any("customers.py" in place for place in error["raised"][0]["places"])
    assert "SECRET" not in json.dumps(error)
    assert key[3:] not in json.dumps(error)
    await client.aclose()
    drop_database(server, url)


async def test_an_exception_is_told_as_places_not_as_values(lines: Lines):
    def give_way(key: str) -> None:
        raise ValueError("no room") from KeyError(len(key))

    try:
        give_way("zk_SECRET")
    except ValueError:
        structlog.get_logger().exception("job failed", job_id=7)
    [line] = lines()
    first, cause = line["raised"]
    assert (first["kind"], first["message"]) == ("ValueError", "no room")
    assert cause["kind"] == "KeyError"
    assert first["places"][-1].endswith("give_way")
    assert "SECRET" not in json.dumps(line)


LOCATION = "INSERT INTO location VALUES ('C-SECRET-7', NULL, 'store', 'store', true)"


@pytest.mark.parametrize(
    "statements",
    [
        ["SELECT CAST('C-SECRET-7' AS integer)"],
        ["SELECT CAST('1e300' AS real)"],
        [LOCATION, LOCATION],
    ],
)
async def test_what_the_database_says_of_a_value_is_told_without_it(
    sessions: Sessions, statements: list[str]
):
    async with sessions() as session:
        for statement in statements[:-1]:
            await session.execute(text(statement))
        with pytest.raises(DBAPIError) as refused:
            await session.execute(text(statements[-1]))
    told = json.dumps(logs.described(refused.value), ensure_ascii=False)
    assert "DBAPIError" in told or "IntegrityError" in told
    assert "SECRET" not in told
    assert "1e300" not in told
