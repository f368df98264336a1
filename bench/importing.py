"""Imports against a bare COPY of the rows that they let pass.

Three of them: the sample; a retailer's twelve million lines, one a SKU, store and day; and the
file of the night after. The peer has an easy life: its rows are typed, clean, free of duplicates,
have their keys and come in their order, and nobody adds them up by day. The ratio says what
reading, checking, rejecting, keying, merging and adding up cost.
"""

import asyncio
import json
import subprocess
import sys
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from app import migrations
from app.database import connect, sessions_of
from app.postgres import EmbeddedPostgres
from app.services.imports.mappings import keep_mapping
from app.services.sample import FILE
from bench import database, retailer
from bench.measure import Pairs, Result, paired, say, seconds

ROUNDS = 3
LINES = 1_067_371
MOST_SECONDS = 30.0
MOST_NIGHT_SECONDS = 3.0
NIGHT_LINES = 10_000
MOST_GB = 1.0
LEAST_RATIO = 0.5  # ours may take twice as long as the bare COPY and INSERT
TEMPLATE = "zaiko"  # the database that the server makes by itself
CHUNK = 1 << 20
PEER = "COPY of the clean rows and INSERT … SELECT"
QUARTERS = """
    SELECT DISTINCT date_trunc('quarter', sold_on)::date::text FROM sale ORDER BY 1
"""


class Import:
    """Loads a file into a new database each time; keeps what the last time showed."""

    def __init__(self, server: str, place: Path, file: Path, mapping: str) -> None:
        self._server = server
        self._file = file
        self._mapping = mapping
        self._numbers = count(1)
        self._quarters: list[str] = []
        self.shown: dict[str, Any] = {}
        self.clean_rows = place / f"{file.stem}.csv"

    def ours(self) -> float:
        url = self.new_database()
        self.shown = run(url, self._file, self._mapping)
        if not self._quarters:
            self._write_clean_rows(url)
        self.drop(url)
        return float(self.shown["seconds"])

    def _write_clean_rows(self, url: str) -> None:
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            self._quarters = [row[0] for row in cursor.execute(QUARTERS)]
            copy = "COPY (SELECT * FROM sale) TO STDOUT (FORMAT csv)"
            with self.clean_rows.open("wb") as target, cursor.copy(copy) as rows:
                for chunk in rows:
                    target.write(chunk)

    def peer(self) -> float:
        url = self.new_database()
        for first in self._quarters:
            bounds = f"('{first}') TO ('{first}'::date + interval '3 months')"
            name = f'history."sale_{first}"'
            part = f"CREATE TABLE {name} PARTITION OF sale FOR VALUES FROM {bounds}"
            database.execute(url, part)
        taken = seconds(lambda: self._copy(url))
        self.drop(url)
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

    def new_database(self) -> str:
        name = f"{self._file.stem}_{next(self._numbers)}"
        database.execute(self._server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}", "CHECKPOINT")
        return database.named(self._server, name)

    def drop(self, url: str) -> None:
        name = url.rpartition("/")[2].partition("?")[0]
        database.execute(self._server, f"DROP DATABASE {name} WITH (FORCE)")


def run(url: str, file: Path, mapping: str) -> dict[str, Any]:
    """One import in a process of its own: its seconds, peak memory, summary."""
    asked = {"url": url, "kind": "sales", "file": str(file), "mapping": mapping}
    done = subprocess.run(
        [sys.executable, "-m", "bench.import_once"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def keep_profile(url: str) -> None:
    """Tell the service how the retailer's columns are called."""
    asyncio.run(_profile(url))


async def _profile(url: str) -> None:
    engine = connect(url, pool_size=1)
    async with sessions_of(engine).begin() as session:
        await keep_mapping(
            session,
            name="retailer",
            kind="sales",
            definition=retailer.PROFILE,
            note=None,
            created_by="bench",
            expected_version=None,
        )
    await engine.dispose()


def results() -> list[Result]:
    with database.folder() as place, EmbeddedPostgres(place / "data") as server:
        migrations.migrate(server.url)
        keep_profile(server.url)
        postgres = database.named(server.url, "postgres")
        return [_sample(postgres, place), *_retailer(postgres, place)]


def _sample(server: str, place: Path) -> Result:
    load = Import(server, place, FILE, "online_retail_ii")
    pairs = paired(load.ours, load.peer, rounds=ROUNDS, more_is_better=False)
    summary = load.shown["summary"]
    return Result(
        name="import",
        unit="s",
        peer_name=PEER,
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


def _retailer(server: str, place: Path) -> list[Result]:
    say("writing a retailer's sales …")
    file, whose = retailer.whole(place)
    load = Import(server, place, file, "retailer")
    say("importing them, and copying them bare …")
    pairs = paired(load.ours, load.peer, rounds=1, more_is_better=False)
    shown, lines = load.shown, load.shown["summary"]["read"]
    whole = Result(
        name="import_large",
        unit="s",
        peer_name=PEER,
        pairs=pairs,
        checks={
            f"ratio >= {LEAST_RATIO:g}": median(pairs.ratios) >= LEAST_RATIO,
            f"peak_gb <= {MOST_GB:g}": shown["peak_gb"] <= MOST_GB,
            "every line loaded": shown["summary"]["new"] == lines,
        },
        details={
            "sales_of": whose,
            "lines": lines,
            "lines_per_second": lines / shown["seconds"],
            "peak_gb": shown["peak_gb"],
        },
    )
    return [whole, _night(load, file, place)]


def _night(load: Import, file: Path, place: Path) -> Result:
    """The night's file on top of all the others, against the same once more with nothing new."""
    say("importing the night after …")
    url = load.new_database()
    run(url, file, "retailer")
    night = retailer.night(file, place, NIGHT_LINES)
    first, again = run(url, night, "retailer"), run(url, night, "retailer")
    load.drop(url)
    return Result(
        name="import_increment",
        unit="s",
        peer_name="the same file once more",
        pairs=Pairs(ours=[first["seconds"]], peer=[again["seconds"]]),
        checks={
            f"seconds <= {MOST_NIGHT_SECONDS:g}": first["seconds"] <= MOST_NIGHT_SECONDS,
            "half new, half changed": [first["summary"][name] for name in ("new", "changed")]
            == [NIGHT_LINES // 2] * 2,
            "nothing new again": again["summary"]["same"] == NIGHT_LINES,
        },
        details={"lines": NIGHT_LINES},
    )
