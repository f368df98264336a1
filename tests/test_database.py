"""The pool under a server that closes connections, and what tells a lost one from a fault."""

import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.database import connect, is_lost, is_out_of_room

OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def driver_of(engine: AsyncEngine) -> Any:
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
        await asyncio.sleep(0.05)  # so that each of those at once needs a connection of its own
        return (await connection.get_raw_connection()).driver_connection


async def test_connections_that_the_server_has_closed_are_replaced_before_use(database: str):
    engine = connect(database, pool_size=3)
    before = await asyncio.gather(*(driver_of(engine) for _ in range(3)))
    assert len(set(before)) == 3
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(OTHERS)
    async with asyncio.timeout(10):
        while not all(connection.is_closed() for connection in before):
            await asyncio.sleep(0)
    after = await asyncio.gather(*(driver_of(engine) for _ in range(3)))
    assert set(after).isdisjoint(before)
    await engine.dispose()


async def test_a_connection_lost_in_the_middle_is_told_from_a_fault(database: str):
    engine = connect(database, pool_size=1)
    async with engine.connect() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(Exception, match=r"terminat|clos") as broken:
            await connection.execute(text("SELECT 1"))
    async with engine.connect() as connection:
        with pytest.raises(Exception, match="zero") as wrong:
            await connection.execute(text("SELECT 1 / 0"))
    assert is_lost(broken.value)
    assert not is_lost(wrong.value)
    assert is_lost(ConnectionRefusedError())
    assert not is_lost(FileNotFoundError("x"))
    await engine.dispose()


def test_a_full_disk_is_known_through_what_it_caused():
    fault = RuntimeError()
    fault.__cause__ = OSError(28, "No space left on device")
    assert is_out_of_room(fault)
    assert not is_out_of_room(OSError(13, "Permission denied"))
