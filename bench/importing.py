"""The sample's sales by the import service, against a bare COPY of the rows that it lets pass.

The peer has an easy life: its rows are typed, clean, free of duplicates, have their keys and come
in their order. The ratio says what reading, checking, rejecting, keying and merging cost.
"""

import asyncio
import shutil
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median

import psycopg

from app import migrations
from app.database import connect, sessions_of
from app.postgres import EmbeddedPostgres
from app.services.imports import loading
from app.services.sample import FILE
from app.settings import Settings
from bench import database
from bench.measure import Result, paired, seconds

ROUNDS = 3
LINES = 1_067_371
MOST_SECONDS = 30.0
TEMPLATE = "zaiko"  # the database that the server makes by itself
CHUNK = 1 << 20


class Import:
    """Loads the sample into a new database each time; keeps the last summary."""

    def __init__(self, server: str, place: Path) -> None:
        self._server = server
        self._place = place
        self._numbers = count(1)
        self.summary: dict[str, object] = {}
        self.clean_rows = place / "clean.csv"

    def ours(self) -> float:
        url = self._new_database()
        file = shutil.copyfile(FILE, self._place / "sales.parquet")
        taken = asyncio.run(self._run(url, file))
        if not self.clean_rows.exists():
            self._write_clean_rows(url)
        self._drop(url)
        return taken

    async def _run(self, url: str, file: Path) -> float:
        engine = connect(url, pool_size=2)
        sessions, settings = sessions_of(engine), Settings()
        async with sessions.begin() as session:
            batch = await loading.receive(
                session,
                kind="sales",
                file_name=file.name,
                encoding=None,
                mapping="online_retail_ii",
            )
        started = asyncio.get_running_loop().time()
        self.summary = await loading.run_import(
            sessions,
            _no_progress,
            import_id=batch.import_id,
            file=file,
            today=datetime.now(UTC).date(),
            timezone=settings.timezone,
            size_limit=settings.upload_limit_mb * 2**20,
        )
        taken = asyncio.get_running_loop().time() - started
        await engine.dispose()
        return taken

    def _write_clean_rows(self, url: str) -> None:
        with (
            self.clean_rows.open("wb") as target,
            psycopg.connect(url) as connection,
            connection.cursor() as cursor,
            cursor.copy("COPY sale TO STDOUT (FORMAT csv)") as rows,
        ):
            for chunk in rows:
                target.write(chunk)

    def peer(self) -> float:
        url = self._new_database()
        taken = seconds(lambda: self._copy(url))
        self._drop(url)
        return taken

    def _copy(self, url: str) -> None:
        with psycopg.connect(url) as connection, self.clean_rows.open("rb") as source:
            cursor = connection.cursor()
            cursor.execute("CREATE UNLOGGED TABLE stage (LIKE sale)")
            with cursor.copy("COPY stage FROM STDIN (FORMAT csv)") as rows:
                while chunk := source.read(CHUNK):
                    rows.write(chunk)
            cursor.execute("INSERT INTO sale SELECT * FROM stage")
            cursor.execute("DROP TABLE stage")

    def _new_database(self) -> str:
        name = f"round_{next(self._numbers)}"
        database.execute(self._server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}", "CHECKPOINT")
        return database.named(self._server, name)

    def _drop(self, url: str) -> None:
        name = url.rpartition("/")[2].partition("?")[0]
        database.execute(self._server, f"DROP DATABASE {name} WITH (FORCE)")


async def _no_progress(step: str, done: int, total: int) -> None:
    pass


def results() -> list[Result]:
    with database.folder() as place, EmbeddedPostgres(place / "data") as server:
        migrations.migrate(server.url)
        load = Import(database.named(server.url, "postgres"), place)
        pairs = paired(load.ours, load.peer, rounds=ROUNDS, more_is_better=False)
    summary = load.summary
    return [
        Result(
            name="import",
            unit="s",
            peer_name="COPY of the clean rows and INSERT … SELECT",
            pairs=pairs,
            checks={
                f"{LINES} lines read": summary["read"] == LINES,
                f"seconds <= {MOST_SECONDS:g}": median(pairs.ours) <= MOST_SECONDS,
            },
            details={
                "seconds_each": pairs.ours,
                "lines_per_second": LINES / median(pairs.ours),
                "loaded": summary["new"],
                "rejected": summary["rejected"],
            },
        )
    ]
