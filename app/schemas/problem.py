"""RFC 9457 problem details: the one shape of every error."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

PROBLEM_JSON = "application/problem+json"


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


MEANING = {
    400: "The request cannot be read",
    401: "No valid API key",
    403: "The key lacks the scope",
    404: "There is no such thing",
    409: "It conflicts with the present state",
    412: "It was changed since it was read",
    413: "The body is larger than allowed",
    422: "A value is missing or wrong",
}


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of a route: which problems it may answer with."""
    return {
        code: {
            "description": MEANING.get(code, HTTPStatus(code).phrase),
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for code in (*codes, 500)
    }
