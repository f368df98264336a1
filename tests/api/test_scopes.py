"""Who may call: every operation, with every kind of key. Generated from the promise itself."""

import re
from typing import Any

import pytest
from httpx import AsyncClient, Response

from app.auth import Scope, create_key, revoke_key
from app.database import Sessions
from tests.api.conftest import problem

pytestmark = pytest.mark.one_server

METHODS = ("get", "post", "put", "patch", "delete")
MISSING = "999"  # passes for an id anywhere, and is nobody's


def operations(client: AsyncClient) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation."""
    return [
        (method, path, operation)
        for path, item in client.app.openapi()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


async def call(
    client: AsyncClient, method: str, path: str, operation: dict[str, Any], key: str | None
) -> Response:
    """Call an operation with a body that fits, of things that are not there."""
    filled = re.sub(r"\{kind\}", "sales", re.sub(r"\{(?!kind)\w+\}", MISSING, path))
    content = operation.get("requestBody", {}).get("content", {})
    given: dict[str, Any] = {}
    if "application/json" in content:
        given["json"] = content["application/json"]["example"]
    elif content:
        given["content"] = content["text/csv"]["example"]
    request = client.build_request(method, filled, **given)
    del request.headers["X-API-Key"]
    if key is not None:
        request.headers["X-API-Key"] = key
    return await client.send(request)


def is_public(operation: dict[str, Any]) -> bool:
    return "security" not in operation


async def test_every_operation_but_health_asks_for_a_key(client: AsyncClient):
    for method, path, operation in operations(client):
        answer = await call(client, method, path, operation, None)
        if path.startswith("/health/"):
            assert is_public(operation)
            assert answer.status_code in {200, 503}
        else:
            assert operation["security"] == [{"ApiKey": []}, {"Bearer": []}]
            problem(answer, 401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_every_operation_refuses_a_key_that_lacks_exactly_its_scope(
    client: AsyncClient, sessions: Sessions
):
    ordinary = set(Scope) - {Scope.ADMIN}
    async with sessions.begin() as session:
        without = {s: await create_key(session, f"no {s}", list(ordinary - {s})) for s in ordinary}
    scoped = [found for found in operations(client) if "x-required-scope" in found[2]]
    assert len(scoped) >= 26
    for method, path, operation in scoped:
        scope = Scope(operation["x-required-scope"])
        answer = await call(client, method, path, operation, without[scope])
        assert f"needs the scope {scope}" in problem(answer, 403, "missing-scope")["detail"]


async def test_every_operation_takes_a_key_that_has_its_scope_alone(
    client: AsyncClient, sessions: Sessions
):
    async with sessions.begin() as session:
        only = {scope: await create_key(session, f"only {scope}", [scope]) for scope in Scope}
    for method, path, operation in operations(client):
        scope = operation.get("x-required-scope")
        if scope:
            answer = await call(client, method, path, operation, only[Scope(scope)])
            assert answer.status_code in {200, 201, 202, 404, 409, 422}, (path, answer.text)


async def test_progress_of_jobs_is_open_to_any_key(client: AsyncClient, sessions: Sessions):
    async with sessions.begin() as session:
        key = await create_key(session, "any", [Scope.POLICY_READ])
    assert (await client.get("/jobs", headers={"X-API-Key": key})).status_code == 200


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("nonsense", "malformed"),
        ("zk_é", "malformed"),
        ("zk_" + "x" * 100, "malformed"),
        ("zk_" + "x" * 43, "unknown or revoked"),
    ],
)
async def test_a_wrong_key_is_refused_and_not_repeated(client: AsyncClient, key: str, why: str):
    answer = await client.get("/jobs", headers={"X-API-Key": key.encode()})
    assert why in problem(answer, 401, "unauthenticated")["detail"]
    assert key[3:20] not in answer.text


async def test_a_key_goes_as_a_bearer_token_too(client: AsyncClient):
    key = client.headers["X-API-Key"]
    for given in (f"Bearer {key}", f"bearer {key}"):
        answer = await client.get("/jobs", headers={"X-API-Key": "", "Authorization": given})
        assert answer.status_code == 200
    for given in (key, f"Basic {key}", "Bearer", "Bearer "):
        answer = await client.get("/jobs", headers={"X-API-Key": "", "Authorization": given})
        problem(answer, 401, "unauthenticated")


async def test_a_revoked_key_is_refused(
    client: AsyncClient, database: str, settings: Any, sessions: Sessions
):
    async with sessions.begin() as session:
        key = await create_key(session, "leaver", [Scope.ADMIN])
    headers = {"X-API-Key": key}
    async with sessions.begin() as session:
        await revoke_key(session, "leaver")
    problem(await client.get("/jobs", headers=headers), 401, "unauthenticated")


async def test_keys_are_kept_as_hashes_only(client: AsyncClient, sessions: Sessions, database: str):
    del database
    key = client.headers["X-API-Key"]
    async with sessions() as session:
        connection = await session.connection()
        kept = (await connection.exec_driver_sql("SELECT api_key::text FROM api_key")).scalars()
        assert all(key not in row and key[8:] not in row for row in kept)
