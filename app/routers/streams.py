"""Answers that stay open: not too many of them, and none that holds up the service's end."""

from collections.abc import Iterator
from contextlib import contextmanager

MOST_STREAMS = 100  # each looks at the database twice a second


class TooManyStreams(Exception):
    """The service keeps as many streams of events open as it can."""


class Streams:
    """The streams that one service has open.

    Attributes:
        is_stopping: whether those who stream should come to an end. A plain flag, to be looked at
            between two events: it is set by the handler of a signal.
    """

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self.is_stopping = False
        self.open = 0
        self._most = most

    @contextmanager
    def place(self) -> Iterator[None]:
        """Raises TooManyStreams when there is none left."""
        if self.open >= self._most:
            raise TooManyStreams(f"{self._most} streams are open; ask now and then without /events")
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def stop(self) -> None:
        """Have every stream end at its next look."""
        self.is_stopping = True
