"""Anything at all, sent to every operation: the service keeps to its document.

Schemathesis makes requests that fit the document and requests that do not, and holds what comes
back against the document: status, media type, body, headers, and never a 500. The requests are
the same at every run; `schemathesis run` by hand tries more.
"""

from collections.abc import Iterator

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.auth import Scope, create_key
from app.database import connect, sessions_of
from app.main import create_app
from app.settings import Settings
from tests.api.serving import serving

pytestmark = pytest.mark.one_server

EXAMPLES = 3
# A file is refused by its job, and readiness answers 503 while no worker runs.
LEFT_OUT = {"POST /imports/{kind}", "GET /health/live", "GET /health/ready"}


@pytest.fixture
async def key(shop_copy: str) -> str:
    engine = connect(shop_copy, pool_size=1)
    async with sessions_of(engine).begin() as session:
        key = await create_key(session, "fuzz", [Scope.ADMIN])
    await engine.dispose()
    return key


@pytest.fixture
def live(shop_copy: str, settings: Settings) -> Iterator[str]:
    """URL of a real server on an evaluated shop that may be written to."""
    with serving(create_app(shop_copy, settings)) as url:
        yield url


def end_all_jobs(url: str) -> None:
    """Leave none that waits for a worker: whoever followed it would wait with it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE job SET status = 'failed' WHERE status = 'queued'")


@pytest.mark.slow
def test_the_service_keeps_to_its_document_whatever_is_sent(live: str, key: str, shop_copy: str):
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
    for found in schemathesis.openapi.from_url(f"{live}/openapi.json").get_all_operations():
        operation = found.ok()
        if operation.label in LEFT_OUT:
            continue
        if operation.label == "GET /jobs/{job_id}/events":
            end_all_jobs(shop_copy)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            bounded(given(case=operation.as_strategy(generation_mode=mode))(holds))()
    assert sent >= 120
