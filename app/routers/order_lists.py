"""Order lists for the ERP and WMS."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Query, Response, status

from app.auth import Caller, Scope
from app.database import Session
from app.models import OrderList
from app.queries import orders
from app.routers.access import requires
from app.routers.paging import After, Limit, key_of, page_of
from app.schemas.common import Page, Text
from app.schemas.csv import Unencodable, csv_text, encoded
from app.schemas.order_lists import (
    OrderLineBody,
    OrderListBody,
    OrderListRequest,
    OrderListWithLinesBody,
)
from app.schemas.problem import raises
from app.services import ordering

router = APIRouter(prefix="/order-lists", tags=["order lists"])

ALL_DEFAULTS = OrderListRequest()
OrderListId = Annotated[
    int,
    Path(ge=1, le=2**62, description="発注リスト番号", openapi_examples={"sample": {"value": 1}}),
]


def _fields(order_list: OrderList) -> dict[str, Any]:
    fields = {name: getattr(order_list, name) for name in OrderListBody.model_fields}
    return {**fields, "data_flags": list(order_list.data_flags)}


async def _with_lines(session: Session, order_list: OrderList) -> dict[str, Any]:
    lines = await orders.order_lines(session, order_list.order_list_id)
    return {**_fields(order_list), "lines": lines}


async def _known(session: Session, order_list_id: int) -> OrderList:
    order_list = await orders.order_list(session, order_list_id)
    if order_list is None:
        raise ordering.UnknownOrderList(f"order list {order_list_id} does not exist")
    return order_list


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=OrderListWithLinesBody,
    openapi_extra=raises(
        ordering.UnknownLocation,
        ordering.NothingToOrder,
        ordering.OutsideForecast,
        ordering.IdempotencyConflict,
    ),
    dependencies=[requires(Scope.ORDERS_WRITE)],
)
async def create_order_list(
    response: Response,
    session: Session,
    request: Annotated[OrderListRequest, Body()] = ALL_DEFAULTS,
    idempotency_key: Annotated[
        Text | None,
        Header(
            min_length=1,
            max_length=200,
            description="Send again with it: the same list",
            examples=["erp-2011-12-09"],
        ),
    ] = None,
) -> dict[str, Any]:
    """Propose what to order 発注リスト, and keep the list as proposed."""
    order_list = await ordering.propose_order_list(
        session,
        item_class=request.item_class,
        location_id=request.location_id,
        as_of=request.as_of,
        idempotency_key=idempotency_key,
    )
    response.headers["Location"] = f"/order-lists/{order_list.order_list_id}"
    return await _with_lines(session, order_list)


@router.get(
    "",
    response_model=Page[OrderListBody],
    dependencies=[requires(Scope.ORDERS_READ)],
)
async def list_order_lists(
    session: Session, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Order lists without their lines, the newest first."""
    key = key_of(after, "order lists", int)
    rows = await orders.order_lists_page(session, limit=limit + 1, after=key[0] if key else None)
    page, following = page_of(rows, limit, lambda row: ("order lists", row.order_list_id))
    return {"items": [_fields(row) for row in page], "next": following}


@router.get(
    "/{order_list_id}",
    response_model=OrderListWithLinesBody,
    openapi_extra=raises(ordering.UnknownOrderList),
    dependencies=[requires(Scope.ORDERS_READ)],
)
async def get_order_list(order_list_id: OrderListId, session: Session) -> dict[str, Any]:
    """One order list with its lines, the largest amount first."""
    return await _with_lines(session, await _known(session, order_list_id))


@router.post(
    "/{order_list_id}/approve",
    response_model=OrderListBody,
    openapi_extra=raises(ordering.UnknownOrderList),
)
async def approve_order_list(
    order_list_id: OrderListId,
    session: Session,
    caller: Annotated[Caller, requires(Scope.ORDERS_WRITE)],
) -> dict[str, Any]:
    """Approve a proposed list 承認; approving it again changes nothing."""
    approved = await ordering.approve_order_list(session, order_list_id, approved_by=caller.name)
    return _fields(approved)


@router.get(
    "/{order_list_id}/export",
    response_model=list[OrderLineBody],
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
    },
    openapi_extra=raises(ordering.UnknownOrderList, Unencodable),
    dependencies=[requires(Scope.ORDERS_READ)],
)
async def export_order_list(
    order_list_id: OrderListId,
    session: Session,
    format: Annotated[Literal["csv", "json"], Query(description="csv by default")] = "csv",  # noqa: A002 - the contract's name
    profile: Annotated[
        Literal["generic"], Query(description="Whose columns; only our own so far")
    ] = "generic",
    encoding: Annotated[
        Literal["utf-8", "cp932"], Query(description="utf-8 comes with a BOM, for Excel")
    ] = "utf-8",
) -> Any:
    """The lines of a list for an ERP (JSON) or a spreadsheet (CSV)."""
    del profile  # there is one, and it has been checked
    await _known(session, order_list_id)
    lines = await orders.order_lines(session, order_list_id)
    if format == "json":
        return lines
    rows = [OrderLineBody.model_validate(line).model_dump(mode="json") for line in lines]
    text = csv_text(list(OrderLineBody.model_fields), rows)
    name = f"order-list-{order_list_id}.csv"
    return Response(
        encoded(text, encoding),
        media_type=f"text/csv; charset={'shift_jis' if encoding == 'cp932' else 'utf-8'}",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
