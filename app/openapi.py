"""The published promise: FastAPI's document, with problems, scopes, and examples that are true."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from app.auth import MissingScope, Scope, Unauthenticated
from app.errors import (
    CATALOGUE,
    INTERNAL,
    INVALID,
    SEE_LOG,
    Unavailable,
    name_of,
    problem,
    status_of,
)
from app.routers.body_limit import BodyTooLarge
from app.routers.paging import BadCursor
from app.schemas.problem import PROBLEM_JSON, RAISES, Problem

# What the service answered to the documented examples on the sample, cut short;
# ``python -m tests.sample_answers`` asks again and writes it anew.
ANSWERS = Path(__file__).parent / "sample" / "answers.json"
SECURITY = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of this service",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key as a bearer token",
    },
}

PROBLEM = {"$ref": "#/components/schemas/Problem"}
MEANING = {
    400: "The request cannot be read",
    401: "No valid API key",
    403: "The key lacks the scope",
    404: "There is no such thing",
    409: "It conflicts with the present state",
    412: "It was changed since it was read",
    413: "The body is larger than allowed",
    422: "A value is missing or wrong",
    500: "An error of the service",
    503: "It cannot be answered now; try again in some seconds",
    507: "The disk is full",
}

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
    {
        "name": "sell-through",
        "description": "消化予測: when stock is sold out, and is that in time",
    },
    {"name": "inventory", "description": "在庫と売上"},
    {"name": "ltv", "description": "顧客生涯価値"},
    {"name": "forecasts", "description": "需要予測の実行と精度"},
    {"name": "order lists", "description": "発注リスト"},
    {"name": "campaigns", "description": "販促施策の効果測定"},
    {"name": "policies", "description": "判定ポリシー"},
    {"name": "imports", "description": "取込"},
    {"name": "jobs", "description": "ジョブ"},
    {"name": "health", "description": "稼働状況"},
]


def scope_of(dependant: Dependant) -> str | None:
    """The scope a route asks for, found among its dependencies."""
    return next((str(scope) for scope in _asked(dependant) if scope is not None), None)


def asks_for_key(dependant: Dependant) -> bool:
    """Whether a route is closed to callers without an API key."""
    return bool(_asked(dependant))


def _asked(dependant: Dependant) -> list[Scope | None]:
    """What the ``requires`` among a route's dependencies ask for; None is any key."""
    calls = [inner.call for inner in _all_dependencies(dependant)]
    return [call.__dict__["scope"] for call in calls if "scope" in getattr(call, "__dict__", {})]


def _all_dependencies(dependant: Dependant) -> list[Dependant]:
    direct = dependant.dependencies
    return [*direct, *(found for inner in direct for found in _all_dependencies(inner))]


def api_routes(app: FastAPI) -> dict[str, APIRoute]:
    """Every published route under its operation id, which is its function's name."""
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    return {
        route.name: route
        for route in routes
        if isinstance(route, APIRoute) and route.include_in_schema
    }


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
    components = document["components"]
    components["securitySchemes"] = SECURITY
    schemas = components["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    routes = api_routes(app)
    answers = json.loads(ANSWERS.read_text()) if ANSWERS.exists() else {}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            name = operation["operationId"]
            _describe(operation, routes[name].dependant)
            _list_problems(path, operation)
            _give_examples(operation, schemas, answers.get(name, {}))
    return document


def _describe(operation: dict[str, Any], dependant: Dependant) -> None:
    """The docstring's first paragraph as the summary; below it the rest, and who may call."""
    first, _, rest = operation["description"].partition("\n\n")
    operation["summary"] = " ".join(first.split()).rstrip(".")
    scope = scope_of(dependant)
    if scope:
        operation["x-required-scope"] = scope
        who = f"Scope: `{scope}`"
    else:
        who = "Any API key will do." if asks_for_key(dependant) else "No API key needed."
    if asks_for_key(dependant):
        operation["security"] = [{name: []} for name in SECURITY]
    operation["description"] = f"{rest}\n\n{who}".strip()


def _list_problems(path: str, operation: dict[str, Any]) -> None:
    """Every problem the operation may answer with, each under its status with an example."""
    known = {kind.__name__: kind for kind in CATALOGUE}
    kinds = [known[name] for name in operation.pop(RAISES, [])]
    parameters = operation.get("parameters", [])
    if "security" in operation:
        kinds += [Unauthenticated, Unavailable]
    if "x-required-scope" in operation:
        kinds.append(MissingScope)
    if any(parameter["name"] == "after" for parameter in parameters):
        kinds.append(BadCursor)
    takes_json = "application/json" in operation.get("requestBody", {}).get("content", {})
    if takes_json:
        kinds.append(BodyTooLarge)
    nobody = {p["name"]: "X1" if _is_text(p["schema"]) else 999 for p in parameters}
    words = {**nobody, "required_scope": operation.get("x-required-scope")}
    where = path.format_map(nobody)
    found = [
        problem(status_of(kind), name_of(kind), CATALOGUE[kind][1].format_map(words), path=where)
        for kind in kinds
    ]
    if takes_json:
        unread = "There was an error parsing the body"
        found.append(problem(400, ("bad-request", "Bad Request."), unread, path=where))
    if "security" in operation:
        found.append(_unknown_parameter(parameters, where))
    found.append(problem(500, INTERNAL, SEE_LOG, path=where))
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own description of it is not what we answer
    for body in found:
        status = str(body["status"])
        content = responses.setdefault(
            status,
            {
                "description": MEANING[body["status"]],
                "content": {PROBLEM_JSON: {"schema": PROBLEM, "examples": {}}},
            },
        )["content"]
        slug = body["type"].rpartition("/")[2]
        content[PROBLEM_JSON]["examples"][slug] = {"summary": body["title"], "value": body}
    operation["responses"] = dict(sorted(responses.items()))


def _is_text(schema: dict[str, Any]) -> bool:
    return schema.get("type") != "integer"


def _unknown_parameter(parameters: list[dict[str, Any]], path: str) -> dict[str, Any]:
    known = sorted(p["name"] for p in parameters if p["in"] == "query")
    why = f"is no parameter here; known: {', '.join(known) or 'none'}"
    wrong = {"loc": ["query", "colour"], "msg": why, "type": "value_error"}
    return problem(422, INVALID, f"query.colour: {why}", path=path, errors=[wrong])


def _give_examples(
    operation: dict[str, Any], schemas: dict[str, Any], answers: dict[str, Any]
) -> None:
    """Bring examples from the schemas to where every reader of the document looks for them."""
    for parameter in operation.get("parameters", []):
        found = _examples_in(parameter["schema"])
        if found and not {"example", "examples"} & parameter.keys():
            parameter["example"] = found[0]
    for media in operation.get("requestBody", {}).get("content", {}).values():
        name = media["schema"].get("$ref", "").rpartition("/")[2]
        examples = schemas.get(name, {}).get("examples")
        if examples and "example" not in media:
            media["example"] = examples[0]
    for status, response in operation["responses"].items():
        for kind, media in response.get("content", {}).items():
            if status.startswith("2") and kind in answers:
                media["example"] = answers[kind]


def _examples_in(schema: dict[str, Any]) -> list[Any]:
    """Values that fit: those given, else the default, else the first of a closed list."""
    if schema.get("examples"):
        return list(schema["examples"])
    if schema.get("default") is not None:
        return [schema["default"]]
    closed = [schema, *schema.get("anyOf", [])]
    return [choice["enum"][0] for choice in closed if choice.get("enum")]
