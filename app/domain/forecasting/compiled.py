"""Functions that become machine code on first use, kept for the next process where possible."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import FunctionCache

Function = TypeVar("Function", bound=Callable[..., Any])


class KeptCode(FunctionCache):  # type: ignore[misc]
    """Machine code on disk. A cache that cannot be read or written must not stop a forecast."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Machine code for these types, None where there is none or it is damaged."""
        with suppress(Exception):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep it, unless the disk is full or an index is damaged."""
        with suppress(Exception):
            super().save_overload(sig, data)


def compiled(function: Function) -> Function:
    """Compile with numba; functions that call one another must stand in one file.

    So must the constants that they read: those of other files are given as arguments.

    Machine code is kept in ``__pycache__`` beside the source or, where that is read-only, in the
    user's cache directory; ``NUMBA_CACHE_DIR`` names another place. A stamp of the file tells when
    it is stale, but not one of other files that it uses. Where nothing can be written at all,
    each process compiles for itself, which takes some seconds.

    Sums keep their order (no ``fastmath``): it would change the last digits with whatever code
    the compiler finds kept already, and makes nothing here faster.
    """
    dispatcher = njit(nogil=True)(function)
    with suppress(RuntimeError):  # "no locator available": neither place can be written
        dispatcher._cache = KeptCode(function)  # noqa: SLF001 - as ``cache=True`` does
    return cast("Function", dispatcher)
