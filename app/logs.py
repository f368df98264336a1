"""Logs: one JSON line per request and per job step; never a key, a name or a query's values."""

import logging
import re
import sys
import traceback
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TextIO, TypeAlias
from uuid import uuid4

import asyncpg
import psycopg
import structlog
from sqlalchemy.exc import EmulatedDBAPIException, StatementError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import EventDict

Answer: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]
LONGEST_CHAIN = 10
ABOUT_VALUES = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    psycopg.DataError,
    psycopg.IntegrityError,
)
QUOTED = re.compile(r'"[^"]*"')
CLIENT_GONE = 499  # nobody is left to answer; what nginx writes in this case


def configure(level: str, file: TextIO | None = None) -> None:
    """Write lines of this level and above to the file, stderr unless told otherwise."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        ),
        logger_factory=structlog.WriteLoggerFactory(file=file or sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


def _without_values(_: object, __: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["raised"] = described(error)
    return event


def described(error: BaseException) -> list[dict[str, object]]:
    """An exception and what led to it, as kinds, messages and places in the code.

    No local variables and no SQL parameters: an API key or a customer may be among them.
    """
    links: list[dict[str, object]] = []
    link: BaseException | None = error
    while link is not None and len(links) < LONGEST_CHAIN:
        places = traceback.extract_tb(link.__traceback__)
        links.append(
            {
                "kind": type(link).__name__,
                "message": _message(link),
                "places": [f"{place.filename}:{place.lineno} {place.name}" for place in places],
            }
        )
        link = link.__cause__ or link.__context__
    return links


def _message(error: BaseException) -> str:
    """What an error says, without the SQL and the values that the database may quote."""
    while isinstance(error, StatementError | EmulatedDBAPIException):
        cause = error.orig if isinstance(error, StatementError) else error.__cause__
        if cause is None:
            break
        error = cause
    if isinstance(error, ABOUT_VALUES):
        return QUOTED.sub('"…"', str(error).partition(":")[0])
    return str(error)


class RequestLog:
    """ASGI middleware: a request id, a line a request under its route's template.

    What nothing else has caught is logged and answered here, so that the server, which would
    print it with all its values, never sees it.
    """

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self._app = app
        self._answer = answer
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid4().hex
        started = perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            status = CLIENT_GONE
        except Exception as error:
            is_answered = status != 0
            if not is_answered:
                response = await self._answer(Request(scope), error)
                await response(scope, receive, noted)
            self._log.error("unexpected error", request_id=request_id, raised=described(error))
            if is_answered:
                raise  # half an answer has left: only the server can break it off
        finally:
            route = scope.get("route")
            self._log.info(
                "request",
                method=scope["method"],
                route=getattr(route, "path_format", None),
                status=status,
                ms=round((perf_counter() - started) * 1000, 1),
                request_id=request_id,
            )
