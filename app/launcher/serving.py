"""The HTTP service in this process, from its free port to its last answer."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from app import logs
from app.launcher.stopping import Stopping
from app.main import create_app
from app.routers.streams import Streams
from app.settings import Settings

KEEP_ALIVE_SECONDS = 30
LAST_ANSWERS_SECONDS = 5  # for requests that run when the service is told to stop


class PortTaken(Exception):
    """The address cannot be listened on."""


class Server(uvicorn.Server):
    """Uvicorn, with our signals and a word when it answers."""

    def __init__(
        self, config: uvicorn.Config, streams: Streams, ready: Callable[[], object]
    ) -> None:
        super().__init__(config)
        self._streams = streams
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # app.launcher.stopping has them

    def stop(self) -> None:
        # Before it stops, uvicorn waits for every answer to end, which a stream has no reason to.
        self._streams.stop()
        self.should_exit = True


def check_port(host: str, port: int) -> None:
    """Raises PortTaken when nothing could listen there now; the port stays free."""
    with _bound(host, port) as listener:
        _listen(listener, host, port)


def serve(
    url: str,
    settings: Settings,
    stopping: Stopping,
    *,
    host: str,
    port: int,
    ready: Callable[[], object] = lambda: None,
) -> None:
    """Answer requests until a signal comes.

    Raises:
        KeyboardInterrupt: after a signal.
        PortTaken: somebody else listens there.
    """
    logs.configure(settings.log_level)
    app = create_app(url, settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
    )
    server = Server(config, app.state.streams, ready)
    with _bound(host, port) as listener, stopping.gently(server.stop):
        _listen(listener, host, port)
        server.run(sockets=[listener])


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise _taken(host, port, error) from error
        yield listener


def _listen(listener: socket.socket, host: str, port: int) -> None:
    try:
        listener.listen(2048)
    except OSError as error:
        raise _taken(host, port, error) from error


def _taken(host: str, port: int, error: OSError) -> PortTaken:
    return PortTaken(
        f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port"
    )
