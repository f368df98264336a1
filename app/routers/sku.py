"""One SKU: what it is, what to do with it, what it will sell, who buys it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import Scope
from app.database import Session, Sessions
from app.domain.data_flags import data_flags
from app.models import LtvModel, Sku, SkuLtv
from app.queries import catalog, customers, dispositions, forecasts, inventory
from app.queries.selection import Selection
from app.queries.stock_view import View
from app.routers.access import requires
from app.routers.conditional import ETAG_HEADER, NOT_MODIFIED, IfNoneMatch, answer_if_changed
from app.routers.missing import NoBuyerLtv, NotEvaluated, NotForecast, UnknownSku
from app.routers.paging import After, Limit, key_of, page_of
from app.routers.parameters import LocationId, SkuId
from app.schemas.common import Page, Text
from app.schemas.inventory import SkuBody, SkuStateBody
from app.schemas.problem import raises
from app.schemas.sku import DispositionBody, ForecastBody, SkuLtvBody
from app.services import forecast_views
from app.services.stock_views import period, stock_page

# SKU codes are the shop's own and may hold a slash; hence ``:path``, and the longer paths first.
router = APIRouter(prefix="/sku", tags=["sku"])

MOST = 100  # entries of a list inside the answer about one SKU
Z95 = 1.6448536269514722  # the 95 % quantile of the normal distribution


def ltv_flags(model: LtvModel | None) -> list[str]:
    return ["derived_cost"] if model and model.fit["is_cost_derived"] else []


def sku_ltv_body(ltv: SkuLtv, model: LtvModel | None) -> dict[str, Any]:
    """A SKU's buyer-mix LTV with the 5 % and 95 % bounds of its error."""
    half = None if ltv.standard_error is None else Z95 * ltv.standard_error
    return {
        **{name: getattr(ltv, name) for name in SkuLtvBody.model_fields if hasattr(ltv, name)},
        "buyer_ltv_low": None if half is None else ltv.buyer_ltv - half,
        "buyer_ltv_high": None if half is None else ltv.buyer_ltv + half,
        "data_flags": ltv_flags(model),
    }


async def _require(session: AsyncSession, sku_id: str) -> None:
    if not await inventory.known_skus(session, [sku_id]):
        raise UnknownSku(f"sku_id '{sku_id}' is not in the catalogue")


@router.get(
    "",
    response_model=Page[SkuBody],
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_skus(
    session: Session,
    limit: Limit = 100,
    after: After = None,
    search: Annotated[
        Text | None, Query(max_length=100, description="In id, style or name", examples=["HEART"])
    ] = None,
) -> dict[str, Any]:
    """The catalogue in key order."""
    key = key_of(after, "sku", str)
    rows = await inventory.skus_page(
        session, limit=limit + 1, after=key[0] if key else None, search=search
    )
    skus, following = page_of(rows, limit, lambda sku: ("sku", sku.sku_id))
    return {"items": skus, "next": following}


@router.get(
    "/{sku_id:path}/disposition",
    response_model=DispositionBody,
    responses={200: {"headers": ETAG_HEADER}, **NOT_MODIFIED},
    openapi_extra=raises(UnknownSku, NotEvaluated),
    dependencies=[requires(Scope.DISPOSITION_READ)],
)
async def get_disposition(
    sku_id: SkuId,
    request: Request,
    location_id: LocationId = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Whether to sell or hold this SKU, how sure that is, and why.

    Without `location_id` the location with the most money at stake answers.
    """
    answer = await dispositions.latest_disposition(request.app.state.reader, sku_id, location_id)
    if answer is None:
        sessions: Sessions = request.app.state.sessions
        async with sessions() as session:
            await _require(session, sku_id)
            why = await dispositions.why_not_judged(session, sku_id, location_id)
        raise NotEvaluated(f"sku_id '{sku_id}' has no verdict: {why}")
    return answer_if_changed(answer.encode(), if_none_match)


@router.get(
    "/{sku_id:path}/forecast",
    response_model=ForecastBody,
    openapi_extra=raises(UnknownSku, NotForecast),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def get_forecast(
    sku_id: SkuId,
    session: Session,
    location_id: LocationId = None,
    step: Annotated[
        Literal["week", "day"],
        Query(description="day: also day by day", examples=["week"]),
    ] = "week",
) -> dict[str, Any]:
    """Demand by week, or by day too, with quantiles; which method made it, why, how good it is.

    Without `location_id` the location with the largest demand in its first week answers. Quantiles
    of a week are not sums of those of its days.

    `data_flags`: `weekly_forecast` (days were asked for, and demand is forecast by the week),
    `stockouts_unknown` (stock is not counted often enough to tell when it was out),
    `estimated_demand`, `new_item` (too young for a pattern of its own), `borrowed` (as others sold
    when they were new), `failed` (a simpler method stands in).
    """
    found = await forecasts.forecast(session, sku_id, location_id)
    if found is None:
        await _require(session, sku_id)
        why = await forecast_views.why_none(session, sku_id, location_id)
        raise NotForecast(f"sku_id '{sku_id}' has no forecast: {why}")
    forecast, run = found
    accuracy = await forecast_views.accuracy_of(session, forecast)
    return forecast_views.told(forecast, run, accuracy, by_day=step == "day")


@router.get(
    "/{sku_id:path}/ltv",
    response_model=SkuLtvBody,
    openapi_extra=raises(UnknownSku, NoBuyerLtv),
    dependencies=[requires(Scope.LTV_READ)],
)
async def get_sku_ltv(sku_id: SkuId, session: Session) -> dict[str, Any]:
    """How valuable this SKU's buyers are, with interval, and which segments they belong to."""
    ltv = await customers.sku_ltv(session, sku_id)
    if ltv is None:
        await _require(session, sku_id)
        raise NoBuyerLtv(f"sku_id '{sku_id}' has no identified buyer")
    return sku_ltv_body(ltv, await customers.latest_model(session))


@router.get(
    "/{sku_id:path}",
    response_model=SkuStateBody,
    openapi_extra=raises(UnknownSku),
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def get_sku(sku_id: SkuId, session: Session) -> dict[str, Any]:
    """A SKU's master data, prices and sourcing lanes, and its state at a glance."""
    await _require(session, sku_id)
    sku = await session.get_one(Sku, sku_id)
    first, day = await period(session, None, None)
    view = View(selection=Selection(sku_id=sku_id), as_of=day, first=first)
    rows = await stock_page(session, view, limit=1000)
    verdict = await dispositions.latest_verdict(session, sku_id)
    forecast = await forecasts.forecast(session, sku_id, None)
    ltv = await customers.sku_ltv(session, sku_id)
    doubts = {
        "is_derived": any(row["is_derived"] for row in rows),
        "is_cost_derived": sku.is_cost_derived,
        "is_price_derived": sku.is_price_derived,
        "is_unlisted": not sku.is_listed,
    }
    return {
        **{name: getattr(sku, name) for name in SkuBody.model_fields},
        "prices": await catalog.price_history(session, sku_id, limit=MOST),
        "sourcing": await catalog.sourcing_lanes(session, sku_id, limit=MOST),
        "inventory": rows,
        "decision": verdict["decision"] if verdict else None,
        "decision_location_id": verdict["location_id"] if verdict else None,
        "sell_score": verdict["sell_score"] if verdict else None,
        "weekly_demand": await forecasts.next_week(session, sku_id),
        "demand_class": forecast[0].demand_class if forecast else None,
        "buyer_ltv_index": ltv.ltv_index if ltv else None,
        "data_flags": data_flags(doubts),
    }
