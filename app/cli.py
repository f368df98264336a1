"""The command ``zaiko``."""

import asyncio
import json
import shutil
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app import launcher, logs, migrations
from app import worker as worker_process
from app.auth import Scope, UnknownKey, create_key, list_keys, revoke_key
from app.database import Sessions, connect, sessions_of
from app.main import create_app
from app.postgres import PostgresError
from app.services import importing, jobs
from app.settings import Settings

PROMISE = Path(__file__).resolve().parent.parent / "openapi" / "openapi.json"

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
key = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")
cli.add_typer(key, name="key")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535)]


class ImportKind(StrEnum):
    SALES = "sales"
    STOCK = "stock"
    PRODUCTS = "products"


@cli.command()
def run(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Start everything: database, migrations, sample, evaluation, worker, service."""
    settings = Settings()
    with launcher.database(settings) as url:
        migrations.migrate(url)
        with launcher.worker(url, settings):
            asyncio.run(launcher.prepare_sample(url))
            demo = asyncio.run(launcher.demo_key(url, settings))
            print(f"LTV-Zaiko answers on http://{host}:{port}")
            print(f"  Swagger UI  http://{host}:{port}/docs  (Authorize with the key)")
            print(f"  API key     {demo}")
            print(f"  Stop with Ctrl-C. Data: {settings.data_dir}", flush=True)
            _serve(url, settings, host, port)


@cli.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the API; migrations and a worker are yours to run beside it."""
    settings = Settings()
    with launcher.database(settings) as url:
        _serve(url, settings, host, port)


def _serve(url: str, settings: Settings, host: str, port: int) -> None:
    logs.configure(settings.log_level)
    app = create_app(url, settings)
    uvicorn.run(
        app, host=host, port=port, log_level="warning", access_log=False, timeout_keep_alive=30
    )


@cli.command()
def worker(
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Take jobs from the queue and run them, until stopped."""
    settings = Settings()
    logs.configure(settings.log_level)
    if with_parent:
        worker_process.stop_with_parent()
    with launcher.database(settings) as url:
        raise typer.Exit(worker_process.main(url, settings))


@cli.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    with launcher.database(Settings()) as url:
        migrations.migrate(url)


@cli.command(name="import")
def import_file(
    kind: ImportKind,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    encoding: Annotated[str | None, typer.Option(help="utf-8 or cp932; default: seen")] = None,
    mapping: Annotated[str | None, typer.Option(help="Profile for files of others")] = None,
) -> None:
    """Import a file of sales, stock or products, and say what was loaded."""
    settings = Settings()
    importing.check_profile(mapping, kind.value)
    settings.uploads.mkdir(parents=True, exist_ok=True)
    name = uuid4().hex
    shutil.copyfile(file, settings.uploads / name)

    async def submit(sessions: Sessions) -> int:
        async with sessions.begin() as session:
            batch = await importing.receive(
                session, kind=kind.value, file_name=file.name, encoding=encoding, mapping=mapping
            )
            payload = {"import_id": batch.import_id, "file": name}
            job = await jobs.submit(session, "import", payload)
            batch.job_id = job.job_id
            return job.job_id

    _do_job(settings, submit, f"import {kind.value}")


@cli.command()
def evaluate(
    as_of: Annotated[
        str | None, typer.Option(help="YYYY-MM-DD; default: the last day with sales")
    ] = None,
) -> None:
    """Value the customers, forecast, decide, all anew."""
    if as_of is not None:
        date.fromisoformat(as_of)

    async def submit(sessions: Sessions) -> int:
        async with sessions.begin() as session:
            return (await jobs.submit_once(session, "evaluate", {"as_of": as_of})).job_id

    _do_job(Settings(), submit, "evaluation")


def _do_job(settings: Settings, submit: launcher.Submit, title: str) -> None:
    """Submit a job, lend it a worker if none is running, show how far it is."""
    with launcher.database(settings) as url:
        migrations.migrate(url)
        result = asyncio.run(launcher.do_job(url, settings, submit, title))
    print(json.dumps(result, ensure_ascii=False, indent=2))


@cli.command()
def openapi(
    check: Annotated[bool, typer.Option(help="Compare with the file, write nothing.")] = False,
) -> None:
    """Write the OpenAPI document to openapi/openapi.json."""
    app = create_app("postgresql://nowhere/none", Settings())
    text = json.dumps(app.openapi(), ensure_ascii=False, indent=2) + "\n"
    if check:
        if not PROMISE.exists() or PROMISE.read_text() != text:
            _fail("openapi/openapi.json differs from the service; run: zaiko openapi")
        return
    PROMISE.write_text(text)


def _with_sessions(action: launcher.Action) -> None:
    with launcher.database(Settings()) as url:
        migrations.migrate(url)

        async def act() -> None:
            engine = connect(url, pool_size=1)
            try:
                await action(sessions_of(engine))
            finally:
                await engine.dispose()

        asyncio.run(act())


@key.command("create")
def create(
    name: str, scope: Annotated[list[Scope], typer.Option(help="May be given several times.")]
) -> None:
    """Create a key; it is printed once, alone on the last line."""

    async def act(sessions: Sessions) -> None:
        async with sessions.begin() as session:
            new = await create_key(session, name, scope)
        print(new)

    _with_sessions(act)


@key.command("list")
def show() -> None:
    """List the keys by name, prefix and scopes."""

    async def act(sessions: Sessions) -> None:
        async with sessions() as session:
            for found in await list_keys(session):
                state = "revoked" if found.revoked_at else "in force"
                print(f"{found.name}\t{found.prefix}…\t{state}\t{' '.join(found.scopes)}")

    _with_sessions(act)


@key.command("revoke")
def revoke(name: str) -> None:
    """Revoke all keys of a name; running services stop believing them within seconds."""

    async def act(sessions: Sessions) -> None:
        async with sessions.begin() as session:
            print(f"{await revoke_key(session, name)} revoked")

    _with_sessions(act)


def _fail(sentence: str) -> None:
    print(f"zaiko: {sentence}", file=sys.stderr)
    raise SystemExit(1)


def main() -> None:
    """Run a command; a known mistake is one sentence on stderr and exit status 1."""
    try:
        cli()
    except ValidationError as error:
        first = error.errors()[0]
        where = "_".join(str(part) for part in first["loc"]) or "settings"
        _fail(f"setting ZAIKO_{where.upper()}: {first['msg']}")
    except (
        PostgresError,
        UnknownKey,
        ValueError,
        importing.UnknownProfile,
        launcher.JobFailed,
    ) as error:
        _fail(str(error))
    except (SQLAlchemyError, OSError) as error:
        _fail(f"the database or a file cannot be used: {str(error).splitlines()[0]}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
