"""The master data beside the SKUs: where things lie, and who supplies them."""

from typing import Any

from fastapi import APIRouter

from app.auth import Scope
from app.database import Session
from app.queries import catalog
from app.routers.access import requires
from app.routers.paging import After, Limit, key_of, page_of
from app.schemas.catalog import LocationBody, SupplierBody
from app.schemas.common import Page

router = APIRouter(tags=["inventory"])


@router.get(
    "/locations",
    response_model=Page[LocationBody],
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_locations(
    session: Session, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Stores, malls, online shops and warehouses 拠点 in key order."""
    key = key_of(after, "locations", str)
    rows = await catalog.locations_page(session, limit=limit + 1, after=key[0] if key else None)
    page, following = page_of(rows, limit, lambda row: ("locations", row.location_id))
    return {"items": page, "next": following}


@router.get(
    "/suppliers",
    response_model=Page[SupplierBody],
    dependencies=[requires(Scope.INVENTORY_READ)],
)
async def list_suppliers(
    session: Session, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Suppliers 仕入先 and what their orders have to reach, in key order."""
    key = key_of(after, "suppliers", str)
    rows = await catalog.suppliers_page(session, limit=limit + 1, after=key[0] if key else None)
    page, following = page_of(rows, limit, lambda row: ("suppliers", row.supplier_id))
    return {"items": page, "next": following}
