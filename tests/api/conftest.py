"""A shop of the test's own, and what many tests of the API ask of an answer."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from httpx import URL, AsyncClient, Response
from sqlalchemy import make_url

from app.auth import Scope
from app.settings import Settings
from tests.conftest import Work, client_of, counter, drop_database


@pytest.fixture
def shop_copy(server: str, evaluated: str) -> Iterator[str]:
    """The URL of a copy of the evaluated shop, for a test that writes."""
    name = f"{make_url(evaluated).database}_copy_{next(counter)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {make_url(evaluated).database}")
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    yield url
    drop_database(server, url)


@pytest.fixture
async def own_shop(shop_copy: str, settings: Settings) -> AsyncIterator[AsyncClient]:
    """A client that may do everything, on an evaluated shop that the test may change."""
    client = await client_of(shop_copy, settings, [Scope.ADMIN])
    yield client
    await client.aclose()


@pytest.fixture
def own_work(shop_copy: str, settings: Settings) -> Work:
    return Work(shop_copy, settings)


async def pages(client: AsyncClient, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """The items of every page of a list, page by page."""
    found, after = [], None
    seen: set[str] = set()
    while True:
        given = params | ({"after": after} if after else {})
        answer = await client.get(URL(path).copy_merge_params(given))
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found.append(body["items"])
        after = body["next"]
        if after is None:
            return found
        assert after not in seen, "the list goes in circles"
        seen.add(after)


async def rows(client: AsyncClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """All items of a list, in pages of a thousand."""
    return [item for page in await pages(client, path, limit=1000, **params) for item in page]


def problem(answer: Response, status: int, slug: str) -> dict[str, Any]:
    """The answer's problem, which must be complete and of this kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() == {"type", "title", "status", "detail", "instance", "errors"}
    assert (body["type"], body["status"]) == (f"/problems/{slug}", status)
    assert body["title"].endswith(".")
    assert body["detail"]
    return body
