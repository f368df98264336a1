"""Customer lifetime value: segments, customers, the model behind."""

from math import isnan
from typing import Annotated, Any

from fastapi import APIRouter, Path
from sqlalchemy import RowMapping

from app.auth import Scope
from app.database import Session
from app.domain.cpm import CpmCell
from app.models import LtvModel
from app.queries import customers
from app.routers.access import requires
from app.routers.missing import NoLtvModel, UnknownCustomer
from app.routers.paging import After, Limit, key_of, page_of
from app.routers.sku import ltv_flags, sku_ltv_body
from app.schemas.common import Id, Page
from app.schemas.ltv import CustomerLtvBody, LtvModelBody, SegmentsBody
from app.schemas.problem import raises
from app.schemas.sku import SkuLtvBody

router = APIRouter(prefix="/ltv", tags=["ltv"], dependencies=[requires(Scope.LTV_READ)])


def _segment_body(row: RowMapping) -> dict[str, Any]:
    return {**row, "segment_ja": CpmCell(row["segment"]).label}


@router.get("/segments", response_model=SegmentsBody)
async def list_segments(session: Session) -> dict[str, Any]:
    """CPM segments with head count and value."""
    model = await customers.latest_model(session)
    return {
        "items": [_segment_body(row) for row in await customers.segments(session)],
        "as_of": model.as_of if model else None,
        "definition": model.fit["cpm"] if model else None,
        "data_flags": ltv_flags(model),
    }


@router.get(
    "/customers/{customer_id:path}",
    response_model=CustomerLtvBody,
    openapi_extra=raises(UnknownCustomer),
)
async def get_customer_ltv(
    customer_id: Annotated[
        Id, Path(description="会員番号", openapi_examples={"sample": {"value": "13085"}})
    ],
    session: Session,
) -> dict[str, Any]:
    """One customer's LTV with its interval and segment."""
    found = await customers.customer(session, customer_id)
    if found is None:
        raise UnknownCustomer("this customer_id has no purchases that could be valued")
    label = CpmCell(found.cpm_segment).label
    fields = CustomerLtvBody.model_fields.keys() - {"cpm_segment_ja", "p_alive"}
    return {
        **{name: getattr(found, name) for name in fields},
        "cpm_segment_ja": label,
        "p_alive": None if isnan(found.p_alive) else found.p_alive,
    }


@router.get("/model", response_model=LtvModelBody, openapi_extra=raises(NoLtvModel))
async def get_ltv_model(session: Session) -> LtvModel:
    """The model in force: parameters, fit, hold-out calibration."""
    model = await customers.latest_model(session)
    if model is None:
        raise NoLtvModel("run an evaluation first")
    return model


@router.get("/skus", response_model=Page[SkuLtvBody])
async def list_sku_ltvs(
    session: Session, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """SKUs by the LTV of their buyers, the highest first."""
    key = key_of(after, "sku ltvs", float, str)
    rows = await customers.sku_ltvs_page(
        session, limit=limit + 1, after=(key[0], key[1]) if key else None
    )
    page, following = page_of(rows, limit, lambda row: ("sku ltvs", row.buyer_ltv, row.sku_id))
    model = await customers.latest_model(session)
    return {"items": [sku_ltv_body(row, model) for row in page], "next": following}
