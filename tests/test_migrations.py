"""The database comes up from nothing and goes down to nothing, once, whoever does it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic import command
from httpx import ASGITransport, AsyncClient

from app import migrations
from app.main import create_app
from app.migrations import CannotMigrate, config, locked, migrate
from tests.running import empty_database

OURS = """
    SELECT count(*) FROM pg_class JOIN pg_namespace AS space ON space.oid = relnamespace
    WHERE nspname IN ('public', 'procrastinate', 'staging', 'history')
      AND relname NOT IN ('alembic_version', 'alembic_version_pkc')
"""
INSERT = """
    INSERT INTO job (kind, payload, status, done, total, attempts)
    VALUES ('x', '{}', 'queued', 0, 0, 0)
"""


@pytest.fixture
def nothing(server: str) -> Iterator[str]:
    with empty_database(server) as url:
        yield url


def run(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def step(url: str, action, *words: str) -> None:
    with locked(url) as connection:
        action(config(connection), *words)


def test_up_down_to_nothing_and_up_again_without_drift(nothing):
    migrate(nothing)
    step(nothing, command.check)
    run(nothing, INSERT)
    step(nothing, command.downgrade, "base")
    assert run(nothing, OURS) == 0
    migrate(nothing)
    step(nothing, command.check)
    assert run(nothing, "SELECT count(*) FROM job") == 0


def test_migrating_what_is_migrated_changes_nothing(database):
    run(database, INSERT)
    migrate(database)
    assert run(database, "SELECT count(*) FROM job") == 1


def test_each_revision_goes_down_and_up_again_with_rows_in_every_other_table(nothing):
    migrate(nothing, "0001")
    run(nothing, INSERT)
    migrate(nothing)
    step(nothing, command.downgrade, "0001")
    migrate(nothing)
    assert run(nothing, "SELECT count(*) FROM job") == 1


SALES = """
    INSERT INTO sale (order_id, line_key, sku_id, location_id, sold_on, quantity, unit_price,
                      import_id)
    VALUES ('O1', 'A#1', 'A', 'EC', '2025-12-31', 3, 10, 1),
           ('O2', 'A#1', 'A', 'EC', '2026-01-01', 5, 9.5, 1),
           ('O2', 'A#r1', 'A', 'EC', '2026-01-01', -1, 9.5, 1)
"""
BOTH_WAYS = "SELECT array_agg(order_id || line_key || sold_on ORDER BY 1) FROM (SELECT * FROM sale)"


def test_sales_move_into_their_quarters_and_back_and_are_added_up(nothing):
    migrate(nothing, "0003")
    run(nothing, SALES)
    before = run(nothing, f"{BOTH_WAYS} AS sale")
    migrate(nothing)
    daily = "SELECT array_agg((sold_on, units, units_returned, revenue)::text ORDER BY sold_on)"
    assert run(nothing, f"{daily} FROM sales_daily") == [
        "(2025-12-31,3,0,30.0000)",
        "(2026-01-01,4,1,38.0000)",
    ]
    assert run(nothing, f"{BOTH_WAYS} AS sale") == before
    assert run(nothing, "SELECT count(*) FROM history.sale_2026q1") == 2
    step(nothing, command.downgrade, "0003")
    assert run(nothing, f"{BOTH_WAYS} AS sale") == before


def test_several_who_migrate_at_once_do_it_once(nothing):
    with ThreadPoolExecutor(4) as together:
        list(together.map(migrate, [nothing] * 4))
    assert run(nothing, "SELECT count(*) FROM alembic_version") == 1
    step(nothing, command.check)


def test_a_database_of_a_later_release_is_left_alone(database):
    run(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CannotMigrate, match="another release"):
        migrate(database)
    assert run(database, "SELECT version_num FROM alembic_version") == "9999"


def test_a_migration_that_fails_leaves_nothing_half_done(nothing):
    run(nothing, "CREATE TABLE job (already int)")
    before = run(nothing, OURS)
    with pytest.raises(Exception, match="already exists"):
        migrate(nothing)
    assert run(nothing, OURS) == before


async def test_a_service_on_a_database_that_is_behind_is_not_ready_and_says_why(nothing, settings):
    migrate(nothing, "0001")
    app = create_app(nothing, settings)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://zaiko") as client:
        answer = await client.get("/health/ready")
    await app.state.engine.dispose()
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]
    assert not answer.json()["checks"]["migrations"]


def test_every_migration_gives_up_a_lock_it_cannot_get(server):
    for file in sorted((migrations.FOLDER / "versions").glob("*.py")):
        text = file.read_text()
        assert text.count("SET LOCAL lock_timeout = '4s'") == 2, file.name
