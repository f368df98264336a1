"""Pages, and the types of ids, text, days, money and units that all bodies share."""

import re
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

Item = TypeVar("Item")


class Body(BaseModel):
    """A published answer: read from rows or mappings, every field always present."""

    model_config = ConfigDict(from_attributes=True)


class Page(Body, Generic[Item]):
    items: list[Item]
    next: str | None = Field(description="Pass as `after` for the next page; null on the last.")


def storable(text: str) -> str:
    """The text itself, if PostgreSQL can keep it.

    Raises:
        ValueError: if it holds the character NUL, or half of a character (a lone surrogate).
    """
    if "\x00" in text:
        raise ValueError("must not contain the character NUL")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain half of a character")
    return text


def _as_written(value: object) -> object:
    if type(value) is date or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise ValueError("write the date as YYYY-MM-DD")


_NO_NUL: dict[str, Any] = {"pattern": r"^[^\u0000]*$"}

Text = Annotated[str, Field(json_schema_extra=_NO_NUL), AfterValidator(storable)]
Id = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra=_NO_NUL),
    AfterValidator(storable),
]
Day = Annotated[date, BeforeValidator(_as_written)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


def _rounded(digits: int) -> PlainSerializer:
    return PlainSerializer(lambda x: round(x, digits) + 0.0, return_type=float)  # never -0.0


Money = Annotated[float, _rounded(2)]
UnitMoney = Annotated[float, _rounded(4)]
Ratio = Annotated[float, _rounded(4)]
Quantity = Annotated[float, _rounded(2)]
