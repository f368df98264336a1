"""Order lists: propose what to buy, approve it, hand it over."""

import hashlib
import json
from collections.abc import Hashable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import replenishment
from app.domain.policy import Policy
from app.models import ForecastRun, OrderLine, OrderList, OrderStatus
from app.queries import inventory, orders
from app.queries.forecasts import run_in_force
from app.services.policies import policy_in_force


class NothingToOrder(Exception):
    """No item has to be ordered, or nothing has been evaluated yet."""


class OutsideForecast(Exception):
    """The forecast in force does not reach over the time that an order has to last."""


class UnknownLocation(Exception):
    """No location has this id."""


class UnknownOrderList(Exception):
    """No order list has this number."""


class IdempotencyConflict(Exception):
    """The idempotency key was used before for another request."""


def order_proposals(positions: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Every position with its reorder point, order-up-to level, quantity and reason.

    Until the customer's own sourcing terms are imported, lead time and review come from the
    policy, there is no minimum quantity or lot, and the maximum stock is what the policy's
    longest cover needs, but one unit at least.
    """
    cover_weeks = policy.lead_time_weeks + policy.order_review_weeks
    weekly = positions["cover_demand_mean"] / cover_weeks
    complete = positions.assign(
        overdue_on_order=0.0,
        moq=0.0,
        lot_size=1.0,
        max_stock=np.maximum(policy.order_cover_weeks * weekly, 1.0),
        service_level=np.nan,
        lead_time_days=policy.lead_time_weeks * 7,
    )
    proposals = replenishment.order_lines(
        complete,
        review_days=policy.order_review_weeks * 7,
        service_level=policy.service_level,
        max_moq_cover_days=policy.order_cover_weeks * 7,
    )
    return positions.join(proposals)


async def propose_order_list(
    session: AsyncSession,
    *,
    item_class: str,
    location_id: str | None,
    as_of: date | None,
    idempotency_key: str | None,
) -> OrderList:
    """Draft an order list from stock, forecasts and policy, and keep it.

    The same idempotency key with the same request answers the list it made before.

    Raises:
        UnknownLocation: if the location is not known.
        NothingToOrder: if no item has to be ordered.
        OutsideForecast: if the forecast does not cover what an order of that day has to last.
        IdempotencyConflict: if the key came with another request before.
    """
    request = json.dumps([item_class, location_id, as_of.isoformat() if as_of else None])
    request_hash = hashlib.sha256(request.encode()).hexdigest()
    if idempotency_key is not None:
        earlier = await _earlier(session, idempotency_key, request_hash)
        if earlier is not None:
            return earlier
    if location_id is not None and not await orders.location_exists(session, location_id):
        raise UnknownLocation(f"location_id '{location_id}' is not known")
    run = await run_in_force(session)
    if run is None:
        raise NothingToOrder("there is no forecast yet: import sales, then evaluate")
    day = as_of or max(run.as_of, await inventory.last_data_day(session) or run.as_of)
    in_force = await policy_in_force(session)
    positions = await _positions(session, day, item_class, location_id, in_force.policy, run)
    proposals, not_ordered = _proposals(positions, in_force.policy)
    wanted = proposals[proposals["quantity"] > 0]
    if wanted.empty:
        told = ", ".join(f"{count} {why}" for why, count in not_ordered.items())
        raise NothingToOrder(f"none of {len(positions)} items has to be ordered: {told or 'none'}")
    order_list = OrderList(
        item_class=item_class,
        location_id=location_id,
        as_of=day,
        policy_version=in_force.version,
        summary=_summary(wanted, items=len(positions), not_ordered=not_ordered),
        data_flags=_flags(wanted, is_stale=day >= run.as_of + timedelta(weeks=1)),
        idempotency_key=idempotency_key,
        request_hash=request_hash,
    )
    session.add(order_list)
    await session.flush()
    session.add_all(_line(order_list.order_list_id, row) for row in wanted.to_dict("records"))
    await session.flush()
    return order_list


async def _positions(
    session: AsyncSession,
    day: date,
    item_class: str,
    location_id: str | None,
    policy: Policy,
    run: ForecastRun,
) -> pd.DataFrame:
    """The positions to look at, with demand over lead time, and over lead time and review."""
    lead, cover = policy.lead_time_weeks, policy.lead_time_weeks + policy.order_review_weeks
    if day < run.as_of:
        raise OutsideForecast(
            f"the forecast in force begins after {run.as_of}, which is later than {day}: evaluate"
        )
    passed = (day - run.as_of).days // run.step_days * run.step_days
    if passed + 7 * cover > 7 * run.horizon_weeks:
        raise OutsideForecast(
            f"the forecast in force covers {run.horizon_weeks} weeks after {run.as_of}; an order"
            f" of {day} has to last {cover} weeks: evaluate"
        )
    positions = await orders.order_positions(
        session,
        day,
        item_class=item_class,
        lead_weeks=lead,
        cover_weeks=cover,
    )
    if location_id is None:
        return positions
    return positions[positions["location_id"] == location_id].reset_index(drop=True)


async def _earlier(
    session: AsyncSession, idempotency_key: str, request_hash: str
) -> OrderList | None:
    """The list that this key has made before, if any."""
    # Two retries at once: the second waits here for the first, then finds its list.
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"order-list {idempotency_key}"},
    )
    earlier = await orders.order_list_by_key(session, idempotency_key)
    if earlier is not None and earlier.request_hash != request_hash:
        raise IdempotencyConflict("send a new Idempotency-Key for another request")
    return earlier


def _line(order_list_id: int, row: dict[Hashable, Any]) -> OrderLine:
    cost = None if np.isnan(row["unit_cost"]) else row["unit_cost"]
    return OrderLine(
        order_list_id=order_list_id,
        sku_id=row["sku_id"],
        location_id=row["location_id"],
        inventory_position=float(row["inventory_position"]),
        safety_stock=row["safety_stock"],
        reorder_point=row["reorder_point"],
        order_up_to=row["order_up_to"],
        needed_quantity=row["needed_quantity"],
        quantity=int(row["quantity"]),
        unit_cost=cost,
        amount=None if cost is None else round(cost * int(row["quantity"]), 2),
        days_of_supply_before=_number(row["days_of_cover_before"]),
        days_of_supply_after=_number(row["days_of_cover_after"]),
        reason=str(row["reason"]),
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _proposals(positions: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, dict[str, int]]:
    """What is proposed for the positions that can be judged; why the others are not ordered."""
    why_not = {
        "no_stock_record": positions["on_hand"].isna(),
        "no_forecast": positions["cover_demand_mean"].isna(),
    }
    is_known = ~np.logical_or.reduce(list(why_not.values()))
    proposals = order_proposals(positions[is_known].reset_index(drop=True), policy)
    reasons = proposals.loc[proposals["quantity"] == 0, "reason"].value_counts()
    return proposals, {
        **{why: int(is_so.sum()) for why, is_so in why_not.items() if is_so.any()},
        **{str(reason): int(count) for reason, count in reasons.items()},
    }


def _summary(wanted: pd.DataFrame, *, items: int, not_ordered: dict[str, int]) -> dict[str, Any]:
    amount = (wanted["quantity"] * wanted["unit_cost"]).round(2).sum()  # as the lines say
    return {
        "lines": len(wanted),
        "units": int(wanted["quantity"].sum()),
        "amount": round(float(amount), 2),
        "items_considered": items,
        "not_ordered": not_ordered,
    }


def _flags(wanted: pd.DataFrame, *, is_stale: bool) -> dict[str, Any]:
    counts = {
        "derived_stock": int(wanted["is_derived"].sum()),
        "derived_cost": int(wanted["is_cost_derived"].sum()),
        "no_cost": int(wanted["unit_cost"].isna().sum()),
        "stale_stock": int(wanted["is_stale"].sum()),
        "stale_forecast": len(wanted) if is_stale else 0,
        "default_lead_time": len(wanted),
    }
    return {name: count for name, count in counts.items() if count}


async def approve_order_list(
    session: AsyncSession, order_list_id: int, *, approved_by: str
) -> OrderList:
    """Approve a proposed list; approving it again changes nothing.

    Raises:
        UnknownOrderList: if there is none of this number.
    """
    order_list = await orders.order_list(session, order_list_id, for_update=True)
    if order_list is None:
        raise UnknownOrderList(f"order list {order_list_id} does not exist")
    if order_list.status == OrderStatus.APPROVED:
        return order_list
    order_list.status = OrderStatus.APPROVED
    order_list.approved_by = approved_by
    order_list.approved_at = await session.scalar(func.now().select())
    await session.flush()
    return order_list
