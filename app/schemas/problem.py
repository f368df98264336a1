"""RFC 9457 problem details: the one shape of every error."""

from typing import Any

from pydantic import BaseModel, Field

PROBLEM_JSON = "application/problem+json"
RAISES = "x-raises"  # in a route's operation, until the document is made


class FieldProblem(BaseModel):
    loc: list[str | int] = Field(description="Where: body, query, path or header, then the field.")
    msg: str
    type: str


class Problem(BaseModel):
    """What went wrong, for people and for programs."""

    type: str = Field(description="Names the kind of problem.", examples=["/problems/unknown-sku"])
    title: str = Field(examples=["No SKU has this id."])
    status: int = Field(examples=[404])
    detail: str = Field(description="This case.", examples=["sku_id 'X1' is not in the catalogue"])
    instance: str = Field(description="The path asked for.", examples=["/sku/X1"])
    errors: list[FieldProblem] = Field(
        description="One entry a field, when the request itself is wrong."
    )


def raises(*kinds: type[Exception]) -> dict[str, Any]:
    """The ``openapi_extra=`` of a route: which errors of its own it may answer with.

    Those that any operation like it may answer with (keys, scopes, what does not fit the schema)
    are added in ``app.openapi``.
    """
    return {RAISES: [kind.__name__ for kind in kinds]}
