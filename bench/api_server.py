"""The service as ``zaiko serve`` runs it, and beside it, in one process, a bare FastAPI.

``python -m bench.api_server URL`` prints its port and serves until its standard input ends.
"""

import socket
import sys
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send

from app import logs
from app.main import create_app
from app.settings import Settings

COLUMNS = "sku_id, name, list_price, unit_cost"
ROW = text(f"SELECT {COLUMNS} FROM sku WHERE sku_id = :sku_id")
ROW_BY_DRIVER = f"SELECT {COLUMNS} FROM sku WHERE sku_id = $1"


def bare_app(ours: FastAPI) -> FastAPI:
    """One row by its key, through the service's pool: no API key, no log, no ETag.

    ``/bare`` is how a route is usually written. ``/bare-driver`` is written like our own: asyncpg
    itself on an autocommit connection, so that it differs by nothing but what we do around it.
    """
    bare = FastAPI()
    bare.state.engine = ours.state.engine
    bare.state.reader = ours.state.reader

    @bare.get("/bare/{sku_id}")
    async def read_row(sku_id: str, request: Request) -> dict[str, Any]:
        async with request.app.state.engine.connect() as connection:
            row = (await connection.execute(ROW, {"sku_id": sku_id})).mappings().one()
        return dict(row)

    @bare.get("/bare-driver/{sku_id}")
    async def read_row_by_driver(sku_id: str, request: Request) -> dict[str, Any]:
        async with request.app.state.reader.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            row = await driver.fetchrow(ROW_BY_DRIVER, sku_id)
        return dict(row)

    return bare


def side_by_side(ours: ASGIApp, bare: ASGIApp) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_bare = scope["type"] == "http" and scope["path"].startswith("/bare")
        await (bare if is_bare else ours)(scope, receive, send)

    return app


def serve(url: str) -> None:
    """As ``app.cli.serve`` does, on a free port of the loopback."""
    settings = Settings()
    logs.configure(settings.log_level)
    ours = create_app(url, settings)
    config = uvicorn.Config(
        side_by_side(ours, bare_app(ours)),
        log_level="warning",
        access_log=False,
        timeout_keep_alive=30,
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=config.backlog)
    print(listener.getsockname()[1], flush=True)
    service = uvicorn.Server(config)

    def stop_with_parent() -> None:
        sys.stdin.read()
        service.should_exit = True

    threading.Thread(target=stop_with_parent, daemon=True).start()
    service.run(sockets=[listener])


if __name__ == "__main__":
    serve(sys.argv[1])
