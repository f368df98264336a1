"""Rows for tests that need something the small shop does not have."""

import csv
from datetime import date
from io import StringIO
from typing import Any

from app.database import Sessions
from app.models import (
    Disposition,
    Evaluation,
    Location,
    OrderLine,
    OrderList,
    Sku,
    SkuLtv,
    StockLevel,
)
from tests import make

DAY = date(2026, 6, 30)


def csv_rows(kind: str) -> list[dict[str, str]]:
    """The rows of a file of the small shop."""
    return list(csv.DictReader(StringIO(make.shop()[kind])))


async def add(sessions: Sessions, *rows: Any) -> None:
    async with sessions.begin() as session:
        session.add_all(rows)


def disposition(sku_id: str, advantage: float, decision: str = "sell", **more: Any) -> Disposition:
    where = more.pop("location_id", "EC")
    answer = {
        "sku_id": sku_id,
        "location_id": where,
        "advantage": advantage,
        "decision": decision,
        "sell_score": 50.0,
    }
    return Disposition(
        sku_id=sku_id,
        location_id=where,
        evaluated_on=more.pop("evaluated_on", DAY),
        answer=answer,
    )


def evaluation(as_of: date = DAY) -> Evaluation:
    """What makes the verdicts of a day those in force."""
    return Evaluation(as_of=as_of, policy_version=0, summary={})


def stock(sku_id: str, on_hand: int, **more: Any) -> StockLevel:
    fields: dict[str, Any] = {"location_id": "EC", "counted_on": DAY, "import_id": 1}
    return StockLevel(sku_id=sku_id, on_hand=on_hand, **(fields | more))


def sku_ltv(sku_id: str, buyer_ltv: float) -> SkuLtv:
    return SkuLtv(
        sku_id=sku_id,
        as_of=DAY,
        buyers=10,
        effective_buyers=8.0,
        buyer_ltv=buyer_ltv,
        standard_error=10.0,
        ltv_index=1.0,
        statement="confident",
        segment_mix={"first_active": 1.0},
    )


def order_list(**more: Any) -> OrderList:
    fields: dict[str, Any] = {"item_class": "staple", "as_of": DAY, "policy_version": 0}
    return OrderList(summary={}, data_flags={}, **(fields | more))


def order_line(order_list_id: int, sku_id: str, **more: Any) -> OrderLine:
    fields: dict[str, Any] = {
        "location_id": "EC",
        "inventory_position": -3.0,
        "safety_stock": 1.0,
        "reorder_point": 2.0,
        "order_up_to": 9.0,
        "needed_quantity": 12.0,
        "quantity": 12,
        "reason": "order_up_to",
    }
    return OrderLine(order_list_id=order_list_id, sku_id=sku_id, **(fields | more))


__all__ = [
    "DAY",
    "Location",
    "Sku",
    "add",
    "csv_rows",
    "disposition",
    "evaluation",
    "order_line",
    "order_list",
    "sku_ltv",
    "stock",
]
