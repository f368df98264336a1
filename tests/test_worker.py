"""`zaiko worker` beside a real server: it works, shows how far it is, and goes in good order."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import AsyncClient
from sqlalchemy import make_url

from app.services.forecasting.planning import PARTITION_SERIES
from app.settings import Settings
from tests import make
from tests.conftest import SERVERS
from tests.running import DEADLINE_SECONDS, ZAIKO, environment, eventually, zaiko

pytestmark = pytest.mark.one_server

PASSWORD = "s3cret-of-the-database"
CUSTOMER = "山田花子"


@pytest.fixture
def address(database: str) -> str:
    """The database's URL with a password, which this server does not ask for."""
    return make_url(database).set(password=PASSWORD).render_as_string(hide_password=False)


@pytest.fixture
def worker(address: str, settings: Settings) -> Iterator[subprocess.Popen]:
    settings.data_dir.mkdir(exist_ok=True)
    with (settings.data_dir / "log").open("w") as log:
        process = subprocess.Popen(
            [*ZAIKO, "worker"],
            env=environment(settings.data_dir, ZAIKO_DATABASE_URL=address),
            stderr=log,
            start_new_session=True,
        )
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


async def seen(client: AsyncClient, place: str, **wanted: object) -> dict:
    """The job, once it looks as wanted."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            job = (await client.get(place)).json()
            if all(job[name] == value for name, value in wanted.items()):
                return job
            assert job["status"] != "failed", job
            await asyncio.sleep(0.05)


async def submitted(client: AsyncClient, path: str, **body: object) -> str:
    answer = await client.post(path, **body)
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def computing(worker: subprocess.Popen) -> list[Path]:
    """The processes that the worker computes in."""
    tasks = Path(f"/proc/{worker.pid}/task").glob("*/children")
    children = [Path("/proc") / pid for task in tasks for pid in task.read_text().split()]
    return [child for child in children if b"spawn_main" in (child / "cmdline").read_bytes()]


@pytest.mark.slow
async def test_it_works_and_puts_back_what_it_was_doing_when_it_is_told_to_stop(
    client, worker, work, settings, address
):
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await client.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.05)
    shop = dict(make.shop())
    (settings.data_dir / "products.csv").write_text(shop.pop("products"))
    typed = zaiko(
        settings.data_dir, "import", "products", "products.csv", ZAIKO_DATABASE_URL=address
    )
    assert json.loads(typed.stdout)["new"] == 26
    assert not (settings.data_dir / "worker.log").exists()  # none was lent: this one did it
    for kind, text in shop.items():
        place = await submitted(client, f"/imports/{kind}", content=text.encode())
        job = await seen(client, place, status="succeeded")
        assert job["done"] == job["total"] > 0
    header = shop["sales"].partition("\n")[0]
    # more series than one partition holds, so that another process computes them
    many = [f"M{n},MANY-{n:04},EC,,2026-06-{1 + n % 30:02},1,900" for n in range(PARTITION_SERIES)]
    place = await submitted(client, "/imports/sales", content="\n".join([header, *many]).encode())
    await seen(client, place, status="succeeded")
    wrong = f"{header}\nO1,STEADY,EC,{CUSTOMER},2026-06-30,{CUSTOMER},3000\n"
    refused = await submitted(client, "/imports/sales", content=wrong.encode())
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (job := (await client.get(refused)).json())["status"] != "failed":
            await asyncio.sleep(0.05)
    assert CUSTOMER in job["error"]
    place = await submitted(client, "/evaluations", json={})
    await seen(client, place, step="forecasting")
    [child] = eventually(lambda: computing(worker))
    assert b"OPENBLAS_NUM_THREADS=1" in (child / "environ").read_bytes()

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(DEADLINE_SECONDS) == 0
    assert not child.exists()
    await seen(client, place, status="queued", attempts=0)

    await work()
    await seen(client, place, status="succeeded", attempts=1)
    log = (settings.data_dir / "log").read_text()
    events = [json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")]
    assert events[0] == "worker started"
    assert events.count("job ended") == 5
    assert events[-1] == "job put back"
    assert PASSWORD not in log
    assert CUSTOMER not in log
    assert client.headers["X-API-Key"] not in log


async def test_without_a_database_it_says_so_and_ends(tmp_path):
    url = f"postgresql://zaiko:{PASSWORD}@127.0.0.1:1/zaiko"
    ended = zaiko(tmp_path, "worker", ZAIKO_DATABASE_URL=url)
    assert ended.returncode == 1
    assert "the database does not answer" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert PASSWORD not in ended.stderr


async def test_without_tables_it_says_what_to_do(tmp_path):
    first = next(iter(json.loads(os.environ[SERVERS]).values()))
    ended = zaiko(tmp_path, "worker", ZAIKO_DATABASE_URL=first)
    assert (ended.returncode, ended.stderr) == (
        1,
        "zaiko: the database has no tables yet; run: zaiko migrate\n",
    )
