"""Every error a caller can meet: one row each, answered as RFC 9457 problem details."""

import re
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.auth import MissingScope, Unauthenticated
from app.domain.policy import PolicyError
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

log = structlog.get_logger()

STATUS: dict[type[Exception], int] = {
    BadCursor: 422,
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
    errors: list[Any] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    body = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "errors": errors or [],
    }
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM_JSON)


def _slug(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


async def answer_error(request: Request, error: Exception) -> JSONResponse:
    kind = type(error)
    status = STATUS[kind]
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    title = (kind.__doc__ or kind.__name__).strip().splitlines()[0]
    return problem(
        request, status, slug=_slug(kind.__name__), title=title, detail=str(error), headers=headers
    )


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """Unknown paths, wrong methods, and what Starlette itself refuses."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND and detail == phrase:
        detail = f"there is nothing at {request.url.path}; see /docs"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not allowed here"
    headers = dict(error.headers) if error.headers else None
    slug = phrase.lower().replace(" ", "-")
    return problem(
        request, error.status_code, slug=slug, title=f"{phrase}.", detail=detail, headers=headers
    )


async def answer_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = jsonable_encoder(
        [{"loc": e["loc"], "msg": e["msg"], "type": e["type"]} for e in error.errors()]
    )
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    return problem(
        request,
        422,
        slug="invalid-request",
        title="The request does not fit the schema.",
        detail=f"{where}: {first['msg']}",
        errors=errors,
    )


async def answer_unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return problem(
        request,
        500,
        slug="internal-error",
        title="Something went wrong here.",
        detail="the service's log says more",
    )


def install(app: FastAPI) -> None:
    for kind in STATUS:
        app.add_exception_handler(kind, answer_error)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_exception_handler(Exception, answer_unexpected)
