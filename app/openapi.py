"""The published promise: FastAPI's document plus the problem shape and each route's scope."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.schemas.problem import PROBLEM_JSON, Problem

DESCRIPTION = """
Joins inventory with customer lifetime value (LTV) and says, per SKU, which excess to sell now
(売るべき過剰在庫) and which to hold (寝かせる在庫) for the customers who are worth it.

Press **Authorize** and paste the key that `make run` prints. Every error is
`application/problem+json`. Lists page by key: pass `next` as `after`. Answers that rest on
assumed stock or cost carry the flags `derived_stock` and `derived_cost`.
"""
TAGS = [
    {"name": "sku", "description": "One SKU: verdict, forecast, buyers' LTV"},
    {"name": "dispositions", "description": "在庫判定: all verdicts"},
    {"name": "inventory", "description": "在庫と売上"},
    {"name": "ltv", "description": "顧客生涯価値"},
    {"name": "order lists", "description": "発注リスト"},
    {"name": "campaigns", "description": "販促施策の効果測定"},
    {"name": "policies", "description": "判定ポリシー"},
    {"name": "imports", "description": "取込"},
    {"name": "jobs", "description": "ジョブ"},
    {"name": "health", "description": "稼働状況"},
]


def scope_of(dependant: Dependant) -> str | None:
    """The scope a route asks for, found among its dependencies."""
    for inner in dependant.dependencies:
        scope = getattr(inner.call, "scope", None)
        if scope is not None:
            return str(scope)
        found = scope_of(inner)
        if found:
            return found
    return None


def api_routes(app: FastAPI) -> dict[str, APIRoute]:
    """Every published route under its operation id."""
    return {
        route.operation_id or route.name: route
        for route in _routes(app.routes)
        if route.include_in_schema
    }


def _routes(routes: list[Any]) -> list[APIRoute]:
    return [route for route in routes if isinstance(route, APIRoute)]


def install(app: FastAPI) -> None:
    """Make ``app.openapi()`` answer with the whole promise."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION.strip(),
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = document["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    invalid = {"$ref": "#/components/schemas/Problem"}
    scopes = {name: scope_of(route.dependant) for name, route in api_routes(app).items()}
    for operations in document["paths"].values():
        for operation in operations.values():
            content = operation.get("responses", {}).get("422", {}).get("content", {})
            if "application/json" in content:
                del content["application/json"]
                content[PROBLEM_JSON] = {"schema": invalid}
            scope = scopes[operation["operationId"]]
            if scope:
                text = operation.get("description", "")
                operation["description"] = f"{text}\n\nScope: `{scope}`".strip()
                operation["x-required-scope"] = scope
    return document
