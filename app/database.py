"""The engine, and one transaction per request."""

import errno
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, TypeAlias

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import event, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

LOST = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
FULL = {errno.ENOSPC, errno.EDQUOT}

Sessions: TypeAlias = async_sessionmaker[AsyncSession]

# The queue's tables live in a schema of their own, so that ours compare clean with the models.
SEARCH_PATH = "public,procrastinate"
ADDRESS = "zaiko_address"  # the engine's note of where it connects
SESSION = {
    "search_path": SEARCH_PATH,
    "jit": "off",
    # A client whose machine vanished lets go of its locks within a minute, not after two hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


def libpq_url(url: str) -> str:
    """The URL as PostgreSQL's own library reads it, whatever driver it names."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def connect(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine for the service.

    A connection that broke while it lay in the pool, as all do when the server restarts, is seen
    by the driver at once and replaced before use; asking the server each time whether it is still
    there would cost a hot read more than the read itself. The driver reads the URL itself, so that
    ``?sslmode=require`` means what it means elsewhere.
    """
    address = libpq_url(url)

    async def open_connection() -> Any:
        try:
            return await asyncpg.connect(address, server_settings=SESSION)
        except FileNotFoundError as error:  # the socket of a server that is down or starting
            raise ConnectionRefusedError(*error.args) from error

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=open_connection,
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,  # what customers are called does not belong into logs
        execution_options={ADDRESS: address},
    )
    event.listen(engine.sync_engine, "checkout", _refuse_broken)
    return engine


def _refuse_broken(connection: Any, _record: object, _proxy: object) -> None:
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server has closed this connection, and so all others")


def sessions_of(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


def address_of(sessions: Sessions) -> str:
    """Where these sessions connect to, as ``libpq_url``: for processes that do so themselves."""
    engine: AsyncEngine = sessions.kw["bind"]
    address: str = engine.get_execution_options()[ADDRESS]
    return address


async def request_session(request: Request) -> AsyncIterator[AsyncSession]:
    sessions: Sessions = request.app.state.sessions
    async with sessions.begin() as session:
        yield session


# "function" scope commits before the response leaves, so a 201 is never a lie.
Session = Annotated[AsyncSession, Depends(request_session, scope="function")]


def is_lost(fault: BaseException) -> bool:
    """Whether an error, or one that it came from, means that the connection broke."""
    return any(
        isinstance(cause, LOST)
        or (isinstance(cause, DBAPIError) and cause.connection_invalidated)
        or (isinstance(cause, asyncpg.InterfaceError) and "clos" in str(cause))
        for cause in causes(fault)
    )


def is_out_of_room(fault: BaseException) -> bool:
    """Whether an error, or one that it came from, means that a disk is full."""
    return any(
        isinstance(cause, asyncpg.DiskFullError)
        or (isinstance(cause, OSError) and cause.errno in FULL)
        for cause in causes(fault)
    )


def causes(fault: BaseException) -> Iterator[BaseException]:
    """The error and all that it came from."""
    seen: set[int] = set()
    found: list[BaseException | None] = [fault]
    while found:
        cause = found.pop()
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            found += [cause.__cause__, cause.__context__, getattr(cause, "orig", None)]
