"""Errors: each a complete problem, naming what and where; never a traceback."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from app.auth import Scope
from app.main import create_app
from app.routers.body_limit import LIMIT
from app.settings import Settings
from tests.api.conftest import problem
from tests.conftest import client_of, drop_database, new_database

pytestmark = pytest.mark.one_server

JSON = {"Content-Type": "application/json"}
TAKING_JSON = [("post", "/order-lists"), ("post", "/campaigns"), ("put", "/policies/tenant")]


async def test_an_unknown_path_says_where_to_look(client: AsyncClient):
    body = problem(await client.get("/nothing/here"), 404, "not-found")
    assert body["detail"] == "there is nothing at /nothing/here; see /docs"
    assert body["instance"] == "/nothing/here"


async def test_the_instance_is_a_reference_that_can_be_followed(client: AsyncClient):
    body = problem(await client.get("/sku/品 1"), 404, "unknown-sku")
    assert body["instance"] == "/sku/%E5%93%81%201"


async def test_a_wrong_method_says_which_are_right(client: AsyncClient):
    allowed = {"/jobs": "GET", "/campaigns": "GET, POST", "/sku/A/disposition": "GET"}
    for path, methods in allowed.items():
        answer = await client.delete(path)
        assert "DELETE" in problem(answer, 405, "method-not-allowed")["detail"]
        assert answer.headers["Allow"] == methods


async def test_an_id_that_is_not_there_is_named(client: AsyncClient):
    missing = {
        "/sku/X1": ("unknown-sku", "'X1'"),
        "/sku/X1/disposition": ("unknown-sku", "'X1'"),
        "/sku/X1/forecast": ("unknown-sku", "'X1'"),
        "/sku/X1/ltv": ("unknown-sku", "'X1'"),
        "/ltv/customers/C1": ("unknown-customer", "customer_id"),
        "/ltv/model": ("no-ltv-model", "evaluation"),
        "/order-lists/7": ("unknown-order-list", "7"),
        "/order-lists/7/export": ("unknown-order-list", "7"),
        "/campaigns/7": ("unknown-campaign", "7"),
        "/campaigns/7/effect": ("unknown-campaign", "7"),
        "/jobs/7": ("unknown-job", "7"),
        "/imports/7": ("unknown-import", "7"),
    }
    for path, (slug, named) in missing.items():
        body = problem(await client.get(path), 404, slug)
        assert named in body["detail"]
    for path in ("/order-lists/7/approve", "/campaigns/7/measure"):
        assert (await client.post(path)).status_code == 404


async def test_what_postgresql_cannot_hold_is_refused_before_it(client: AsyncClient):
    long = "x" * 201
    paths = {
        "/sku/a%00b": ["path", "sku_id"],
        "/sku/a%00b/disposition": ["path", "sku_id"],
        f"/sku/{long}": ["path", "sku_id"],
        f"/sku/{long}/forecast": ["path", "sku_id"],
        "/ltv/customers/%00": ["path", "customer_id"],
        "/jobs/99999999999999999999": ["path", "job_id"],
        "/jobs/0": ["path", "job_id"],
        "/order-lists/x": ["path", "order_list_id"],
        "/campaigns/-1": ["path", "campaign_id"],
        "/sku?search=%00": ["query", "search"],
        f"/sku?search={long}": ["query", "search"],
        "/inventory?sku_id=%00": ["query", "sku_id"],
        "/inventory?location_id=%00": ["query", "location_id"],
        "/inventory?channel=": ["query", "channel"],
        "/inventory?as_of=2026-02-30": ["query", "as_of"],
        "/inventory?as_of=20260630": ["query", "as_of"],
        "/inventory?as_of=1751241600": ["query", "as_of"],
        "/sales?start=yesterday": ["query", "start"],
        "/sales?start=2026-07-01&end=2026-06-30": ["query", "end"],
        "/sales?as_of=2026-06-29&end=2026-06-30": ["query", "end"],
        "/sales?as_of=2026-06-29&start=2026-06-30": ["query", "as_of"],
        "/sales?level=color": ["query", "level"],
        "/locations?channel=ec": ["query", "channel"],
        "/suppliers?sku_id=A": ["query", "sku_id"],
        "/inventory/movements?sku_id=%00": ["query", "sku_id"],
        "/inventory/movements?sku=A": ["query", "sku"],
        "/sales?group_by=sku,price": ["query", "group_by"],
        "/sales?group_by=sku,sku": ["query", "group_by"],
        "/sales?group_by=": ["query", "group_by"],
        "/dispositions?decision=maybe": ["query", "decision"],
        "/dispositions?location_id=%00": ["query", "location_id"],
        "/order-lists/1/export?format=pdf": ["query", "format"],
        "/order-lists/1/export?profile=odoo": ["query", "profile"],
        "/inventory?level=color": ["query", "level"],
        "/sales?groupby=sku": ["query", "groupby"],
        "/sku/A/disposition?location=EC": ["query", "location"],
        "/jobs?limit=1&limit=2": ["query", "limit"],
        "/policies?scope=tenant": ["query", "scope"],
        "/ltv/segments?half=%ff": ["query", "half"],
        "/order-lists/1/export?encoding=utf-16": ["query", "encoding"],
    }
    for path, where in paths.items():
        body = problem(await client.get(path), 422, "invalid-request")
        assert body["errors"][0]["loc"] == where, path
        assert body["detail"].startswith(".".join(where))


@pytest.mark.parametrize("value", ["NaN", "nan", "Infinity", "-inf", "1e999"])
async def test_what_is_no_number_is_said_so(client: AsyncClient, value: str):
    for path in ("/sku/A/sell-through", "/styles/A/sell-through", "/locations/EC/sell-through"):
        body = problem(await client.get(f"{path}?depth={value}"), 422, "invalid-request")
        assert body["detail"] == "query.depth: Input should be a finite number"


async def test_the_first_and_the_last_day_of_the_calendar_are_days(shop: AsyncClient):
    for day in ("0001-01-01", "9999-12-31"):
        for path in ("/inventory?as_of=", "/sales?start=", "/sales?end=", "/sales?as_of="):
            assert (await shop.get(path + day)).status_code == 200, path + day
    early = await shop.post("/order-lists", json={"as_of": "0001-01-01"})
    problem(early, 409, "outside-forecast")


WRONG_BODIES = {
    b"{": "body",
    b"": "body",
    b"[]": "body",
    b"null": "body",
    b'"text"': "body",
    b'{"\\ud800": 1}': "body",
    b'{"unheard_of": 1}': "body",
}


@pytest.mark.parametrize(("method", "path"), TAKING_JSON)
async def test_a_body_that_does_not_fit_is_refused(client: AsyncClient, method: str, path: str):
    for content, where in WRONG_BODIES.items():
        if not content and path == "/order-lists":
            continue  # all of it is optional
        answer = await client.request(method, path, content=content, headers=JSON)
        body = problem(answer, 422, "invalid-request")
        assert body["errors"][0]["loc"][0] == where, content


@pytest.mark.parametrize(("method", "path"), TAKING_JSON)
async def test_a_body_in_no_encoding_or_of_another_kind_is_refused(
    client: AsyncClient, method: str, path: str
):
    for content in (b'{"a": "\xff"}', b"[" * 5000):
        answer = await client.request(method, path, content=content, headers=JSON)
        problem(answer, 400, "bad-request")
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": kind}
        answer = await client.request(method, path, content=b"{}", headers=headers)
        told = problem(answer, 422, "invalid-request")["detail"]
        assert "must be JSON, with the header Content-Type: application/json" in told
        assert told.endswith(f"it was {kind}")
    untold = await client.request(method, path, content=b"{}")
    assert problem(untold, 422, "invalid-request")["detail"].endswith("it was none")


@pytest.mark.parametrize(("method", "path"), TAKING_JSON)
async def test_json_that_is_no_object_is_said(client: AsyncClient, method: str, path: str):
    answer = await client.request(method, path, content=b"[]", headers=JSON)
    assert problem(answer, 422, "invalid-request")["detail"] == "body: must be a JSON object"


async def test_each_wrong_field_of_a_body_is_named(client: AsyncClient):
    good = {
        "name": "x",
        "starts_on": "2026-06-01",
        "ends_on": "2026-06-07",
        "discount_depth": 0.1,
        "sku_ids": ["A"],
    }
    wrong: dict[str, list[Any]] = {
        "name": ["", "\x00", "x" * 201, 5, None],
        "starts_on": ["2026-13-01", "0001-01-01", "9999-12-31", 0, "1.6.2026"],
        "discount_depth": [1, -0.1, "0.1", True, float("nan"), float("inf")],
        "fixed_cost": [-1, 1e13, "1", float("inf")],
        "sku_ids": [[], "A", [1], [""], ["\x00"], ["x" * 201], ["A"] * 10_001],
    }
    for field, values in wrong.items():
        for value in values:
            sent = json.dumps(good | {field: value})
            answer = await client.post("/campaigns", content=sent, headers=JSON)
            body = problem(answer, 422, "invalid-request")
            assert body["errors"][0]["loc"][:2] == ["body", field], (field, value)
    for ends_on, why in (("2026-05-31", "before"), ("2027-06-02", "366 days at most")):
        body = problem(
            await client.post("/campaigns", json=good | {"ends_on": ends_on}),
            422,
            "invalid-request",
        )
        assert why in body["detail"]


async def test_half_a_character_is_told_back_without_breaking_the_answer(client: AsyncClient):
    for sent in (
        b'{"overrides": {"half \\ud83d": 1}}',
        b'{"overrides": {}, "note": "half \\ud83d"}',
        b'{"overrides": {}, "half \\ud83d": 1}',
    ):
        answer = await client.put("/policies/tenant", content=sent, headers=JSON)
        problem(answer, 422, "invalid-request")


class Chunks:
    """A body sent piece by piece, that knows how much of it was fetched."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.fetched = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.left > 0:
            self.left -= 65536
            self.fetched += 65536
            yield b" " * 65536


@pytest.mark.parametrize(("method", "path"), TAKING_JSON)
async def test_a_huge_body_is_refused_before_it_is_read(
    client: AsyncClient, method: str, path: str
):
    size = 50 * 2**20
    declared, streamed = Chunks(size), Chunks(size)
    headers = JSON | {"Content-Length": str(size)}
    answer = await client.request(method, path, content=declared, headers=headers)
    assert "1 MB" in problem(answer, 413, "body-too-large")["detail"]
    assert declared.fetched == 0
    answer = await client.request(method, path, content=streamed, headers=JSON)
    problem(answer, 413, "body-too-large")
    assert streamed.fetched <= LIMIT + 65536


async def test_a_body_up_to_the_limit_is_read(client: AsyncClient):
    fits = b'{"overrides": {}}'.ljust(LIMIT)
    answer = await client.put("/policies/tenant", content=fits, headers=JSON)
    assert answer.status_code == 200
    answer = await client.put("/policies/tenant", content=fits + b" ", headers=JSON)
    problem(answer, 413, "body-too-large")


async def test_a_database_that_is_gone_is_our_error_and_tells_nothing(
    server: str, settings: Settings
):
    url = new_database(server)
    client = await client_of(url, settings, [Scope.ADMIN])
    assert (await client.get("/jobs")).status_code == 200  # the key is known from here on
    await client.app.state.engine.dispose()
    drop_database(server, url)

    for path in ("/jobs", "/sku/X1/disposition", "/sales", "/ltv/segments"):
        answer = await client.get(path)
        body = problem(answer, 500, "internal-error")
        assert "test_" not in answer.text, "the database's name is nobody's business"
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])
        assert "X-Request-Id" in body["detail"]
    ready = await client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"] is False
    assert (await client.get("/health/live")).status_code == 200
    await client.aclose()


async def test_a_database_that_does_not_answer_is_to_be_asked_again(settings: Settings):
    app = create_app("postgresql://zaiko@127.0.0.1:1/none", settings)
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://zaiko") as client:
        answer = await client.get("/jobs", headers={"X-API-Key": "zk_any"})
    problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
