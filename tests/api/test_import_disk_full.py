"""A disk that fills up under an import: an error, nothing changed, and later it works."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from app import migrations
from app.auth import Scope
from app.database import connect, sessions_of
from app.postgres import EmbeddedPostgres
from app.settings import Settings
from app.worker.tasks import FULL
from tests.api.sending import sender, table
from tests.conftest import Work, client_of
from tests.postgres.conftest import memory_disk
from tests.postgres.live import linux_only, root_only, small_disk

pytestmark = [root_only, linux_only]

MIB = 2**20
SALES = "order_id,sku_id,sold_at,quantity,unit_price\n"
KNOWN = SALES + "".join(f"K{n},A{n % 9},2026-01-{1 + n % 28:02},1,100\n" for n in range(2000))
LATER = KNOWN.replace(",1,100", ",2,100") + "".join(
    f"N{n},B{n % 500},2026-0{1 + n % 6}-15,1,100\n" for n in range(60_000)
)
LEFT = [
    "SELECT count(*), sum(hashtext(sale::text)) FROM sale",
    "SELECT count(*), sum(hashtext(daily::text)) FROM sales_daily AS daily",
    "SELECT count(*) FROM sku",
    "SELECT count(*) FROM import_reject",
    "SELECT count(*) FROM pg_tables WHERE schemaname IN ('history', 'staging')",
]


@pytest.fixture
def small_database() -> Iterator[tuple[str, Path]]:
    """A database whose tables lie on a disk of 64 MB, and that disk; the WAL has room.

    On a server of its own, since one that cannot write its tables fails others, too.
    """
    base = Path(tempfile.mkdtemp(prefix="zk", dir=memory_disk())).resolve()
    base.chmod(0o755)
    with (
        small_disk(base / "disk", "64m") as disk,
        EmbeddedPostgres(base / "server") as server,
    ):
        tables = disk / "tables"
        tables.mkdir()
        os.chown(tables, server.cluster.pgdata.stat().st_uid, -1)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{tables}'")
            connection.execute("CREATE DATABASE small TABLESPACE small")
        url = make_url(server.url).set(database="small").render_as_string()
        migrations.migrate(url)
        yield url, disk
    shutil.rmtree(base)


async def test_an_import_ends_with_an_error_and_changes_nothing(small_database, tmp_path):
    url, disk = small_database
    settings = Settings(data_dir=tmp_path, worker_processes=1, log_level="ERROR")
    client = await client_of(url, settings, [Scope.ADMIN])
    engine = connect(url, pool_size=3)
    sessions = sessions_of(engine)
    send = sender(client, Work(url, settings))
    assert (await send("sales", KNOWN)).counts == {"new": 2000}
    before = [await table(sessions, query) for query in LEFT]
    failed_at = []
    for room in range(1, 40, 3):
        with (disk / "filling").open("wb") as filling:
            free = shutil.disk_usage(disk).free - room * MIB
            os.posix_fallocate(filling.fileno(), 0, max(free, 1))
        with capture_logs():  # which by default tell more than an import lets itself be asked
            sent = await send("sales", LATER)
        (disk / "filling").unlink()
        if sent.job["status"] == "succeeded":
            break
        assert await sent.only_error() == FULL
        assert [await table(sessions, query) for query in LEFT] == before
        failed_at.append((sent.job["step"], sent.job["done"]))
    steps = {step for step, _ in failed_at}
    assert {"reading", "merging"} <= steps <= {"reading", "merging", "adding"}, failed_at
    assert sent.counts == {"new": 60_000, "changed": 2000}
    await engine.dispose()
    await client.aclose()
