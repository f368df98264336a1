"""How much may be sent to anything but an import, whose files have a limit of their own."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT = 2**20
FILES = "/imports/"


class BodyTooLarge(HTTPException):
    """The request's body is larger than this service accepts."""

    # An HTTPException, because FastAPI takes any other for a body that cannot be read.

    def __init__(self) -> None:
        super().__init__(413, f"a request may carry {LIMIT // 2**20} MB")

    def __str__(self) -> str:
        return self.detail


class BodyLimit:
    """ASGI middleware: reading a body ends with an error at the limit.

    It ends before the first byte when the header says how much is to come.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_limited = scope["type"] == "http" and not scope["path"].startswith(FILES)
        await self._app(scope, _limited(scope, receive) if is_limited else receive, send)


def _limited(scope: Scope, receive: Receive) -> Receive:
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        if declared.isdigit() and int(declared[:20]) > LIMIT:
            raise BodyTooLarge
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LIMIT:
            raise BodyTooLarge
        return message

    return receive_limited
