"""A database server of the benchmark's own, on the disk where the service would keep it."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from app import logs, migrations
from app.postgres import EmbeddedPostgres
from app.settings import Settings
from tests.conftest import fill_shop

COPIES = 19


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder that the server's account may enter, gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="zaiko-bench-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@contextmanager
def server(place: Path) -> Iterator[str]:
    """The URL of a migrated, empty database."""
    with EmbeddedPostgres(place / "data") as running:
        migrations.migrate(running.url)
        yield running.url


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def fill_with_copies(url: str, settings: Settings) -> list[str]:
    """The evaluated small shop of the tests, each of its SKUs twenty times; return the SKUs."""
    logs.configure("ERROR")  # of what this process does for the shop
    asyncio.run(fill_shop(url, settings))
    execute(
        url,
        f"""
        INSERT INTO sku SELECT (jsonb_populate_record(
            sku, jsonb_build_object('sku_id', sku_id || '-' || n))).*
        FROM sku, generate_series(1, {COPIES}) AS n
        """,
        f"""
        INSERT INTO disposition (sku_id, location_id, evaluated_on, answer)
        SELECT sku_id || '-' || n, location_id, evaluated_on,
               replace(answer::text, to_json(sku_id)::text, to_json(sku_id || '-' || n)::text)::json
        FROM disposition, generate_series(1, {COPIES}) AS n
        """,
        "VACUUM ANALYZE sku",
        "VACUUM ANALYZE disposition",
    )
    with psycopg.connect(url) as connection:
        skus = [row[0] for row in connection.execute("SELECT sku_id FROM disposition")]
    if not skus:
        raise RuntimeError("the small shop has not been evaluated")
    return skus
