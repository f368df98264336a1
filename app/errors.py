"""Every error a caller can meet: one row each, answered as RFC 9457 problem details."""

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException

from app.auth import MissingScope, Unauthenticated
from app.domain.policy import PolicyError
from app.routers.body_limit import BodyTooLarge
from app.routers.missing import (
    NoBuyerLtv,
    NoLtvModel,
    NotEvaluated,
    NotForecast,
    UnknownCustomer,
    UnknownImport,
    UnknownJob,
    UnknownSku,
)
from app.routers.paging import BadCursor
from app.routers.uploads import UploadTooLarge, WrongUpload
from app.schemas.csv import Unencodable
from app.schemas.problem import PROBLEM_JSON
from app.services.campaigns import CampaignUnmeasured, UnknownCampaign, UnknownSkus
from app.services.importing import UnknownProfile
from app.services.ordering import (
    IdempotencyConflict,
    NothingToOrder,
    UnknownLocation,
    UnknownOrderList,
)
from app.services.policies import StalePolicy, UnknownScope

STATUS: dict[type[Exception], int] = {
    BadCursor: 422,
    BodyTooLarge: 413,
    CampaignUnmeasured: 404,
    IdempotencyConflict: 409,
    MissingScope: 403,
    NoBuyerLtv: 404,
    NoLtvModel: 404,
    NotEvaluated: 404,
    NotForecast: 404,
    NothingToOrder: 409,
    PolicyError: 422,
    StalePolicy: 412,
    Unauthenticated: 401,
    Unencodable: 409,
    UnknownCampaign: 404,
    UnknownCustomer: 404,
    UnknownImport: 404,
    UnknownJob: 404,
    UnknownLocation: 404,
    UnknownOrderList: 404,
    UnknownProfile: 422,
    UnknownScope: 404,
    UnknownSku: 404,
    UnknownSkus: 422,
    UploadTooLarge: 413,
    WrongUpload: 422,
}


def problem(
    request: Request,
    status: int,
    *,
    slug: str,
    title: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": quote(request.scope["path"]),
        "errors": errors or [],
    }
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM_JSON)


def _slug(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


async def answer_error(request: Request, error: Exception) -> Response:
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    status = STATUS[kind]
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    title = (kind.__doc__ or kind.__name__).strip().splitlines()[0]
    return problem(
        request, status, slug=_slug(kind.__name__), title=title, detail=str(error), headers=headers
    )


async def answer_http(request: Request, error: Exception) -> Response:
    """Unknown paths, wrong methods, and what Starlette itself refuses."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND and detail == phrase:
        detail = f"there is nothing at {request.url.path}; see /docs"
    headers = dict(error.headers) if error.headers else {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not allowed here"
        headers["Allow"] = ", ".join(_allowed_methods(request))
    slug = phrase.lower().replace(" ", "-")
    return problem(
        request, error.status_code, slug=slug, title=f"{phrase}.", detail=detail, headers=headers
    )


def _allowed_methods(request: Request) -> list[str]:
    """The methods of every route with this path; Starlette names those of one only."""
    routes = [context.original_route for context in iter_route_contexts(request.app.routes)]
    matching = [
        route
        for route in routes
        if isinstance(route, APIRoute) and route.path_regex.match(request.scope["path"])
    ]
    return sorted({method for route in matching for method in route.methods or ()})


async def answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {
            "loc": list(found["loc"]),
            "msg": found["msg"].removeprefix("Value error, "),
            "type": found["type"],
        }
        for found in error.errors()
    ]
    where = ".".join(str(part) for part in errors[0]["loc"])
    return problem(
        request,
        422,
        slug="invalid-request",
        title="The request does not fit the schema.",
        detail=f"{where}: {errors[0]['msg']}",
        errors=errors,
    )


async def answer_unexpected(request: Request, _: Exception) -> Response:
    return problem(
        request,
        500,
        slug="internal-error",
        title="Something went wrong here.",
        detail="the service's log says more, under the id in the header X-Request-Id",
    )


def install(app: FastAPI) -> None:
    """Answer every error as a problem; ``RequestLog`` answers the unexpected ones."""
    for kind in STATUS:
        app.add_exception_handler(kind, answer_error)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_validation)
