"""What SIGINT, SIGTERM and SIGHUP do: the first one ends all in good order, others change nothing.

Ending in good order takes seconds (the worker puts its jobs back, the database writes its
checkpoint), and a second Ctrl-C in the middle of it would only leave more to repair.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")


class Stopping:
    """Turns the first signal into a ``KeyboardInterrupt``, or into what the moment asks for."""

    def __init__(self) -> None:
        self._is_asked = False
        self._gently: Callable[[], object] | None = None

    def install(self) -> None:
        """Handle signals from here on, for the rest of this process's life."""
        for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT even where a shell has ignored it
            signal.signal(number, self._handle)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # nohup has it ignored
            signal.signal(signal.SIGHUP, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._is_asked = True
        for handled in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(handled, signal.SIG_IGN)
        if self._gently is None:
            raise KeyboardInterrupt
        self._gently()

    @contextmanager
    def gently(self, stop: Callable[[], object]) -> Iterator[None]:
        """Within the block a signal calls ``stop`` instead of raising; raise at its end."""
        self._gently = stop
        try:
            if self._is_asked:
                stop()
            yield
        finally:
            self._gently = None
        if self._is_asked:
            raise KeyboardInterrupt

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Like ``asyncio.run``; a signal cancels the coroutine.

        Raises:
            KeyboardInterrupt: after a signal.
        """

        async def cancellable() -> Result:
            task = asyncio.current_task()
            assert task is not None
            loop = asyncio.get_running_loop()

            def cancel() -> None:
                with suppress(RuntimeError):  # the loop has just been closed
                    loop.call_soon_threadsafe(task.cancel)

            self._gently = cancel
            return await main

        try:
            result = asyncio.run(cancellable())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            main.close()
            self._gently = None
        if self._is_asked:
            raise KeyboardInterrupt
        return result
