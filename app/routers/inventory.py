"""Stock: what lies where, and how fast it goes."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping

from app.auth import Scope
from app.database import Session
from app.queries import inventory
from app.routers.access import requires
from app.routers.paging import After, Limit, key_of, page_of
from app.routers.parameters import AsOf, Channel, LocationId, OnlySku
from app.schemas.common import Page
from app.schemas.inventory import InventoryBody
from app.services.policies import policy_in_force

router = APIRouter(tags=["inventory"])


def inventory_body(row: RowMapping) -> dict[str, Any]:
    """A row of the inventory query with its flags in words."""
    return {
        **row,
        "data_flags": [
            *(["derived_stock"] if row["is_derived"] else []),
            *(["derived_cost"] if row["is_cost_derived"] else []),
            *(["negative_stock"] if row["on_hand"] < 0 else []),
            *(["no_cost"] if row["unit_cost"] is None else []),
        ],
    }


@router.get(
    "/inventory",
    response_model=Page[InventoryBody],
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_inventory(
    session: Session,
    limit: Limit = 100,
    after: After = None,
    sku_id: OnlySku = None,
    location_id: LocationId = None,
    channel: Channel = None,
    as_of: AsOf = None,
    level: Annotated[
        Literal["sku"], Query(description="One row a SKU and location; styles are not offered yet")
    ] = "sku",
) -> dict[str, Any]:
    """Stock on hand, position, sell-through 消化率 and days of supply per SKU and location."""
    del level  # there is one, and it has been checked
    day = as_of or await inventory.last_data_day(session) or date.max
    policy = (await policy_in_force(session)).policy
    key = key_of(after, "inventory", str, str)
    rows = await inventory.inventory_page(
        session,
        as_of=day,
        weeks=policy.sell_through_weeks,
        limit=limit + 1,
        after=(key[0], key[1]) if key else None,
        sku_id=sku_id,
        location_id=location_id,
        channel=channel,
    )
    page, following = page_of(
        rows, limit, lambda row: ("inventory", row["sku_id"], row["location_id"])
    )
    return {"items": [inventory_body(row) for row in page], "next": following}
