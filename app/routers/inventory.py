"""Stock: what lies where, how fast it goes, and whether the books tell the same."""

from collections.abc import AsyncIterator
from dataclasses import astuple
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import Scope
from app.database import Session
from app.domain.data_flags import data_flags
from app.queries import ledger, movements
from app.queries.stock_view import SORTS, Level, Place, View
from app.routers.access import requires
from app.routers.downloads import CSV_TOO, csv_of
from app.routers.paging import After, Limit, key_of, list_name, page_of, sort_key, sort_kinds
from app.routers.parameters import (
    AsOf,
    Encoding,
    Format,
    LocationId,
    OnlySku,
    Selected,
    sort_by,
    sort_of,
)
from app.schemas.common import Page
from app.schemas.csv import Unencodable
from app.schemas.inventory import InventoryBody, LedgerBody, MovementBody
from app.schemas.problem import raises
from app.schemas.sheet import TooManyRows
from app.services import stock_views

router = APIRouter(tags=["inventory"])


@router.get(
    "/inventory",
    response_model=Page[InventoryBody],
    responses=CSV_TOO,
    openapi_extra=raises(TooManyRows, Unencodable),
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_inventory(
    session: Session,
    selection: Selected,
    limit: Limit = 100,
    after: After = None,
    level: Annotated[Level, Query(description="A row a SKU or a style 商品番号")] = "sku",
    by: Annotated[Place, Query(description="And a location, a channel, or over all")] = "location",
    as_of: AsOf = None,
    weeks: Annotated[
        int | None,
        Query(ge=1, le=520, description="Of sales; default: the policy's", examples=[13]),
    ] = None,
    sort: Annotated[str | None, sort_by(SORTS, example="-value_at_cost")] = None,
    format: Format = "json",  # noqa: A002 - the contract's name
    encoding: Encoding = "utf-8",
) -> Any:
    """Stock on hand, position, sell-through 消化率 and days of supply per SKU or style and place.

    Stock is that of the last count at or before `as_of`, SKU by SKU and location by location; a SKU
    that was never counted at a location has no row there. Rows are sums: those of a style's SKUs
    make the style, those of all locations the channel. `data_flags`: `negative_stock`,
    `contradicting_stock` (the last count does not follow from the one before, see
    `/inventory/ledger`), `stale` (the location was counted since, without this SKU),
    `derived_stock`, `derived_cost`, `derived_list_price`, `no_cost`, `no_list_price`, `unlisted`.
    """
    column, is_falling = sort_of(sort, SORTS)
    name = list_name("inventory", astuple(selection), level, by, as_of, weeks, sort)
    key = key_of(after, name, *sort_kinds(column), str, str)
    first, day = await stock_views.period(session, as_of, weeks)
    view = View(
        selection=selection,
        as_of=day,
        first=first,
        level=level,
        by=by,
        sort=column,
        is_falling=is_falling,
    )
    if format == "csv":
        rows = _lines(session, view)
        columns = list(InventoryBody.model_fields)
        return await csv_of(columns, rows, encoding=encoding, name=f"inventory-{day}.csv")
    found = await stock_views.stock_page(session, view, after=key, limit=limit + 1)
    page, following = page_of(
        found, limit, lambda row: (name, *sort_key(row, column), row["item"], row["place"])
    )
    return {"items": page, "next": following}


async def _lines(session: AsyncSession, view: View) -> AsyncIterator[list[dict[str, Any]]]:
    async for rows in stock_views.all_stock(session, view):
        yield [InventoryBody.model_validate(row).model_dump(mode="json") for row in rows]


@router.get(
    "/inventory/movements",
    response_model=Page[MovementBody],
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_movements(
    session: Session,
    limit: Limit = 100,
    after: After = None,
    sku_id: OnlySku = None,
    location_id: LocationId = None,
) -> dict[str, Any]:
    """Receipts, transfers, adjustments and losses 入出庫, the newest first."""
    name = list_name("movements", sku_id, location_id)
    rows = await movements.movements_page(
        session,
        sku_id=sku_id,
        location_id=location_id,
        after=key_of(after, name, str, str, str),
        limit=limit + 1,
    )
    page, following = page_of(
        rows, limit, lambda row: (name, row.moved_on, row.receipt_id, row.line_key)
    )
    return {"items": page, "next": following}


@router.get(
    "/inventory/ledger",
    response_model=Page[LedgerBody],
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_ledger(
    session: Session,
    limit: Limit = 100,
    after: After = None,
    sku_id: OnlySku = None,
    location_id: LocationId = None,
    differences_only: Annotated[
        bool, Query(description="Only where the count is not what was expected")
    ] = False,
) -> dict[str, Any]:
    """Stock ledger 受払: from each count to the next, what came, what went and what is missing.

    A count is of the end of its day: what is sold or moved on that day comes before it.
    """
    name = list_name("ledger", sku_id, location_id, differences_only)
    rows = await ledger.ledger_page(
        session,
        sku_id=sku_id,
        location_id=location_id,
        differences_only=differences_only,
        after=key_of(after, name, str, str, str),
        limit=limit + 1,
    )
    page, following = page_of(
        rows, limit, lambda row: (name, row["sku_id"], row["location_id"], row["closed_on"])
    )
    return {"items": [{**row, "data_flags": data_flags(row)} for row in page], "next": following}
