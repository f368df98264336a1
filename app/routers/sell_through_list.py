"""The work list of sell-throughs 消化予測: every SKU at every location, as last computed."""

from collections.abc import AsyncIterator
from dataclasses import astuple
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.auth import Scope
from app.database import Session
from app.queries.sell_through_list import SORTS, ListView, list_page, whole_list
from app.routers.access import requires
from app.routers.downloads import CSV_TOO, csv_of
from app.routers.paging import After, Limit, key_of, list_name, page_of, sort_key, sort_kinds
from app.routers.parameters import Encoding, Format, Selected, sort_by, sort_of
from app.schemas.common import Page
from app.schemas.csv import Unencodable
from app.schemas.problem import raises
from app.schemas.sell_through import ListedSellThroughBody, VerdictName
from app.schemas.sheet import TooManyRows

router = APIRouter(tags=["sell-through"])


@router.get(
    "/sell-through",
    response_model=Page[ListedSellThroughBody],
    responses=CSV_TOO,
    openapi_extra=raises(TooManyRows, Unencodable),
    dependencies=[requires(Scope.FORECAST_READ)],
)
async def list_sell_through(
    session: Session,
    selection: Selected,
    limit: Limit = 100,
    after: After = None,
    verdict: Annotated[
        VerdictName | None,
        Query(description="Only these: 早期, 適正, 遅れ, 判定不能", examples=["cannot_tell"]),
    ] = None,
    sort: Annotated[str | None, sort_by(SORTS, example="-units_left")] = None,
    format: Format = "json",  # noqa: A002 - the contract's name
    encoding: Encoding = "utf-8",
) -> Any:
    """Every SKU with stock at every location: when it is sold out, what is left, is that in time.

    As of the last evaluation or forecast; `/sku/{sku_id}/sell-through` computes anew, with the
    curve. Sorted by `-units_left` or `-value_left` what will be left over comes first, by
    `-days_late` what is latest, before all what is late and not gone within the horizon (its
    `days_late` is null). Flags as there.
    """
    column, is_falling = sort_of(sort, SORTS)
    name = list_name("sell-through", astuple(selection), verdict, sort)
    key = key_of(after, name, *sort_kinds(column), str, str)
    view = ListView(selection=selection, verdict=verdict, sort=column, is_falling=is_falling)
    if format == "csv":
        columns = list(ListedSellThroughBody.model_fields)
        rows = _listed(whole_list(session, view))
        return await csv_of(columns, rows, encoding=encoding, name="sell-through.csv")
    found = await list_page(session, view, after=key, limit=limit + 1)
    page, following = page_of(
        found, limit, lambda row: (name, *sort_key(row, column), row["sku_id"], row["location_id"])
    )
    return {"items": page, "next": following}


async def _listed(chunks: AsyncIterator[list[Any]]) -> AsyncIterator[list[dict[str, Any]]]:
    async for rows in chunks:
        yield [ListedSellThroughBody.model_validate(row).model_dump(mode="json") for row in rows]
