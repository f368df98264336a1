"""Everything on one machine: what is started together, followed, and brought down together.

``stopping`` says what signals do, ``lending`` keeps a worker process running, ``submitting`` and
``following`` hand jobs to it and show how far they are, ``serving`` runs the HTTP service,
``everything`` is ``zaiko run``, ``sentences`` says what went wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.settings import Settings


@contextmanager
def database(settings: "Settings") -> Iterator[str]:
    """The URL of the configured database, or of the embedded one, started if need be."""
    if settings.database_url:
        yield settings.database_url
    else:
        from app.postgres import running  # noqa: PLC0415 - keeps `zaiko --help` quick

        with running(settings.data_dir) as url:
            yield url
