"""Runs migrations against the connection it is given, or the configured database."""

from contextlib import nullcontext

from alembic import context
from sqlalchemy import Connection

from app.migrations import locked
from app.models import Base
from app.postgres import running
from app.settings import Settings


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:  # called as `alembic …`
    settings = Settings()
    database = (
        nullcontext(settings.database_url) if settings.database_url else running(settings.data_dir)
    )
    with database as url, locked(str(url)) as connection:
        run(connection)
