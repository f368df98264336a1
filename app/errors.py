"""Every error a caller can meet: one row each, answered as RFC 9457 problem details."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app.auth import MissingScope, Unauthenticated
from app.database import is_lost, is_out_of_room
from app.domain.policy_value import PolicyError
from app.routers.body_limit import BodyTooLarge
from app.routers.missing import (
    NoBuyerLtv,
    NoLtvModel,
    NotEvaluated,
    NotForecast,
    RowsNotKept,
    UnknownCustomer,
    UnknownForecastRun,
    UnknownImport,
    UnknownJob,
    UnknownLocations,
    UnknownSku,
    UnknownStyle,
)
from app.routers.paging import BadCursor
from app.routers.streams import TooManyStreams
from app.routers.uploads import NoRoom, UploadTooLarge, WrongUpload
from app.schemas.csv import Unencodable
from app.schemas.problem import PROBLEM_JSON
from app.schemas.sheet import TooManyRows
from app.services.campaigns import CampaignUnmeasured, UnknownCampaign, UnknownSkus
from app.services.imports.csv_text import UnreadableFile
from app.services.imports.definitions import ProfileError
from app.services.imports.mappings import (
    BuiltInMapping,
    OtherKind,
    StaleMapping,
    UnknownMapping,
    UnknownProfile,
)
from app.services.imports.matching import UnusableColumns
from app.services.ordering import (
    IdempotencyConflict,
    NothingToOrder,
    OutsideForecast,
    UnknownLocation,
    UnknownOrderList,
)
from app.services.policies import StalePolicy, UnknownScope


class Unavailable(Exception):
    """The database does not answer."""


# status, and an example of the detail; {names} are those of the path
CATALOGUE: dict[type[Exception], tuple[int, str]] = {
    BadCursor: (422, "after='abc' is no cursor of this list; pass `next` as it came"),
    BodyTooLarge: (413, "a request may carry 1 MB"),
    BuiltInMapping: (409, "'yahoo_quantity' is built in; store yours under a name of its own"),
    CampaignUnmeasured: (404, "POST /campaigns/{campaign_id}/measure first"),
    IdempotencyConflict: (409, "send a new Idempotency-Key for another request"),
    MissingScope: (403, "this operation needs the scope {required_scope}"),
    NoBuyerLtv: (404, "sku_id '{sku_id}' has no identified buyer"),
    NoLtvModel: (404, "run an evaluation first"),
    NoRoom: (507, "the disk is full; nothing of the upload was kept"),
    NotEvaluated: (404, "sku_id '{sku_id}' has no verdict: it has no list price"),
    NotForecast: (404, "sku_id '85123A' has no forecast: it has sold at other locations only: EC"),
    NothingToOrder: (
        409,
        "none of 4868 items has to be ordered: 4584 enough_stock, 284 no_demand",
    ),
    OtherKind: (409, "'{name}' is for stock, not sales; take another name"),
    OutsideForecast: (
        409,
        "the forecast in force begins after 2011-12-09, which is later than 2011-06-30: evaluate",
    ),
    PolicyError: (422, "holding_rate = 3 is outside its range 0 to 2"),
    RowsNotKept: (404, "the file of import {import_id} has not been read, or could not be"),
    ProfileError: (422, "definition.units.unit_price.multiply: must be a number"),
    StaleMapping: (412, "version 2 is the newest, not 1"),
    StalePolicy: (412, "version 2 is in force, not 1"),
    TooManyRows: (422, "more than 1000000 rows; ask for some of them"),
    TooManyStreams: (503, "100 streams are open; ask now and then without /events"),
    Unauthenticated: (401, "send an API key in the header X-API-Key"),
    Unavailable: (503, "try again in some seconds"),
    Unencodable: (409, "line 7: '𠮷' (U+20BB7) does not exist in cp932; export as utf-8"),
    UnknownCampaign: (404, "campaign {campaign_id} does not exist"),
    UnknownCustomer: (404, "this customer_id has no purchases that could be valued"),
    UnknownForecastRun: (404, "forecast run {run_id} does not exist"),
    UnknownImport: (404, "import {import_id} does not exist"),
    UnknownJob: (404, "job {job_id} does not exist"),
    UnknownLocation: (404, "location_id 'OSAKA' is not known"),
    UnknownLocations: (422, "location_ids that are not known: OSAKA"),
    UnknownMapping: (404, "mapping '{name}' does not exist"),
    UnknownOrderList: (404, "order list {order_list_id} does not exist"),
    UnknownProfile: (422, "mapping 'x' is not known for sales; known: online_retail_ii"),
    UnknownScope: (404, "scope '{scope}' is not kept; known: tenant, category:…, season:…"),
    UnknownSku: (404, "sku_id '{sku_id}' is not in the catalogue"),
    UnknownSkus: (422, "sku_ids not in the catalogue: X1"),
    UnknownStyle: (404, "no SKU is of style_id '{style_id}'"),
    UnreadableFile: (422, "this is a workbook or zip archive; save the sheet as CSV"),
    UnusableColumns: (422, "missing column 'sku_id' for sales; the file has: order_id, sold_at"),
    UploadTooLarge: (
        413,
        "the upload is larger than 512 MB; split it, gzip it, or raise ZAIKO_UPLOAD_LIMIT_MB",
    ),
    WrongUpload: (422, "the form has no file in its field 'file'"),
}


HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}
INVALID = ("invalid-request", "The request does not fit the schema.")
INTERNAL = ("internal-error", "Something went wrong here.")
MOST_ERRORS = 100  # told of one request
SEE_LOG = "the service's log says more, under the id in the header X-Request-Id"


def status_of(kind: type[Exception]) -> int:
    return CATALOGUE[kind][0]


def name_of(kind: type[Exception]) -> tuple[str, str]:
    """The slug and the title under which callers know an error."""
    slug = re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()
    return slug, (kind.__doc__ or kind.__name__).strip().splitlines()[0]


def problem(
    status: int,
    name: tuple[str, str],
    detail: str,
    *,
    path: str,
    errors: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The body of a problem; ``name`` is slug and title."""
    return {
        "type": f"/problems/{name[0]}",
        "title": name[1],
        "status": status,
        "detail": detail,
        "instance": quote(path),
        "errors": list(errors),
    }


def _answer(
    request: Request,
    status: int,
    name: tuple[str, str],
    detail: str,
    *,
    errors: Sequence[dict[str, Any]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    body = problem(status, name, detail, path=request.scope["path"], errors=errors)
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM_JSON)


async def answer_error(request: Request, error: Exception) -> Response:
    kind = next(kind for kind in type(error).__mro__ if kind in CATALOGUE)
    status = status_of(kind)
    return _answer(request, status, name_of(kind), str(error), headers=HEADERS.get(status))


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
    name = (phrase.lower().replace(" ", "-"), f"{phrase}.")
    return _answer(request, error.status_code, name, detail, headers=headers)


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
        {"loc": list(found["loc"]), "msg": _told(found, request), "type": found["type"]}
        for found in error.errors()[:MOST_ERRORS]
    ]
    where = ".".join(str(part) for part in errors[0]["loc"])
    return _answer(request, 422, INVALID, f"{where}: {errors[0]['msg']}", errors=errors)


def _told(found: dict[str, Any], request: Request) -> str:
    """What is wrong with a value, in words that do not presume our classes."""
    if found["loc"] == ("body",) and found["type"] == "model_attributes_type":
        if not isinstance(found["input"], bytes):  # it was JSON
            return "must be a JSON object"
        sent = request.headers.get("Content-Type", "none")
        return f"must be JSON, with the header Content-Type: application/json; it was {sent}"
    return str(found["msg"]).removeprefix("Value error, ")


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """What nobody has foreseen, but for what a database on a real machine may come to."""
    if is_lost(error) or isinstance(error, PoolTimeout):
        return await answer_error(request, Unavailable("try again in some seconds"))
    if is_out_of_room(error):
        return await answer_error(request, NoRoom("the disk is full"))
    return _answer(request, 500, INTERNAL, SEE_LOG)


def install(app: FastAPI) -> None:
    """Answer every error as a problem; ``RequestLog`` answers the unexpected ones."""
    for kind in CATALOGUE:
        app.add_exception_handler(kind, answer_error)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(RequestValidationError, answer_validation)
