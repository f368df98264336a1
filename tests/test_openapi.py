"""The published promise: it is what the service does, complete, and with examples that fit."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import AsyncClient
from jsonschema_rs import Draft202012Validator, meta

from app.auth import Scope
from app.domain.campaign import Verdict
from app.domain.sell_hold import Decision
from app.domain.sell_through.target import SellOutVerdict, VerdictReason
from app.errors import CATALOGUE, name_of
from app.main import create_app
from app.models import JobStatus, OrderStatus
from app.openapi import api_routes
from app.schemas.campaigns import EffectBody
from app.schemas.jobs import JobBody
from app.schemas.order_lists import OrderListBody
from app.schemas.sell_through import VerdictName, VerdictReasonName
from app.schemas.sku import DecisionName
from app.settings import Settings

PROMISED = Path(__file__).resolve().parent.parent / "openapi" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")
PROMISED_PATHS = {
    "/health/live",
    "/health/ready",
    "/imports/{kind}",
    "/imports/{kind}/preview",
    "/imports/{import_id}",
    "/imports/{import_id}/rejects",
    "/mappings",
    "/mappings/{name}",
    "/jobs",
    "/jobs/{job_id}",
    "/jobs/{job_id}/events",
    "/inventory",
    "/inventory/ledger",
    "/inventory/movements",
    "/locations",
    "/suppliers",
    "/sales",
    "/sku",
    "/sku/{sku_id}",
    "/sku/{sku_id}/disposition",
    "/sku/{sku_id}/forecast",
    "/sku/{sku_id}/ltv",
    "/dispositions",
    "/ltv/segments",
    "/ltv/customers/{customer_id}",
    "/ltv/model",
    "/ltv/skus",
    "/order-lists",
    "/order-lists/{order_list_id}",
    "/order-lists/{order_list_id}/approve",
    "/order-lists/{order_list_id}/export",
    "/campaigns",
    "/campaigns/{campaign_id}",
    "/campaigns/{campaign_id}/measure",
    "/campaigns/{campaign_id}/effect",
    "/sku/{sku_id}/sell-through",
    "/styles/{style_id}/sell-through",
    "/styles/{style_id}/forecast",
    "/locations/{location_id}/sell-through",
    "/sell-through",
    "/policies",
    "/policies/{scope}",
}

APP = create_app("postgresql://nowhere/none", Settings())
DOCUMENT: dict[str, Any] = APP.openapi()
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}
each_operation = pytest.mark.parametrize("name", OPERATIONS)


def examples_of(part: dict[str, Any]) -> list[Any]:
    """The examples of a parameter or a media type."""
    found = [part["example"]] if "example" in part else []
    return found + [example["value"] for example in part.get("examples", {}).values()]


def check(value: Any, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole, validate_formats=True).validate(value)


def test_the_committed_document_is_what_the_service_says():
    assert json.loads(PROMISED.read_text()) == DOCUMENT, "run: zaiko openapi"


async def test_the_service_hands_the_same_document_out(client: AsyncClient):
    assert (await client.get("/openapi.json")).json() == DOCUMENT


def test_every_promised_path_is_there():
    assert PROMISED_PATHS - DOCUMENT["paths"].keys() == set()


def test_names_of_operations_are_unique_and_those_of_their_functions():
    routes = [context.original_route for context in iter_route_contexts(APP.routes)]
    published = [r for r in routes if isinstance(r, APIRoute) and r.include_in_schema]
    names = [route.endpoint.__name__ for route in published]
    assert len(set(names)) == len(names) == len(OPERATIONS)
    assert set(names) == OPERATIONS.keys() == api_routes(APP).keys()


@each_operation
def test_every_operation_says_what_it_does_and_who_may(name: str):
    _, path, operation = OPERATIONS[name]
    assert re.fullmatch(r"[A-Z].{14,}[^.]", operation["summary"])
    assert operation["summary"] != name.replace("_", " ").title()
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"]}
    who = operation["description"].rpartition("\n\n")[2]
    scope = operation.get("x-required-scope")
    if scope:
        assert Scope(scope)
        assert who == f"Scope: `{scope}`"
    elif path.startswith("/health/"):
        assert who == "No API key needed."
    else:
        assert path.startswith("/jobs")
        assert who == "Any API key will do."


@each_operation
def test_every_operation_names_its_problems(name: str):
    _, path, operation = OPERATIONS[name]
    expected = {"500"}
    expected |= {"401"} if "security" in operation else set()
    expected |= {"403"} if "x-required-scope" in operation else set()
    expected |= {"422"} if operation.get("parameters") or "requestBody" in operation else set()
    expected |= {"413"} if "requestBody" in operation else set()
    expected |= {"404"} if re.search(r"\{\w+_id\}", path) else set()
    assert expected <= operation["responses"].keys()
    expected |= {"503"} if "security" in operation else set()
    assert "x-raises" not in operation
    for status, response in operation["responses"].items():
        assert response["description"]
        if status >= "400" and (name, status) != ("get_readiness", "503"):
            [(kind, media)] = response["content"].items()
            assert kind == "application/problem+json"
            assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
            for slug, example in media["examples"].items():
                body = example["value"]
                check(body, media["schema"])
                assert (str(body["status"]), body["type"]) == (status, f"/problems/{slug}")
                assert "{" not in body["detail"] + body["instance"]


def test_every_error_of_the_catalogue_is_promised_somewhere():
    promised = set(re.findall(r'"/problems/([\w-]+)"', json.dumps(DOCUMENT["paths"])))
    assert {name_of(kind)[0] for kind in CATALOGUE} <= promised


@each_operation
def test_every_operation_has_examples_that_fit_its_schemas(name: str):
    _, _, operation = OPERATIONS[name]
    for parameter in operation.get("parameters", []):
        assert parameter.get("description"), f"parameter {parameter['name']} says nothing"
        examples = examples_of(parameter)
        assert examples, f"parameter {parameter['name']} has no example"
        for example in examples:
            check(example, parameter["schema"])
    if "requestBody" in operation:
        content = operation["requestBody"]["content"].values()
        assert any(examples_of(media) for media in content)
        for media in content:
            for example in examples_of(media):
                check(example, media["schema"])
    said = {status: r for status, r in operation["responses"].items() if status != "204"}
    success = [r for status, r in said.items() if status.startswith("2")]
    assert len(success) == 1
    for kind, media in success[0]["content"].items():
        assert examples_of(media), f"the answer as {kind} has no example"
        for example in examples_of(media):
            check(example, media.get("schema", {}))


def schemas_in(part: Any) -> set[str]:
    """Names of all schemas that a part of the document refers to, directly or not."""
    found = set(re.findall(r"#/components/schemas/([\w-]+)", json.dumps(part)))
    todo = set(found)
    while todo:
        more = schemas_directly_in(DOCUMENT["components"]["schemas"][todo.pop()]) - found
        found |= more
        todo |= more
    return found


def schemas_directly_in(part: Any) -> set[str]:
    return set(re.findall(r"#/components/schemas/([\w-]+)", json.dumps(part)))


def test_nothing_is_referred_to_that_is_not_there():
    assert schemas_in(DOCUMENT["paths"]) <= DOCUMENT["components"]["schemas"].keys()


def test_answers_have_neither_defaults_nor_optional_fields():
    answers = [op["responses"] for _, _, op in OPERATIONS.values()]
    for name in schemas_in(answers):
        schema = DOCUMENT["components"]["schemas"][name]
        fields = schema.get("properties", {})
        assert schema.get("required", []) == list(fields), name
        assert not any("default" in field for field in fields.values()), name


def test_requests_take_no_field_they_do_not_know():
    for _, _, operation in OPERATIONS.values():
        for media in operation.get("requestBody", {}).get("content", {}).values():
            for name in schemas_directly_in(media):
                assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_closed_lists_are_those_of_the_trade():
    published = {
        EffectBody.model_fields["verdict"].annotation: Verdict,
        DecisionName: Decision,
        JobBody.model_fields["status"].annotation: JobStatus,
        OrderListBody.model_fields["status"].annotation: OrderStatus,
        VerdictName: SellOutVerdict,
        VerdictReasonName: VerdictReason,
    }
    for literal, words in published.items():
        assert set(get_args(literal)) == {word.value for word in words}


def test_every_list_has_a_limit():
    for method, path, operation in OPERATIONS.values():
        answer = next(r for s, r in operation["responses"].items() if s.startswith("2"))
        if method == "get" and "Page_" in json.dumps(answer["content"]):
            limits = [p["schema"] for p in operation["parameters"] if p["name"] == "limit"]
            assert [limit["minimum"] for limit in limits] == [1], path
            assert limits[0]["maximum"] <= 10_000


def test_the_document_is_valid_openapi():
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["info"]["license"] == {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    assert DOCUMENT["components"]["securitySchemes"].keys() == {"ApiKey", "Bearer"}
    for schema in DOCUMENT["components"]["schemas"].values():
        meta.validate(schema)
