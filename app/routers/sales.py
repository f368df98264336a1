"""Sales, summed up the way the merchandiser asks."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping

from app.auth import Scope
from app.database import Session
from app.queries import sales
from app.routers.access import requires
from app.routers.paging import After, Limit, key_of, page_of
from app.routers.parameters import Channel, OnlySku, invalid
from app.schemas.common import Day, Page
from app.schemas.inventory import SalesBody

router = APIRouter(tags=["inventory"])

GROUP = "|".join(sales.GROUPS)


def _groups(group_by: str) -> list[str]:
    groups = [name.strip() for name in group_by.split(",")]
    unknown = [name for name in groups if name not in sales.GROUPS]
    if unknown or len(set(groups)) != len(groups):
        known = ", ".join(sales.GROUPS)
        what = f"'{unknown[0]}' is not one of {known}" if unknown else "a group stands twice"
        raise invalid("query", "group_by", why=what)
    return groups


def _body(row: RowMapping, groups: list[str]) -> dict[str, Any]:
    return {
        **row,
        "key": {name: row[f"key_{name}"] for name in groups},
        "data_flags": [
            *(["derived_cost"] if row["is_cost_derived"] else []),
            *(["derived_list_price"] if row["is_price_derived"] else []),
        ],
    }


@router.get(
    "/sales",
    response_model=Page[SalesBody],
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_sales(
    session: Session,
    group_by: Annotated[
        str,
        Query(
            max_length=100,
            json_schema_extra={"pattern": f"^({GROUP})(,({GROUP}))*$"},
            description="One or more of channel, location, sku, style, category, day, week, month",
            examples=["channel,month"],
        ),
    ] = "month",
    start: Annotated[
        Day | None, Query(description="First day; default: the beginning", examples=["2011-11-01"])
    ] = None,
    end: Annotated[
        Day | None, Query(description="Last day; default: the end", examples=["2011-12-09"])
    ] = None,
    sku_id: OnlySku = None,
    channel: Channel = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Units, revenue, gross margin and discount, grouped by what is asked for."""
    groups = _groups(group_by)
    if start and end and end < start:
        raise invalid("query", "end", why=f"{end} lies before start, {start}")
    name = f"sales by {', '.join(groups)}"
    rows = await sales.sales_by(
        session,
        groups,
        start=start or date.min,
        end=end or date.max,
        limit=limit + 1,
        after=key_of(after, name, *[str] * len(groups)),
        sku_id=sku_id,
        channel=channel,
    )
    page, following = page_of(
        rows, limit, lambda row: (name, *(row[f"key_{group}"] for group in groups))
    )
    return {"items": [_body(row, groups) for row in page], "next": following}
