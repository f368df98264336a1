"""Anything at all, sent to every operation: the service keeps to its document.

Schemathesis makes requests that fit the document and requests that do not, and holds what comes
back against the document: status, media type, body, headers, and never a 500. The requests are
the same at every run; `schemathesis run` by hand tries more.
"""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.auth import Scope, create_key
from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.one_server

EXAMPLES = 3
# A file is refused by its job, and readiness answers 503 while no worker runs.
LEFT_OUT = {"POST /imports/{kind}", "GET /health/live", "GET /health/ready"}


@pytest.fixture
def live(shop_copy: str, settings: Settings) -> Iterator[tuple[str, str]]:
    """URL and key of a real server on an evaluated shop that may be written to."""
    app = create_app(shop_copy, settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    keys: list[str] = []

    async def serve() -> None:
        async with app.state.sessions.begin() as session:
            keys.append(await create_key(session, "fuzz", [Scope.ADMIN]))
        await server.serve()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", keys[0]
    server.should_exit = True
    thread.join()


@pytest.mark.slow
def test_the_service_keeps_to_its_document_whatever_is_sent(live: tuple[str, str]):
    url, key = live
    sent = 0

    def holds(case: Case) -> None:
        nonlocal sent
        sent += 1
        # What fits the schema may still name what is not there; that is for the other tests.
        case.call_and_validate(
            headers={"X-API-Key": key}, excluded_checks=[positive_data_acceptance]
        )

    bounded = hypothesis_settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for found in schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations():
        operation = found.ok()
        if operation.label in LEFT_OUT:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            bounded(given(case=operation.as_strategy(generation_mode=mode))(holds))()
    assert sent >= 120
