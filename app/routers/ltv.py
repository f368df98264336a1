"""Customer lifetime value: segments, customers, the model behind."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from app.auth import Scope, requires
from app.database import Session
from app.models import CustomerLtv, LtvModel
from app.queries import customers
from app.routers.missing import NoLtvModel, UnknownCustomer
from app.routers.paging import After, Limit, cursor, key_of
from app.routers.sku import Z95
from app.schemas.common import Page
from app.schemas.ltv import CustomerLtvBody, LtvModelBody, SegmentsBody
from app.schemas.problem import problems
from app.schemas.sku import SkuLtvBody

router = APIRouter(prefix="/ltv", tags=["ltv"], dependencies=[requires(Scope.LTV_READ)])


def _flags(model: LtvModel | None) -> list[str]:
    return ["derived_cost"] if model and model.fit.get("is_cost_derived") else []


@router.get("/segments", response_model=SegmentsBody, responses=problems(401, 403))
async def list_segments(session: Session) -> dict[str, Any]:
    """CPM segments with head count and value."""
    model = await customers.latest_model(session)
    return {
        "items": await customers.segments(session),
        "as_of": model.as_of if model else None,
        "definition": (
            "CPM as LTV-Lab publishes it: days from first to last purchase (90, 210), cumulative"
            " spend (policy cpm_amount), 240 days without purchase = 離脱"
        ),
        "data_flags": _flags(model),
    }


@router.get(
    "/customers/{customer_id}", response_model=CustomerLtvBody, responses=problems(401, 403, 404)
)
async def get_customer_ltv(
    customer_id: Annotated[
        str, Path(max_length=200, openapi_examples={"sample": {"value": "13085"}})
    ],
    session: Session,
) -> CustomerLtv:
    """One customer's LTV with its interval and segment."""
    found = await customers.customer(session, customer_id)
    if found is None:
        raise UnknownCustomer("this customer_id has no purchases that could be valued")
    return found


@router.get("/model", response_model=LtvModelBody, responses=problems(401, 403, 404))
async def get_ltv_model(session: Session) -> LtvModel:
    """The model in force: parameters, fit, hold-out calibration."""
    model = await customers.latest_model(session)
    if model is None:
        raise NoLtvModel("run an evaluation first")
    return model


@router.get("/skus", response_model=Page[SkuLtvBody], responses=problems(401, 403, 422))
async def list_sku_ltvs(
    session: Session, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """SKUs by the LTV of their buyers, the highest first."""
    key = key_of(after, float, str)
    rows = await customers.sku_ltvs_page(
        session, limit=limit, after=(key[0], key[1]) if key else None
    )
    flags = _flags(await customers.latest_model(session))
    items = [
        {
            **{n: getattr(row, n) for n in SkuLtvBody.model_fields if hasattr(row, n)},
            "buyer_ltv_low": row.buyer_ltv - Z95 * row.standard_error,
            "buyer_ltv_high": row.buyer_ltv + Z95 * row.standard_error,
            "data_flags": flags,
        }
        for row in rows
    ]
    is_full = len(rows) == limit
    last = rows[-1] if is_full else None
    return {"items": items, "next": cursor((last.buyer_ltv, last.sku_id)) if last else None}
