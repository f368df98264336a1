"""Parameters that several operations share; the examples are of the sample."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator

from app.domain.category_path import category_path
from app.queries.selection import Selection
from app.schemas.common import Day, Id, Text

SkuId = Annotated[
    Id, Path(description="商品コード", openapi_examples={"sample": {"value": "85123A"}})
]
StyleId = Annotated[
    Id, Path(description="商品番号", openapi_examples={"sample": {"value": "85123"}})
]
OnlySku = Annotated[Id | None, Query(description="Only this SKU", examples=["85123A"])]
LocationId = Annotated[Id | None, Query(description="Only this location 拠点", examples=["EC"])]
Channel = Annotated[Id | None, Query(description="Only this channel 販路", examples=["ec"])]
AsOf = Annotated[
    Day | None,
    Query(description="Default: the last day with sales or stock", examples=["2011-12-09"]),
]


def _any_or(name: str, value: str, description: str) -> Any:
    """A filter that, left empty, takes all."""
    examples: dict[str, Any] = {"all": {"value": ""}, name: {"value": value}}
    return Query(max_length=200, description=description, openapi_examples=examples)


OnlyStyle = Annotated[Text | None, _any_or("one", "85123", "Only this style 商品番号")]
Category = Annotated[
    Annotated[Text, AfterValidator(category_path)] | None,
    _any_or(
        "a branch",
        "Ladies",
        "This category and all below it: Ladies/Coats too. Levels may be separated by > as well",
    ),
]
SeasonCode = Annotated[Text | None, _any_or("one", "2026SS", "Only this season シーズン")]
Brand = Annotated[Text | None, _any_or("one", "House", "Only this brand ブランド")]
Search = Annotated[Text | None, _any_or("some", "HEART", "In id, style or name")]
OnlyItemClass = Annotated[
    Literal["staple", "seasonal", "service"] | None, Query(description="Only this 商品区分")
]


def selection(
    sku_id: OnlySku = None,
    style_id: OnlyStyle = None,
    category: Category = None,
    season_code: SeasonCode = None,
    item_class: OnlyItemClass = None,
    brand: Brand = None,
    search: Search = None,
    location_id: LocationId = None,
    channel: Channel = None,
) -> Selection:
    """The filters that all views have."""
    return Selection(
        sku_id=sku_id,
        style_id=style_id or None,
        category=category or None,
        season_code=season_code or None,
        item_class=item_class,
        brand=brand or None,
        search=search or None,
        location_id=location_id,
        channel=channel,
    )


Selected = Annotated[Selection, Depends(selection)]
Format = Annotated[
    Literal["json", "csv"],
    Query(description="csv is the whole list, whatever `limit` and `after`: up to 1,000,000 rows"),
]
Encoding = Annotated[
    Literal["utf-8", "cp932"], Query(description="Of the CSV; utf-8 comes with a BOM, for Excel")
]


def sort_by(columns: Iterable[str], *, example: str) -> Any:
    """The parameter that orders a list by a column; what it takes is checked by ``sort_of``."""
    names = "|".join(columns)
    return Query(
        max_length=50,
        json_schema_extra={"pattern": f"^-?({names})$"},
        description=f"One of {names.replace('|', ', ')}; with - in front the largest first."
        " Rows without a value come last",
        examples=[example],
    )


def sort_of(sort: str | None, columns: Iterable[str]) -> tuple[str | None, bool]:
    """The column to sort by, and whether it falls."""
    if sort is None:
        return None, False
    name = sort.removeprefix("-")
    if name not in columns:
        raise invalid("query", "sort", why=f"'{name}' is not one of {', '.join(columns)}")
    return name, sort.startswith("-")


def invalid(*where: str, why: str) -> RequestValidationError:
    """The error for a value whose mistake a type cannot say."""
    return RequestValidationError([{"loc": where, "msg": why, "type": "value_error"}])
