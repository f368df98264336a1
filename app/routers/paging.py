"""Key paging: an opaque cursor that holds the key of the last row seen."""

import base64
import json
from typing import Annotated, Any

from fastapi import Query


class BadCursor(Exception):
    """The cursor was not made by this list."""


Limit = Annotated[int, Query(ge=1, le=1000, description="Rows a page")]
After = Annotated[
    str | None, Query(max_length=2000, description="`next` of the page before; leave empty first")
]


def cursor(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, default=str).encode()).decode().rstrip("=")


def key_of(after: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The key inside a cursor, checked to have values of these kinds.

    Raises:
        BadCursor: if it has not.
    """
    if after is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        fits = isinstance(key, list) and len(key) == len(kinds)
        if fits and all(
            isinstance(value, kind) or (kind is float and type(value) is int)
            for value, kind in zip(key, kinds, strict=True)
        ):
            return tuple(key)
    except ValueError:
        pass
    raise BadCursor(f"after='{after[:50]}' is no cursor of this list; pass `next` as it came")
