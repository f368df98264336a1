"""A load generator that costs little: one thread, keep-alive connections, raw sockets.

Every connection has one request under way. An answer is taken when its head and as many bytes
as ``Content-Length`` says have come; anything but 200 ends the measurement.
"""

import re
import selectors
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import quantiles
from time import perf_counter, process_time

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"


class NotAnswered(Exception):
    """The server sent something other than 200, or hung up."""


@dataclass(slots=True)
class Load:
    seconds: float = 0.0
    processor_seconds: float = 0.0  # of this client
    latencies: list[float] = field(default_factory=list)

    @property
    def requests_per_second(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def own_share(self) -> float:
        """Of a processor, spent by the client: near 1 it would measure itself."""
        return self.processor_seconds / self.seconds

    def percentile_ms(self, percent: int) -> float:
        return quantiles(self.latencies, n=100)[percent - 1] * 1000


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    received: bytes = b""
    sent_at: float = 0.0

    def send(self, request: bytes) -> None:
        self.received = b""
        self.sent_at = perf_counter()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        data = self.socket.recv(65536)
        if not data:
            raise NotAnswered("the server has closed the connection")
        self.received += data
        head, end, body = self.received.partition(END_OF_HEAD)
        if not end:
            return False
        length = LENGTH.search(head + end)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise NotAnswered(self.received[:1000].decode(errors="replace"))
        return len(body) >= int(length[1])


def get(path: str, **headers: str) -> bytes:
    """A request as it goes over the wire."""
    given = {"Host": "127.0.0.1", "Accept": "application/json", **headers}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def body_of(port: int, request: bytes) -> bytes:
    """The body of a single answer."""
    with socket.create_connection(("127.0.0.1", port)) as opened:
        connection = _Connection(opened)
        connection.send(request)
        while not connection.is_answered():
            pass
        return connection.received.partition(END_OF_HEAD)[2]


def drive(port: int, requests: Iterator[bytes], *, connections: int) -> Load:
    """Send all requests over some connections, each as soon as the one before is answered."""
    load = Load()
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            opened = socket.create_connection(("127.0.0.1", port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(opened, selectors.EVENT_READ, _Connection(opened))
        busy = [key.data for key in selector.get_map().values()]
        processor, started = process_time(), perf_counter()
        for connection in busy:
            connection.send(next(requests))
        left = connections
        while left:
            for key, _ in selector.select():
                connection = key.data
                if not connection.is_answered():
                    continue
                load.latencies.append(perf_counter() - connection.sent_at)
                if (request := next(requests, None)) is not None:
                    connection.send(request)
                else:
                    left -= 1
                    selector.unregister(connection.socket)
                    connection.socket.close()
        load.seconds = perf_counter() - started
        load.processor_seconds = process_time() - processor
    return load
