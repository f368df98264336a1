"""Sales, summed up the way the merchandiser asks."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError

from app.auth import Scope, requires
from app.database import Session
from app.queries import inventory, sales
from app.routers.paging import After, Limit, cursor, key_of
from app.schemas.common import Page
from app.schemas.inventory import SalesBody
from app.schemas.problem import problems

router = APIRouter(tags=["inventory"])


def _groups(group_by: str) -> list[str]:
    groups = [name.strip() for name in group_by.split(",")]
    unknown = [name for name in groups if name not in sales.GROUPS]
    if unknown or len(set(groups)) != len(groups):
        known = ", ".join(sales.GROUPS)
        what = f"'{unknown[0]}' is not one of {known}" if unknown else "a group stands twice"
        raise RequestValidationError(
            [{"loc": ("query", "group_by"), "msg": what, "type": "group", "input": group_by}]
        )
    return groups


@router.get(
    "/sales",
    response_model=Page[SalesBody],
    responses=problems(401, 403, 422),
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_sales(
    session: Session,
    group_by: Annotated[
        str,
        Query(
            max_length=100,
            description="One or more of channel, location, sku, style, category, day, week, month",
            examples=["channel,month"],
        ),
    ] = "month",
    start: Annotated[date | None, Query(description="First day; default: the beginning")] = None,
    end: Annotated[date | None, Query(description="Last day; default: the last with sales")] = None,
    sku_id: Annotated[str | None, Query(description="Only this SKU")] = None,
    channel: Annotated[str | None, Query(description="Only this channel 販路")] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Units, revenue, gross margin and discount, grouped by what is asked for."""
    groups = _groups(group_by)
    rows = await sales.sales_by(
        session,
        groups,
        start=start or date(1900, 1, 1),
        end=end or await inventory.last_sale_day(session) or date(2999, 12, 31),
        limit=limit,
        after=key_of(after, *[str] * len(groups)),
        sku_id=sku_id,
        channel=channel,
    )
    items = [
        {
            **row,
            "key": {name: row[f"key_{name}"] for name in groups},
            "data_flags": [
                *(["derived_cost"] if row["is_cost_derived"] else []),
                *(["derived_list_price"] if row["is_price_derived"] else []),
            ],
        }
        for row in rows
    ]
    last = tuple(items[-1]["key"].values()) if len(items) == limit else None
    return {"items": items, "next": cursor(last) if last else None}
