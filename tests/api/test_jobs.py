"""Jobs and evaluations: one at a time, followed to their end."""

import asyncio

from httpx import AsyncClient

from app.auth import Scope
from app.settings import Settings
from tests.api.conftest import problem
from tests.conftest import Work, client_of


async def test_an_evaluation_asked_for_twice_is_one_job(client: AsyncClient):
    first = await client.post("/evaluations", json={})
    again = await client.post("/evaluations")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["Location"] == f"/jobs/{first.json()['job_id']}"
    assert len((await client.get("/jobs")).json()["items"]) == 1


async def test_evaluations_asked_for_at_once_are_one_job(client: AsyncClient):
    answers = await asyncio.gather(*(client.post("/evaluations", json={}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["job_id"] for answer in answers}) == 1


async def test_a_job_that_cannot_be_done_says_why_and_makes_room(client: AsyncClient, work: Work):
    first = await client.post("/evaluations", json={})
    path = first.headers["Location"]
    queued = (await client.get(path)).json()
    assert (queued["status"], queued["started_at"], queued["error"]) == ("queued", None, None)
    await work()
    ended = (await client.get(path)).json()
    assert (ended["status"], ended["result"]) == ("failed", None)
    assert "import sales first" in ended["error"]
    assert queued["created_at"] <= ended["started_at"] <= ended["finished_at"]
    again = await client.post("/evaluations", json={})
    assert again.headers["Location"] != path


async def test_the_future_cannot_be_evaluated(client: AsyncClient):
    for day in ("9999-12-31", "2999-01-01"):
        answer = await client.post("/evaluations", json={"as_of": day})
        body = problem(answer, 422, "invalid-request")
        assert "lies in the future" in body["detail"]
        assert body["errors"][0]["loc"] == ["body", "as_of"]


async def test_the_jobs_of_the_shop_all_succeeded(shop: AsyncClient):
    items = (await shop.get("/jobs")).json()["items"]
    assert [item["kind"] for item in items] == ["measure", "evaluate", "import", "import", "import"]
    for item in items:
        assert (item["status"], item["error"], item["attempts"]) == ("succeeded", None, 1)
        assert item["done"] == item["total"] > 0
        assert (await shop.get(f"/jobs/{item['job_id']}")).json() == item
    evaluated = items[1]["result"]
    assert evaluated["forecasts"]["series"] == 26


async def test_what_a_job_worked_on_is_shown_to_keys_that_may_see_it(
    shop: AsyncClient, evaluated: str, settings: Settings
):
    whole = (await shop.get("/jobs")).json()["items"]
    assert all(item["result"] for item in whole)
    for scope, kinds in (
        (Scope.POLICY_READ, set()),
        (Scope.CAMPAIGNS_READ, {"measure"}),
        (Scope.FORECAST_WRITE, {"evaluate"}),
        (Scope.IMPORTS_WRITE, {"import"}),
    ):
        client = await client_of(evaluated, settings, [scope])
        for item, full in zip((await client.get("/jobs")).json()["items"], whole, strict=True):
            is_seen = item["kind"] in kinds
            assert item == (full if is_seen else {**full, "result": None})
            assert (await client.get(f"/jobs/{item['job_id']}")).json() == item
        await client.aclose()


async def test_why_a_job_failed_is_shown_to_keys_that_may_see_it(
    client: AsyncClient, work: Work, database: str, settings: Settings
):
    await client.post("/imports/sales", content=b"nonsense\n1\n")
    await work()
    other = await client_of(database, settings, [Scope.POLICY_READ])
    [job] = (await other.get("/jobs")).json()["items"]
    assert job["error"] == "only keys with the scope imports:write may read why"
    await other.aclose()
