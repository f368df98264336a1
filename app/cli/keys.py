# ruff: noqa: PLC0415 - see commands.py
"""``zaiko key``: API keys."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.stopping import stopping

if TYPE_CHECKING:
    from app.database import Sessions

key = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="API keys: create, list, revoke."
)


@key.command("create")
def create(
    name: str,
    scope: Annotated[
        list[str], typer.Option(help="Such as inventory:read; may be given several times.")
    ],
) -> None:
    """Create a key; it is printed once, alone on the last line."""
    from app.auth import Scope, create_key

    unknown = [given for given in scope if given not in set(Scope)]
    if unknown:
        known = ", ".join(sorted(Scope))
        raise typer.BadParameter(f"'{unknown[0]}' is none of {known}", param_hint="--scope")
    scopes = [Scope(given) for given in scope]

    async def act(sessions: "Sessions") -> str:
        async with sessions.begin() as session:
            return await create_key(session, name, scopes)

    print(_with_sessions(act))


@key.command("list")
def show() -> None:
    """List the keys by name, prefix and scopes."""
    from app.auth import list_keys

    async def act(sessions: "Sessions") -> str:
        async with sessions() as session:
            return "\n".join(
                f"{found.name}\t{found.prefix}…\t{'revoked' if found.revoked_at else 'in force'}"
                f"\t{' '.join(found.scopes)}"
                for found in await list_keys(session)
            )

    print(_with_sessions(act) or "there are no keys")


@key.command("revoke")
def revoke(name: str) -> None:
    """Revoke all keys of a name; running services stop believing them within seconds."""
    from app.auth import revoke_key

    async def act(sessions: "Sessions") -> str:
        async with sessions.begin() as session:
            return f"{await revoke_key(session, name)} revoked"

    print(_with_sessions(act))


def _with_sessions(action: "Callable[[Sessions], Awaitable[str]]") -> str:
    from app import migrations
    from app.database import connect, sessions_of
    from app.launcher import database
    from app.settings import Settings

    async def act(url: str) -> str:
        engine = connect(url, pool_size=1)
        try:
            return await action(sessions_of(engine))
        finally:
            await engine.dispose()

    with database(Settings()) as url:
        migrations.migrate(url)
        return stopping.run(act(url))
