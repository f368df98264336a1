"""消化予測: how SKUs, styles and locations will sell what they have, and whether in time."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import Scope
from app.database import Session
from app.queries import inventory, orders
from app.queries.selection import Selection
from app.routers.access import requires
from app.routers.downloads import CSV_TOO, csv_of
from app.routers.missing import NotForecast, UnknownSku, UnknownStyle
from app.routers.parameters import (
    Category,
    Encoding,
    Format,
    LocationId,
    SkuId,
    StyleId,
)
from app.schemas.common import Day, Id
from app.schemas.csv import Unencodable
from app.schemas.problem import raises
from app.schemas.sell_through import (
    CurvePointBody,
    PlaceSellThroughBody,
    SellThroughBody,
    StyleForecastBody,
)
from app.schemas.sheet import TooManyRows
from app.services.ordering import UnknownLocation
from app.services.sell_through.items import item_sell_through
from app.services.sell_through.places import place_sell_through
from app.services.style_forecasts import style_forecast

router = APIRouter(tags=["sell-through"])

StepName = Literal["day", "week"]
STEP_DAYS = {"day": 1, "week": 7}
Step = Annotated[StepName, Query(description="Between two points of the curve", examples=["week"])]
Depth = Annotated[
    float | None,
    Query(
        allow_inf_nan=False,
        ge=0,
        le=0.95,
        description="What if: a discount to try beside that in force, share off the list price;"
        " a known promotion that is deeper keeps its price on its days",
        examples=[0.3],
    ),
]
FIRST_END, LAST_END = date(2000, 1, 1), date(2099, 12, 31)


def _plausible(day: date | None) -> date | None:
    if day is not None and not FIRST_END <= day <= LAST_END:
        raise ValueError(f"it must be from {FIRST_END} to {LAST_END}")
    return day


EndsOn = Annotated[
    Day | None,
    AfterValidator(_plausible),
    Query(
        description="What if: judge by this last day of sales 販売終了日, not by the master's;"
        f" from {FIRST_END} to {LAST_END}",
        examples=["2012-01-31"],
    ),
]
PlaceId = Annotated[
    Id, Path(description="拠点コード", openapi_examples={"sample": {"value": "EC"}})
]
POINT = list(CurvePointBody.model_fields)
TRIED = [f"what_if_{name}" for name in POINT if name != "on"]


async def _require_location(session: AsyncSession, location_id: str | None) -> None:
    if location_id is not None and not await orders.location_exists(session, location_id):
        raise UnknownLocation(f"location_id '{location_id}' is not known")


async def _require_style(session: AsyncSession, style_id: str) -> None:
    if not await inventory.known_style(session, style_id):
        raise UnknownStyle(f"no SKU is of style_id '{style_id}'")


@router.get(
    "/sku/{sku_id:path}/sell-through",
    response_model=SellThroughBody,
    responses=CSV_TOO,
    openapi_extra=raises(UnknownSku, UnknownLocation, TooManyRows, Unencodable),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def get_sku_sell_through(
    sku_id: SkuId,
    session: Session,
    location_id: LocationId = None,
    ends_on: EndsOn = None,
    depth: Depth = None,
    step: Step = "week",
    format: Format = "json",  # noqa: A002 - the contract's name
    encoding: Encoding = "utf-8",
) -> Any:
    """When this SKU is sold out, what is left when its season ends, and whether that is in time.

    Of the stock on hand, nothing coming in, against the demand that is forecast: a negative
    binomial count whose variance is that of the forecast's errors over as many days together.
    Without `location_id` all locations together; their stock is not fungible, so that what is left
    is added up location by location. Computed when asked, from the last count and the forecast in
    force. `depth` is answered in `what_if`, the elasticity being unsure; known promotions are in
    the forecast already and not counted again. The CSV is the curve.

    `data_flags`: `derived_stock`, `negative_stock` (taken as none), `stale` (the location was
    counted since, without it), `no_stock_count`, `old_stock_count` (more than a week before
    `as_of`; what was sold since is not taken off), `no_forecast` (its stock is taken to stay),
    `forecast_outdated` (so is it; the forecast in force ends before `as_of`: forecast anew),
    `past_sales_end`, `beyond_horizon` (the season ends after the forecast), `season_ends_differ`,
    `estimated_demand`, `new_item` (too young for a pattern of its own: its usual demand so far, or
    that of others when they were new, which is `borrowed`), `assumed_full_price` (no verdict tells
    its price), `deeper_than_allowed`.
    """
    if not await inventory.known_skus(session, [sku_id]):
        raise UnknownSku(f"sku_id '{sku_id}' is not in the catalogue")
    await _require_location(session, location_id)
    selection = Selection(sku_id=sku_id, location_id=location_id)
    found = await item_sell_through(
        session, selection, ends_on=ends_on, depth=depth, step_days=STEP_DAYS[step]
    )
    whose = {"sku_id": sku_id, "style_id": None, "location_id": location_id}
    if format == "csv":
        return await _curves([(whose["sku_id"], found)], "sku_id", depth, encoding)
    return whose | found


@router.get(
    "/styles/{style_id:path}/sell-through",
    response_model=SellThroughBody,
    responses=CSV_TOO,
    openapi_extra=raises(UnknownStyle, UnknownLocation, TooManyRows, Unencodable),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def get_style_sell_through(
    style_id: StyleId,
    session: Session,
    location_id: LocationId = None,
    ends_on: EndsOn = None,
    depth: Depth = None,
    step: Step = "week",
    format: Format = "json",  # noqa: A002 - the contract's name
    encoding: Encoding = "utf-8",
) -> Any:
    """When this style is sold out, what is left when its season ends, and whether that is in time.

    A customer who wants M does not take S: what is left is added up SKU by SKU and location by
    location, each against its own demand. How unsure the sum is follows from the errors that
    forecasts of the style's total would have made in its own past. The style counts as sold out
    with `sold_out_units` left, the policy's `sold_out_share` of its stock, since a last odd size
    may lie for ever. Band and chances are an approximation (a beta distribution of what is left).
    Flags as of a SKU.
    """
    await _require_style(session, style_id)
    await _require_location(session, location_id)
    selection = Selection(style_id=style_id, location_id=location_id)
    found = await item_sell_through(
        session, selection, ends_on=ends_on, depth=depth, step_days=STEP_DAYS[step]
    )
    whose = {"sku_id": None, "style_id": style_id, "location_id": location_id}
    if format == "csv":
        return await _curves([(style_id, found)], "style_id", depth, encoding)
    return whose | found


@router.get(
    "/styles/{style_id:path}/forecast",
    response_model=StyleForecastBody,
    openapi_extra=raises(UnknownStyle, UnknownLocation, NotForecast),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def get_style_forecast(
    style_id: StyleId,
    session: Session,
    location_id: LocationId = None,
    step: Annotated[
        StepName, Query(description="day: also day by day", examples=["week"])
    ] = "week",
) -> dict[str, Any]:
    """Demand of a style's SKUs together, by week or by day too, with quantiles.

    The mean is the sum of its SKUs' means, at all locations unless one is asked for. Quantiles are
    those of the errors of the style's own total in the past, not sums of its SKUs'. `data_flags`:
    `weekly_forecast` (days were asked for, and some of its demand is forecast by the week),
    `estimated_demand`, `new_item`, `borrowed`.
    """
    await _require_style(session, style_id)
    await _require_location(session, location_id)
    selection = Selection(style_id=style_id, location_id=location_id)
    found = await style_forecast(session, selection, by_day=step == "day")
    if found is None:
        raise NotForecast(f"no SKU of style_id '{style_id}' has a forecast there")
    return {"style_id": style_id, "location_id": location_id, **found}


@router.get(
    "/locations/{location_id:path}/sell-through",
    response_model=PlaceSellThroughBody,
    responses=CSV_TOO,
    openapi_extra=raises(UnknownLocation, TooManyRows, Unencodable),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def get_location_sell_through(
    location_id: PlaceId,
    session: Session,
    category: Category = None,
    by: Annotated[
        Literal["all", "category"],
        Query(description="All stock together, or a group a category", examples=["category"]),
    ] = "all",
    depth: Depth = None,
    step: Step = "week",
    format: Format = "json",  # noqa: A002 - the contract's name
    encoding: Encoding = "utf-8",
) -> Any:
    """How a location's stock will sell: totals, perhaps by category, with a band and verdicts.

    Stock is not fungible: what is left is added up SKU by SKU, and how unsure the sum is follows
    from the past of the total, as for a style. Sell-out dates are as fine as `step`. A location has
    no season: `verdicts` counts its SKUs, each by its own target date. The CSV has the curves.
    Flags as of a SKU.
    """
    await _require_location(session, location_id)
    groups = await place_sell_through(
        session,
        Selection(location_id=location_id, category=category or None),
        by_category=by == "category",
        depth=depth,
        step_days=STEP_DAYS[step],
    )
    if format == "csv":
        named = [(group["category"], group) for group in groups]
        return await _curves(named, "category", depth, encoding)
    return {"location_id": location_id, "groups": groups}


async def _curves(
    found: list[tuple[str | None, dict[str, Any]]], key: str, depth: float | None, encoding: str
) -> Any:
    """Curves as a CSV, and beside them those at another discount."""

    async def lines() -> AsyncIterator[list[dict[str, Any]]]:
        for name, one in found:
            tried = one["what_if"]["curve"] if one["what_if"] else one["curve"]
            yield [
                {key: name, **_point(now, ""), **_point(then, "what_if_")}
                for now, then in zip(one["curve"], tried, strict=True)
            ]

    columns = [key, *POINT, *(TRIED if depth is not None else [])]
    return await csv_of(columns, lines(), encoding=encoding, name="sell-through.csv")


def _point(point: dict[str, Any], prefix: str) -> dict[str, Any]:
    body = CurvePointBody.model_validate(point).model_dump(mode="json")
    return {f"{prefix}{name}": value for name, value in body.items()}
