"""Sales, summed up the way the merchandiser asks."""

from collections.abc import AsyncIterator
from dataclasses import astuple
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import RowMapping

from app.auth import Scope
from app.database import Session
from app.domain.data_flags import data_flags
from app.queries import sales
from app.queries.stock_view import Level
from app.routers.access import requires
from app.routers.downloads import CSV_TOO, csv_of
from app.routers.paging import After, Limit, key_of, list_name, page_of, sort_key, sort_kinds
from app.routers.parameters import (
    Encoding,
    Format,
    Selected,
    invalid,
    sort_by,
    sort_of,
)
from app.schemas.common import Day, Page
from app.schemas.csv import Unencodable
from app.schemas.inventory import SalesBody
from app.schemas.problem import raises
from app.schemas.sheet import TooManyRows

router = APIRouter(tags=["inventory"])

GROUP = "|".join(name for name in sales.GROUPS if name != "all")


def _groups(group_by: str | None, level: Level | None) -> list[str]:
    if group_by is None:
        return [level or "month"]
    groups = [name.strip() for name in group_by.split(",")]
    if groups == ["all"]:
        return []
    known = [name for name in sales.GROUPS if name != "all"]
    unknown = [name for name in groups if name not in known]
    if unknown:
        names = ", ".join(known)
        raise invalid("query", "group_by", why=f"'{unknown[0]}' is not one of {names}")
    if level == "style":
        groups = ["style" if name == "sku" else name for name in groups]
    if len(set(groups)) != len(groups):
        raise invalid("query", "group_by", why="a group stands twice")
    return groups


def period(
    start: Annotated[
        Day | None, Query(description="First day; default: the beginning", examples=["2011-11-01"])
    ] = None,
    end: Annotated[
        Day | None, Query(description="Last day; default: the end", examples=["2011-12-09"])
    ] = None,
    as_of: Annotated[
        Day | None,
        Query(description="Sales up to this day; no `end` after it", examples=["2011-12-09"]),
    ] = None,
) -> tuple[date | None, date | None]:
    """The first and the last day that sales are wanted of."""
    if end and as_of and end > as_of:
        raise invalid("query", "end", why=f"{end} lies after as_of, {as_of}")
    for name, day in (("end", end), ("as_of", as_of)):
        if start and day and day < start:
            raise invalid("query", name, why=f"{day} lies before start, {start}")
    return start, end or as_of


def _body(row: RowMapping, groups: list[str]) -> dict[str, Any]:
    return {
        **row,
        "key": {name: row[f"key_{name}"] for name in groups},
        "data_flags": data_flags(row),
    }


@router.get(
    "/sales",
    response_model=Page[SalesBody],
    responses=CSV_TOO,
    openapi_extra=raises(TooManyRows, Unencodable),
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_sales(
    session: Session,
    selection: Selected,
    days: Annotated[tuple[date | None, date | None], Depends(period)],
    group_by: Annotated[
        str | None,
        Query(
            max_length=100,
            json_schema_extra={"pattern": f"^(all|({GROUP})(,({GROUP}))*)$"},
            description=f"One or more of {GROUP.replace('|', ', ')}; or all."
            " Default: the level, else month",
            examples=["channel,month"],
        ),
    ] = None,
    level: Annotated[
        Level | None,
        Query(description="What the group sku is by: a SKU, or a style 商品番号"),
    ] = None,
    sort: Annotated[str | None, sort_by(sales.SORTS, example="-revenue")] = None,
    limit: Limit = 100,
    after: After = None,
    format: Format = "json",  # noqa: A002 - the contract's name
    encoding: Encoding = "utf-8",
) -> Any:
    """Units, revenue, gross margin and discount, grouped by what is asked for.

    Discount is list value less revenue, over the units whose list price is known: the one on the
    receipt, else that of the price history on the day, else the SKU's. What was paid above the list
    price counts against it. In the order of the groups, unless sorted.
    """
    groups = _groups(group_by, level)
    start, end = days
    column, is_falling = sort_of(sort, sales.SORTS)
    asked: dict[str, Any] = {
        "start": start or date.min,
        "end": end or date.max,
        "sort": column,
        "is_falling": is_falling,
    }
    name = list_name("sales", groups, astuple(selection), start, end, sort)
    key = key_of(after, name, *sort_kinds(column), *[str] * len(groups))
    if format == "csv":
        chunks = _lines(sales.all_sales_by(session, groups, selection, **asked), groups)
        return await csv_of(_columns(groups), chunks, encoding=encoding, name="sales.csv")
    rows = await sales.sales_by(session, groups, selection, **asked, after=key, limit=limit + 1)
    page, following = page_of(
        rows, limit, lambda row: (name, *sort_key(row, column), *_key(row, groups))
    )
    return {"items": [_body(row, groups) for row in page], "next": following}


def _key(row: RowMapping, groups: list[str]) -> tuple[str, ...]:
    return tuple(row[f"key_{group}"] for group in groups)


def _columns(groups: list[str]) -> list[str]:
    """Those of the CSV: the groups, and the fields; ``units`` is no group's name."""
    return [*groups, *(name for name in SalesBody.model_fields if name != "key")]


async def _lines(
    chunks: AsyncIterator[list[RowMapping]], groups: list[str]
) -> AsyncIterator[list[dict[str, Any]]]:
    async for rows in chunks:
        bodies = [SalesBody.model_validate(_body(row, groups)) for row in rows]
        yield [{**body.key, **body.model_dump(mode="json")} for body in bodies]
