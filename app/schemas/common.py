"""Pages and unit types shared by all bodies."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Item = TypeVar("Item")


class Body(BaseModel):
    """A published answer: read from rows or mappings, every field always present."""

    model_config = ConfigDict(from_attributes=True)


class Page(Body, Generic[Item]):
    items: list[Item]
    next: str | None = Field(description="Pass as `after` for the next page; null on the last.")


Money = Annotated[float, PlainSerializer(lambda x: round(x, 2), return_type=float)]
Ratio = Annotated[float, PlainSerializer(lambda x: round(x, 4), return_type=float)]
Quantity = Annotated[float, PlainSerializer(lambda x: round(x, 2), return_type=float)]
