"""Liveness, readiness, and the pages beside the API."""

from httpx import AsyncClient

from tests.api.conftest import problem


async def test_a_service_without_a_worker_is_alive_and_not_ready(client: AsyncClient):
    live = await client.get("/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    ready = await client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json() == {
        "ready": False,
        "checks": {"database": True, "migrations": True, "worker": False, "evaluated": False},
    }


async def test_a_worker_that_lives_makes_it_ready(own_shop: AsyncClient):
    async with own_shop.app.state.sessions.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            "INSERT INTO procrastinate.procrastinate_workers (last_heartbeat) VALUES (now())"
        )
    ready = await own_shop.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["ready"] is True
    assert set(ready.json()["checks"].values()) == {True}


async def test_the_front_door_leads_to_the_documentation(client: AsyncClient):
    door = await client.get("/")
    assert (door.status_code, door.headers["Location"]) == (307, "/docs")
    page = await client.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    for path in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        assert f"/static/swagger-ui/{path}" in page.text
        assert (await client.get(f"/static/swagger-ui/{path}")).status_code == 200
    assert "cdn" not in page.text, "it must work where the internet does not reach"


async def test_a_file_that_is_not_there_is_a_problem_too(client: AsyncClient):
    problem(await client.get("/static/nothing.js"), 404, "not-found")
    problem(await client.get("/static/../main.py"), 404, "not-found")
