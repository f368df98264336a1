# ruff: noqa: PLC0415 - see below
"""The command ``zaiko``.

What a command needs is imported when it runs: ``--help`` is quick, and the processes of a worker's
pool, which import this module once more, stay small.
"""

import json
import os
import sys
import traceback
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from app.cli.keys import key
from app.cli.stopping import stopping
from app.services.imports.kinds import KindName

if TYPE_CHECKING:
    from app.database import Sessions
    from app.launcher.following import Submit

PROMISE = Path(__file__).resolve().parents[2] / "openapi" / "openapi.json"

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain lines, for people and for logs
)
cli.add_typer(key, name="key")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535)]


class Encoding(StrEnum):
    UTF_8 = "utf-8"
    CP932 = "cp932"


@cli.callback()
def prepare() -> None:
    """LTV-Zaiko: inventory joined with customer lifetime value."""
    stopping.install()


@cli.command()
def run(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    sample: Annotated[
        bool, typer.Option(help="Load the bundled sample where there are no sales yet.")
    ] = True,
) -> None:
    """Start everything: database, migrations, worker, sample with its evaluation, service."""
    from app.launcher import everything
    from app.settings import Settings

    def announce(text: str) -> None:
        print(text, flush=True)

    try:
        everything.run(Settings(), stopping, announce, host=host, port=port, with_sample=sample)
    except KeyboardInterrupt:
        print("LTV-Zaiko has stopped.", file=sys.stderr)


@cli.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the API; migrations and a worker are yours to run beside it."""
    from app.launcher import database, serving
    from app.settings import Settings

    settings = Settings()
    serving.check_port(host, port)
    try:
        with database(settings) as url:
            serving.serve(url, settings, stopping, host=host, port=port)
    except KeyboardInterrupt:
        print("The service has stopped.", file=sys.stderr)


@cli.command()
def worker(
    parent: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Take jobs from the queue and run them, until stopped."""
    from app.compute import THREAD_LIMITS, give_memory_back

    give_memory_back()
    # numpy reads these when it loads. Fits of our size are ten times slower on two BLAS threads
    # than on one; polars, which reads files, gains by its threads.
    for name in THREAD_LIMITS:
        if not name.startswith("POLARS"):
            os.environ.setdefault(name, "1")

    from app import logs
    from app.launcher import database
    from app.settings import Settings
    from app.worker.process import WorkerProcess

    settings = Settings()
    logs.configure(settings.log_level)
    with database(settings) as url:
        process = WorkerProcess(url, settings, parent=parent)
        code = process.run()
    process.leave(code)


@cli.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    from app import migrations
    from app.launcher import database
    from app.settings import Settings

    with database(Settings()) as url:
        migrations.migrate(url)


@cli.command(name="import")
def import_file(
    kind: KindName,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    encoding: Annotated[Encoding | None, typer.Option(help="Default: recognised.")] = None,
    mapping: Annotated[
        str | None, typer.Option(help="A profile for files of others: NAME or NAME@VERSION.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Load the good rows even if most are bad.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show how the first rows would be read; store nothing."),
    ] = False,
) -> None:
    """Import a file of this kind, and say what was loaded."""
    from app.launcher.submitting import submit_import
    from app.settings import Settings

    settings = Settings()
    if dry_run:
        from app.cli.dry_run import show

        show(settings, kind.value, file, encoding.value if encoding else None, mapping)
        return

    async def submit(sessions: "Sessions") -> int:
        return await submit_import(
            sessions,
            settings.uploads_folder(),
            kind=kind.value,
            file=file,
            encoding=encoding.value if encoding else None,
            mapping=mapping,
            force=force,
        )

    _do_job(submit, f"import {kind.value}")


@cli.command()
def evaluate(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="A day; default: the last one with sales."),
    ] = None,
) -> None:
    """Value the customers, forecast, decide, all anew."""
    from app.launcher.submitting import submit_evaluation

    day = _not_in_future(as_of)

    async def submit(sessions: "Sessions") -> int:
        return await submit_evaluation(sessions, as_of=day)

    _do_job(submit, "evaluation")


@cli.command()
def forecast(
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes; default: ZAIKO_WORKER_PROCESSES."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="A Dask scheduler whose workers do it, such as tcp://10.0.0.5:8786. The running"
            " service's worker speaks with it: Dask must be installed where that runs."
        ),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Last day of history; default: the last one with sales. The forecasts in force"
            " are replaced, also by older ones.",
        ),
    ] = None,
) -> None:
    """Forecast every SKU at every location anew, and say how good that is."""
    from app.launcher.submitting import submit_forecast

    if workers is not None and scheduler is not None:
        raise typer.BadParameter("give --workers or --scheduler, not both")
    day = _not_in_future(as_of)

    async def submit(sessions: "Sessions") -> int:
        return await submit_forecast(sessions, as_of=day, workers=workers, scheduler=scheduler)

    _do_job(submit, "forecast")


def _not_in_future(as_of: datetime | None) -> date | None:
    from zoneinfo import ZoneInfo

    from app.settings import Settings

    if as_of and as_of.date() > datetime.now(ZoneInfo(Settings().timezone)).date():
        raise typer.BadParameter(f"{as_of.date()} lies in the future", param_hint="--as-of")
    return as_of.date() if as_of else None


def _do_job(submit: "Submit", title: str) -> None:
    """Submit a job, lend it a worker if none is running, show how far it is."""
    from app import migrations
    from app.launcher import database
    from app.launcher.following import do_job
    from app.settings import Settings

    settings = Settings()
    with database(settings) as url:
        migrations.migrate(url)
        result = stopping.run(do_job(url, settings, submit, title))
    print(json.dumps(result, ensure_ascii=False, indent=2))


@cli.command()
def openapi(
    check: Annotated[bool, typer.Option(help="Compare with the file, write nothing.")] = False,
) -> None:
    """Write the OpenAPI document to openapi/openapi.json."""
    from app.main import create_app
    from app.settings import Settings

    app = create_app("postgresql://nowhere/none", Settings())
    text = json.dumps(app.openapi(), ensure_ascii=False, indent=2) + "\n"
    if check:
        if not PROMISE.exists() or PROMISE.read_text("utf-8") != text:
            _fail("openapi/openapi.json differs from the service; run: zaiko openapi")
        return
    PROMISE.parent.mkdir(exist_ok=True)
    PROMISE.write_text(text, "utf-8")


def _fail(sentence: str) -> NoReturn:
    print(f"zaiko: {sentence}", file=sys.stderr)
    raise SystemExit(1)


def main() -> None:
    """Run a command; what goes wrong is one sentence on stderr and exit status 1."""
    try:
        cli(prog_name="zaiko")
    except Exception as error:  # noqa: BLE001 - whatever it is
        from app.launcher.sentences import sentence

        if os.environ.get("ZAIKO_LOG_LEVEL", "").upper() == "DEBUG":
            traceback.print_exc()
        _fail(sentence(error))
