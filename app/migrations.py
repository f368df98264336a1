"""Running the migrations from inside the product."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, make_url, pool, text

FOLDER = Path(__file__).resolve().parent.parent / "migrations"
LOCK = 0x7A61696B6F  # "zaiko": whoever migrates holds this advisory lock, the others wait
OLDEST = 15


class CannotMigrate(Exception):
    """The database is not one that this release can work with."""


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, bound to a connection where one is given."""
    configuration = Config()
    configuration.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    return configuration


@contextmanager
def locked(url: str) -> Iterator[Connection]:
    """A transaction in which nobody else migrates; committed at the end."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=pool.NullPool,
        connect_args={"options": "-c search_path=public"},
        hide_parameters=True,
    )
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        yield connection


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database up to a revision; nothing happens when it is there already.

    Raises:
        CannotMigrate: the server is too old, or the database is newer than this release.
    """
    with locked(url) as connection:
        version = connection.execute(text("SHOW server_version_num")).scalar_one()
        if int(version) // 10000 < OLDEST:
            raise CannotMigrate(
                f"the server is PostgreSQL {int(version) // 10000}; {OLDEST} is the oldest that"
                " will do"
            )
        try:
            command.upgrade(config(connection), revision)
        except CommandError as error:
            raise CannotMigrate(
                f"the database was migrated by another release of LTV-Zaiko ({error})"
            ) from error
