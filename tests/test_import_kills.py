"""Worker, service or database killed at any moment of an import: it ends once, and as it would."""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from app import migrations
from app.auth import Scope, create_key
from app.database import connect, sessions_of
from app.postgres import supervisor
from app.settings import Settings
from tests.importing import Importer
from tests.killing import Installation, Watcher, first_file, in_pieces, later_file
from tests.postgres.conftest import memory_disk
from tests.postgres.live import linux_only
from tests.running import DEADLINE_SECONDS

pytestmark = [linux_only, pytest.mark.slow]

LINES = 50_000  # a file
WORKING = """
    SELECT EXISTS (SELECT FROM pg_stat_activity
                   WHERE datname = current_database() AND state = 'active'
                     AND pid <> pg_backend_pid() AND query ~ '{}')
"""
MOMENTS = {
    "queued": "SELECT true",
    "reading": "SELECT EXISTS (SELECT FROM job WHERE job_id = {job} AND step = 'reading')",
    "staging": WORKING.format("^COPY"),
    "numbering": WORKING.format("_numbered AS"),
    "filling a new quarter": WORKING.format(r"INSERT INTO history\.sale_"),
    "indexing a new quarter": WORKING.format(r"(CREATE INDEX|ALTER TABLE|ANALYZE) (ON )?history"),
    "finding known lines": WORKING.format("_known AS"),
    "correcting": WORKING.format("UPDATE sale SET"),
    "adding up": WORKING.format(r"(INSERT INTO|DELETE FROM) history\.sales_daily|_touched AS"),
    "committing": "SELECT EXISTS (SELECT FROM job WHERE job_id = {job} AND step = 'merging'"
    " AND done = 3)",
    "just after": "SELECT EXISTS (SELECT FROM import_batch WHERE job_id = {job}"
    " AND summary IS NOT NULL)",
}
# For each file what is killed and when; a job that has killed five workers is given up.
PLANS = [
    [
        ("uploading", "service"),
        ("reading", "worker"),
        ("filling a new quarter", "postgres"),
        ("finding known lines", "worker"),
        ("committing", "worker"),
    ],
    [
        ("uploading", "postgres"),
        ("queued", "worker"),
        ("numbering", "postgres"),
        ("correcting", "worker"),
        ("indexing a new quarter", "service"),
        ("just after", "postgres"),
    ],
    [
        ("queued", "service"),
        ("staging", "postgres"),
        ("adding up", "worker"),
        ("filling a new quarter", "worker"),
        ("just after", "worker"),
    ],
    [
        ("queued", "postgres"),
        ("correcting", "postgres"),
        ("adding up", "postgres"),
        ("staging", "service"),
        ("numbering", "worker"),
        ("just after", "service"),
    ],
]
SALE = """order_id, line_key, sku_id, location_id, customer_id, sold_on, sold_at, quantity,
    unit_price, list_price, coupon_code, campaign_code"""
LEFT = {
    "sale": f"SELECT {SALE} FROM sale",
    "sales_daily": "SELECT * FROM sales_daily",
    "sku": "SELECT * FROM sku",
    "location": "SELECT * FROM location",
    "partitions": "SELECT relname, relispartition FROM pg_class"
    " WHERE relnamespace = 'history'::regnamespace AND relkind = 'r'",
    "indexes": "SELECT tablename, count(*) FROM pg_indexes WHERE schemaname = 'history' GROUP BY 1",
    "rejects": "SELECT row_no, column_name, code, value FROM import_reject"
    " WHERE import_id = (SELECT max(import_id) FROM import_batch)",
}
LAST_SUMMARY = "SELECT summary FROM import_batch ORDER BY import_id DESC LIMIT 1"
ENDED = "SELECT status IN ('succeeded', 'failed') FROM job WHERE job_id = {job}"
STAGES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'"
ASTRAY = """
    SELECT count(*) FROM pg_class
    WHERE relnamespace = 'history'::regnamespace AND relkind = 'r' AND NOT relispartition
"""
UNFINISHED = """
    SELECT FROM job WHERE status IN ('queued', 'running') UNION ALL
    SELECT FROM procrastinate.procrastinate_jobs WHERE status IN ('todo', 'doing')
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the database's account may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="zk", dir=memory_disk())).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def left(watcher: Watcher) -> dict[str, Any]:
    """What imports leave behind: how many rows of everything, and a hash of them."""
    hashed = "SELECT count(*), sum(hashtextextended(found::text, 0))::text FROM ({}) AS found"
    return {
        **{name: watcher.rows(hashed.format(query)) for name, query in LEFT.items()},
        "summary": watcher.value(LAST_SUMMARY),
    }


async def undisturbed(url: str, folder: Path, files: list[str]) -> list[dict[str, Any]]:
    """What is left after each of the files, imported without any trouble."""
    engine = connect(url, pool_size=3)
    importer = Importer(sessions_of(engine), Settings(data_dir=folder))
    found = []
    with Watcher(url) as watcher:
        for content in files:
            await importer.load("sales", content)
            found.append(left(watcher))
    await engine.dispose()
    return found


async def key_for(url: str) -> str:
    engine = connect(url, pool_size=1)
    async with sessions_of(engine).begin() as session:
        key = await create_key(session, "test", [Scope.ADMIN])
    await engine.dispose()
    return key


class Killer:
    """Sends a file, kills what the plan says when it says so, and waits for the import's end."""

    def __init__(self, installation: Installation, watcher: Watcher) -> None:
        self._all = installation
        self._watcher = watcher
        self._draw = random.Random(20261126)
        self.hit: list[str] = []

    def import_under(self, plan: list[tuple[str, str]], content: str) -> int:
        """The number of the job."""
        uploading = [target for moment, target in plan if moment == "uploading"]
        job = self._send(content.encode(), uploading)
        for moment, target in plan:
            if moment != "uploading":
                self._kill_at(moment, target, job)
        self.until(ENDED, job)
        self._all.until_ready()
        return job

    def _send(self, body: bytes, targets: list[str]) -> int:
        def pieces() -> Iterator[bytes]:
            for number, piece in enumerate(in_pieces(body, 8)):
                if number == 5 and targets:
                    self._kill(targets.pop(0), "uploading")
                yield piece

        self._all.until_ready()
        known = self._watcher.value("SELECT count(*) FROM import_batch")
        try:
            answer = self._all.http.post("/imports/sales", content=pieces())
            if answer.status_code == 202:
                return int(answer.json()["job_id"])
            assert answer.status_code == 503, answer.text
        except httpx.HTTPError:
            pass
        assert self._watcher.value("SELECT count(*) FROM import_batch") == known
        return self._send(body, [])

    def _kill_at(self, moment: str, target: str, job: int) -> None:
        statement = MOMENTS[moment].replace("{job}", str(job))
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._watcher.value(statement):
            has_ended = self._watcher.value(ENDED.format(job=job))
            if has_ended and not self._watcher.value(statement):
                self.hit.append(f"MISSED {moment}")
                return
            assert time.monotonic() < deadline, (moment, self._seen(job))
        time.sleep(self._draw.choice([0.0, 0.0, 0.01, 0.03]))
        self._kill(target, f"{moment} ({self._seen(job)})")

    def _kill(self, target: str, moment: str) -> None:
        self._all.kill(target)
        self.hit.append(f"{target} while {moment}")

    def _seen(self, job: int) -> str:
        columns = "status, step, done, total, attempts"
        [row] = self._watcher.rows(f"SELECT {columns} FROM job WHERE job_id = {job}")
        return " ".join(str(field) for field in row)

    def until(self, statement: str, job: int) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._watcher.value(statement.format(job=job)):
            assert time.monotonic() < deadline, self._seen(job)
            time.sleep(0.05)


def test_an_import_ends_once_and_as_it_would_whatever_is_killed_and_when(folder, monkeypatch):
    monkeypatch.setattr(supervisor, "RESTARTS", 100)  # in a row; nobody kills so often in life
    files = [first_file(LINES), *(later_file(1 + n, LINES) for n in range(len(PLANS)))]
    with Installation(folder) as running, Watcher(running.server.url) as watcher:
        url = running.server.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE other TEMPLATE template0")
        other = make_url(url).set(database="other").render_as_string()
        for database in (url, other):
            migrations.migrate(database)
        wanted = asyncio.run(undisturbed(other, folder / "other", files))
        running.http.headers["X-API-Key"] = asyncio.run(key_for(url))
        killer = Killer(running, watcher)
        for content, plan, after in zip(files, [[], *PLANS], wanted, strict=True):
            job = killer.import_under(plan, content)
            print(*killer.hit, sep="\n", end="\n\n")  # noqa: T201 - for pytest -s
            killer.hit.clear()
            assert left(watcher) == after
            summary = watcher.value(LAST_SUMMARY)
            ends = f"SELECT status, result - 'import_id' FROM job WHERE job_id = {job}"
            assert watcher.rows(ends) == [("succeeded", summary)]
        killer.until(f"SELECT NOT EXISTS ({UNFINISHED})", job)
        assert left(watcher) == wanted[-1]
        assert watcher.rows("SELECT status, count(*) FROM job GROUP BY 1") == [
            ("succeeded", len(files))
        ]
        assert watcher.value("SELECT count(*) FROM import_batch") == len(files)
        assert (watcher.value(STAGES), watcher.value(ASTRAY)) == (0, 0)
        assert not list((folder / "uploads").glob("*.scratch"))
    assert sum(moment.startswith("MISSED") for moment in killer.hit) <= 4, killer.hit
