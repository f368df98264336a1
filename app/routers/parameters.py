"""Parameters that several operations share; the examples are of the sample."""

from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.exceptions import RequestValidationError

from app.schemas.common import Day, Id

SkuId = Annotated[
    Id, Path(description="商品コード", openapi_examples={"sample": {"value": "85123A"}})
]
OnlySku = Annotated[Id | None, Query(description="Only this SKU", examples=["85123A"])]
LocationId = Annotated[Id | None, Query(description="Only this location 拠点", examples=["EC"])]
Channel = Annotated[Id | None, Query(description="Only this channel 販路", examples=["ec"])]
AsOf = Annotated[
    Day | None,
    Query(description="Default: the last day with sales or stock", examples=["2011-12-09"]),
]


def invalid(*where: str, why: str) -> RequestValidationError:
    """The error for a value whose mistake a type cannot say."""
    return RequestValidationError([{"loc": where, "msg": why, "type": "value_error"}])


async def only_known_parameters(request: Request) -> None:
    """Refuse a parameter that the operation does not have or that stands twice.

    A misspelt filter that is passed over in silence answers with what nobody asked for.
    """
    if not request.scope["query_string"]:
        return
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            told = ", ".join(sorted(known)) or "none"
            raise invalid("query", name, why=f"is no parameter here; known: {told}")
        if name in seen:
            raise invalid("query", name, why="stands twice")
        seen.add(name)
