"""Key paging: an opaque cursor that holds the key of the last row seen."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

from app.schemas.common import Text, storable

Row = TypeVar("Row")
LARGEST_INTEGER, LARGEST_NUMBER = 2**63 - 1, 1e300  # PostgreSQL has no room for more


class BadCursor(Exception):
    """The cursor was not made by this list."""


Limit = Annotated[int, Query(ge=1, le=1000, description="Rows a page", examples=[3])]
After = Annotated[
    Text | None,
    Query(
        max_length=8000,
        description="`next` of the page before; empty for the first page",
        openapi_examples={"first page": {"value": ""}},
    ),
]


def cursor(key: tuple[Any, ...]) -> str:
    text = json.dumps(key, default=str, ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def list_name(name: str, *cut: Any) -> str:
    """The name of a list cut and sorted in this way: a cursor of another one does not fit."""
    return f"{name} {hashlib.sha256(repr(cut).encode()).hexdigest()[:12]}"


def key_of(after: str | None, *kinds: type | str) -> tuple[Any, ...] | None:
    """The key inside a cursor, checked to have values of these kinds.

    A kind that is a text must stand in the cursor as it is: the name of the list. The names are
    not part of the answer.

    Raises:
        BadCursor: if the cursor does not fit.
    """
    if not after:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        is_long_enough = isinstance(key, list) and len(key) == len(kinds)
        pairs = list(zip(key, kinds, strict=True)) if is_long_enough else []
        if pairs and all(_fits(value, kind) for value, kind in pairs):
            return tuple(kind(value) for value, kind in pairs if not isinstance(kind, str))
    except (ValueError, RecursionError):
        pass
    raise BadCursor(f"after='{after[:50]}' is no cursor of this list; pass `next` as it came")


def _fits(value: Any, kind: type | str) -> bool:
    if isinstance(kind, str):
        return bool(value == kind)
    if kind is float:
        return type(value) in {int, float} and abs(value) <= LARGEST_NUMBER
    if kind is int:
        return type(value) is int and abs(value) <= LARGEST_INTEGER
    if type(value) is str:
        storable(value)
    return type(value) is kind


def sort_kinds(sort: str | None) -> tuple[type, ...]:
    """What a cursor of a list that may be sorted holds before its keys; see ``sort_key``."""
    return (bool, float) if sort else ()


def sort_key(row: Mapping[Any, Any], sort: str | None) -> tuple[Any, ...]:
    """Of a list that is sorted: whether the row has a sort value, and the value."""
    value = row["sort_value"]
    return (value is not None, value or 0.0) if sort else ()


def page_of(
    rows: Sequence[Row], limit: int, key: Callable[[Row], tuple[Any, ...]]
) -> tuple[Sequence[Row], str | None]:
    """The page's rows and the next page's cursor, from rows read one beyond the limit."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor(key(rows[limit - 1]))
