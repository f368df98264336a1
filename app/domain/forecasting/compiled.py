"""Functions that become machine code on first use, kept for the next process where possible."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be reordered, so that they use the whole width of the processor. The order is fixed
# when the function is compiled, hence the same in every process of a machine.
FASTMATH = {"reassoc", "contract", "nsz"}


def compiled(function: Function) -> Function:
    """Compile with numba; functions that call one another must stand in one file.

    numba keeps the machine code in ``__pycache__`` beside the source or, where that is read-only,
    in the user's cache directory; ``NUMBA_CACHE_DIR`` names another place. A stamp of the file
    tells when it is stale, but not of other files that it calls. Where nothing can be written at
    all, each process compiles for itself, which takes some seconds.
    """
    try:
        return cast("Function", njit(cache=True, nogil=True, fastmath=FASTMATH)(function))
    except RuntimeError:  # "no locator available": neither place can be written
        return cast("Function", njit(nogil=True, fastmath=FASTMATH)(function))
