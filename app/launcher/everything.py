"""``zaiko run``: database, migrations, worker, sample and service; and back down again."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from app import migrations
from app.auth import Scope, create_key, key_is_valid
from app.database import connect, sessions_of
from app.launcher.following import follow, tell
from app.launcher.lending import LentWorker
from app.launcher.serving import check_port, serve
from app.launcher.stopping import Stopping
from app.postgres import AlreadySupervised, EmbeddedPostgres
from app.queries import jobs as job_queries
from app.services import jobs
from app.settings import Settings

PATIENCE_SECONDS = 3.0  # for a short command that holds the database, or a run that is ending


def run(
    settings: Settings,
    stopping: Stopping,
    announce: Callable[[str], object],
    *,
    host: str,
    port: int,
    with_sample: bool,
) -> None:
    """Start everything and serve until a signal comes; then stop everything.

    Args:
        settings: of this machine.
        stopping: what signals do.
        announce: told where to find everything, once it answers.
        host: address to listen on.
        port: to listen on.
        with_sample: whether to load the sample into a database without sales.

    Raises:
        KeyboardInterrupt: after a signal, when all has stopped.
    """
    check_port(host, port)  # now rather than after minutes of loading
    with _database(settings) as url:
        migrations.migrate(url)
        with LentWorker(url, settings, tell) as worker:
            if with_sample:
                stopping.run(prepare_sample(url, worker))
            key = stopping.run(demo_key(url, settings))
            address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            greeting = (
                f"LTV-Zaiko answers on {address}\n"
                f"  Swagger UI  {address}/docs  (Authorize with the key)\n"
                f"  API key     {key}\n"
                f"  Stop with Ctrl-C. Data: {settings.data_dir}"
            )
            serve(url, settings, stopping, host=host, port=port, ready=partial(announce, greeting))


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded one, which must be nobody else's."""
    if settings.database_url:
        yield settings.database_url
        return
    deadline = monotonic() + PATIENCE_SECONDS
    server = EmbeddedPostgres(settings.data_dir)
    while True:
        try:
            server.start()
            break
        except AlreadySupervised:
            if monotonic() > deadline:
                raise
            sleep(0.1)
    try:
        yield server.url
    finally:
        server.stop()


async def prepare_sample(url: str, worker: LentWorker) -> None:
    """Load and evaluate the bundled sample, unless that is done or there are sales of your own."""
    engine = connect(url, pool_size=2)
    sessions = sessions_of(engine)
    try:
        async with sessions.begin() as session:
            if await job_queries.has_succeeded(session, "sample"):
                return
            if await job_queries.has_foreign_sales(session):
                return
            job = await jobs.submit_once(session, "sample", {}, or_join=True)
        await follow(sessions, job.job_id, "sample", lambda _: worker.expect_life())
    finally:
        await engine.dispose()


async def demo_key(url: str, settings: Settings) -> str:
    """A key to try the service with, the same at every start."""
    file = settings.data_dir / "demo-key"
    engine = connect(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            known = file.read_text().strip() if file.exists() else ""
            if known and await key_is_valid(session, known):
                return known
            key = await create_key(session, "demo", sorted(set(Scope) - {Scope.ADMIN}))
            _write_private(file, key)
    finally:
        await engine.dispose()
    return key


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
        target.write(text + "\n")
