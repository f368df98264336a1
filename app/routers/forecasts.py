"""Forecast runs: asked for, looked at, measured."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Header, Path, Query, Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import Scope
from app.database import Session
from app.domain.forecasting.settings import ForecastSettings
from app.models import ForecastRun
from app.queries import forecasts, inventory
from app.routers.access import requires
from app.routers.missing import UnknownForecastRun, UnknownLocations
from app.routers.paging import After, Limit, key_of, page_of
from app.routers.parameters import invalid
from app.schemas.common import Page, Text
from app.schemas.forecasts import (
    AccuraciesBody,
    AccuracyBody,
    FindingBody,
    FindingName,
    ForecastRequest,
    ForecastRunBody,
)
from app.schemas.jobs import AcceptedBody
from app.schemas.problem import raises
from app.services.campaigns import UnknownSkus
from app.services.forecasting.asking import ask_for_run
from app.services.forecasting.runs import LEAD_TIME
from app.services.ordering import IdempotencyConflict
from app.settings import Settings

router = APIRouter(prefix="/forecasts", tags=["forecasts"])

ALL_DEFAULTS = ForecastRequest()
TOLD = 10  # unknown SKUs or locations named in an error
RunId = Annotated[
    int, Path(ge=1, le=2**62, description="予測番号", openapi_examples={"sample": {"value": 1}})
]


def _named(unknown: set[str]) -> str:
    """Ids that are not known, the first of them by name."""
    more = f" and {len(unknown) - TOLD} more" if len(unknown) > TOLD else ""
    return ", ".join(sorted(unknown)[:TOLD]) + more


async def _known(session: AsyncSession, run_id: int) -> ForecastRun:
    run = await forecasts.forecast_run(session, run_id)
    if run is None:
        raise UnknownForecastRun(f"forecast run {run_id} does not exist")
    return run


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=AcceptedBody,
    openapi_extra=raises(UnknownSkus, UnknownLocations, IdempotencyConflict),
    dependencies=[requires(Scope.FORECAST_WRITE)],
)
async def create_forecast(
    http: Request,
    response: Response,
    session: Session,
    request: Annotated[ForecastRequest, Body()] = ALL_DEFAULTS,
    idempotency_key: Annotated[
        Text | None,
        Header(
            min_length=1,
            max_length=200,
            description="Send again with it: the same job, also when it has ended",
            examples=["erp-2011-12-09"],
        ),
    ] = None,
) -> dict[str, Any]:
    """Forecast demand anew, of everything or of some SKUs and locations.

    It begins when all imports sent before it have ended; its forecasts come into force together,
    in place of those in force, also where these are of a later day: a run `as_of` a day gone by
    takes the shop back to that day. With `in_force` false it only measures, and changes nothing.
    The same asked for again while it waits is answered with the job that waits; with an
    `Idempotency-Key`, with the job that this key brought.
    """
    settings: Settings = http.app.state.settings
    if request.as_of and request.as_of > datetime.now(ZoneInfo(settings.timezone)).date():
        raise invalid("body", "as_of", why=f"{request.as_of} lies in the future")
    if request.sku_ids is not None:
        unknown = set(request.sku_ids) - await inventory.known_skus(session, request.sku_ids)
        if unknown:
            raise UnknownSkus(f"sku_ids not in the catalogue: {_named(unknown)}")
    if request.location_ids is not None:
        known = await inventory.known_locations(session, request.location_ids)
        nowhere = set(request.location_ids) - known
        if nowhere:
            raise UnknownLocations(f"location_ids that are not known: {_named(nowhere)}")
    payload = {
        "sku_ids": sorted(set(request.sku_ids)) if request.sku_ids else None,
        "location_ids": sorted(set(request.location_ids)) if request.location_ids else None,
        "horizon_weeks": request.horizon_weeks,
        "as_of": request.as_of.isoformat() if request.as_of else None,
        "in_force": request.in_force,
    }
    job = await ask_for_run(session, payload, idempotency_key=idempotency_key)
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return {"job_id": job.job_id, "import_id": None}


@router.get(
    "",
    response_model=Page[ForecastRunBody],
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def list_forecasts(
    session: Session, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Forecast runs, the newest first."""
    key = key_of(after, "forecasts", int)
    rows = await forecasts.runs_page(session, limit=limit + 1, after=key[0] if key else None)
    page, following = page_of(rows, limit, lambda run: ("forecasts", run.forecast_run_id))
    return {"items": page, "next": following}


@router.get(
    "/{run_id}",
    response_model=ForecastRunBody,
    openapi_extra=raises(UnknownForecastRun),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def get_forecast_run(run_id: RunId, session: Session) -> ForecastRun:
    """One run: what it was for, whether it is in force, what came of it."""
    return await _known(session, run_id)


@router.get(
    "/{run_id}/accuracy",
    response_model=AccuraciesBody,
    openapi_extra=raises(UnknownForecastRun),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def get_forecast_accuracy(run_id: RunId, session: Session) -> dict[str, Any]:
    """How near the forecast would have come to the last four weeks, had it not seen them.

    By demand class, horizon and model; beside what is in force stand the models it is to beat.
    Judged by what was really sold, bulk orders and promoted days included; returns are taken off
    the day of their purchase, and periods in which goods ran out are left out. The history before
    those weeks is cleaned with a little knowledge of them: outlier thresholds, filled gaps and
    returns are of all of the history. Empty where the history is too short to tell.
    """
    run = await _known(session, run_id)
    tested = timedelta(days=ForecastSettings().origin_days - 1)
    measured = await forecasts.accuracies(session, run_id)
    return {
        "forecast_run_id": run_id,
        "as_of": run.as_of,
        "tested_from": run.as_of - tested,
        "items": [
            {name: row.measures.get(name) for name in AccuracyBody.model_fields}
            | {"model": row.model, "demand_class": row.demand_class, "horizon": row.horizon}
            for row in measured
            if row.model != LEAD_TIME
        ],
        "lead_times": [
            {
                "demand_class": row.demand_class,
                "days": int(row.horizon.partition("-")[2]),
                **row.measures,
            }
            for row in measured
            if row.model == LEAD_TIME
        ],
    }


@router.get(
    "/{run_id}/findings",
    response_model=Page[FindingBody],
    openapi_extra=raises(UnknownForecastRun),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def list_findings(
    run_id: RunId,
    session: Session,
    limit: Limit = 100,
    after: After = None,
    code: Annotated[
        FindingName | None, Query(description="Only these", examples=["failed"])
    ] = None,
) -> dict[str, Any]:
    """What the run met in single series: failures, bulk orders, stockouts, new items."""
    await _known(session, run_id)
    key = key_of(after, "findings", int)
    rows = await forecasts.findings_page(
        session, run_id, code=code, limit=limit + 1, after=key[0] if key else None
    )
    page, following = page_of(rows, limit, lambda row: ("findings", row.forecast_finding_id))
    return {"items": page, "next": following}
