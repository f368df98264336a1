"""Parameters that several operations share; the examples are of the sample."""

from typing import Annotated

from fastapi import Path, Query
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
