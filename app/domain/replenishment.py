"""How much of a staple to order today, and why: the (R, s, S) policy.

The reorder point 発注点 s and the order-up-to level 補充点 S are service-level quantiles of
demand over the time that an order must last; the supplier's rules turn the gap into an order.
"""

from enum import StrEnum
from math import inf, nan
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from app.domain.service_level import NEGLIGIBLE, demand_quantile, no_stockout_probability

Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]

# numbers that a position must have, and the least each may be
LEAST = {
    "on_hand": -inf,
    "on_order": 0.0,
    "overdue_on_order": 0.0,
    "allocated": 0.0,
    "moq": 0.0,
    "lot_size": 1.0,
    "lead_time_days": 0.0,
    "lead_time_demand_mean": 0.0,
    "lead_time_demand_variance": 0.0,
    "cover_demand_mean": 0.0,
    "cover_demand_variance": 0.0,
}

LEVELS = ["safety_stock", "safety_factor", "reorder_point", "order_up_to", "inventory_position"]


class Review(StrEnum):
    """When an order may be placed, hence how long the reorder point must last."""

    CONTINUOUS = "continuous"  # 随時発注: any day, so s covers the lead time L
    PERIODIC = "periodic"  # 定期発注: every R days, so s covers R + L and equals S


class Rounding(StrEnum):
    UP = "up"
    NEAREST = "nearest"
    DOWN = "down"


class Reason(StrEnum):
    """Why an order line has its quantity; the first that applies, zeros before orders."""

    DISCONTINUED = "discontinued"  # 終売
    NO_DEMAND = "no_demand"  # 需要予測がゼロ
    ENOUGH_STOCK = "enough_stock"  # 在庫ポジションが発注点を上回る、または補充点に達している
    MOQ_EXCEEDS_MAX_COVER = "moq_exceeds_max_cover"  # 最小発注数が許容在庫日数を超える
    BELOW_ONE_LOT = "below_one_lot"  # 必要数が1ロットに満たない(切り捨て・四捨五入のとき)
    MAX_STOCK = "max_stock"  # 最大在庫まで1回分の余地がない
    CUT_TO_MAX_STOCK = "cut_to_max_stock"  # 最大在庫まで減らした
    RAISED_TO_MOQ = "raised_to_moq"  # 最小発注数まで増やした
    ROUNDED_TO_LOT = "rounded_to_lot"  # 発注単位に丸めた
    ORDER_UP_TO = "order_up_to"  # 補充点まで


def round_to_lot(units: ArrayLike, lot_size: ArrayLike, rounding: Rounding) -> Floats:
    """Units as whole lots 発注単位; half a lot is rounded up by `NEAREST`."""
    lot = np.asarray(lot_size, np.float64)
    lots = np.asarray(units, np.float64) / lot
    match rounding:
        case Rounding.UP:
            whole = np.ceil(lots)
        case Rounding.NEAREST:
            whole = np.floor(lots + 0.5)
        case Rounding.DOWN:
            whole = np.floor(lots)
    return np.asarray(whole * lot, np.float64)


def order_quantities(
    levels: pd.DataFrame, *, max_moq_cover_days: float, rounding: Rounding = Rounding.UP
) -> pd.DataFrame:
    """Turn the gap to the order-up-to level into an order that the supplier accepts.

    An order is due once the position is at or below the reorder point. The smallest order,
    MOQ in whole lots, is placed for a smaller need only while it lasts no longer than
    ``max_moq_cover_days``; the maximum stock is never exceeded, not even for the MOQ.

    Args:
        levels: one row per line, with ``inventory_position``, ``reorder_point``,
            ``order_up_to``, ``moq``, ``lot_size``, ``max_stock`` (NaN: none), all in units;
            ``daily_demand`` (units per day) and ``is_discontinued``.
        max_moq_cover_days: longest time that an order above the need may last, days.
        rounding: how a need is brought to whole lots.

    Returns:
        Same index: ``needed_quantity`` (before the rules), ``quantity`` (after them), both
        whole units, and ``reason`` (`Reason`).
    """
    position = levels["inventory_position"].to_numpy(np.float64)
    lot, moq = levels["lot_size"].to_numpy(np.float64), levels["moq"].to_numpy(np.float64)
    daily = levels["daily_demand"].to_numpy(np.float64)
    discontinued = levels["is_discontinued"].to_numpy(np.bool_)
    gap = levels["order_up_to"].to_numpy(np.float64) - position
    is_due = (position <= levels["reorder_point"].to_numpy(np.float64)) & (gap > 0)
    need = np.where(is_due, np.ceil(gap - 1e-9), 0.0)  # 1e-9: 11.000000001 units are 11

    smallest = round_to_lot(np.maximum(moq, 1), lot, Rounding.UP)
    wanted = round_to_lot(np.maximum(need, moq), lot, rounding)
    wanted = np.where(wanted > 0, np.maximum(wanted, smallest), 0.0)
    max_stock = np.nan_to_num(_floats(levels["max_stock"]), nan=inf)
    room = round_to_lot(max_stock - position, lot, Rounding.DOWN)
    allowed = np.minimum(wanted, room)

    why_none: dict[Reason, Bools] = {
        Reason.DISCONTINUED: discontinued,
        Reason.NO_DEMAND: (need == 0) & (daily == 0),
        Reason.ENOUGH_STOCK: need == 0,
        Reason.BELOW_ONE_LOT: wanted == 0,
        Reason.MOQ_EXCEEDS_MAX_COVER: (need < smallest) & (smallest > max_moq_cover_days * daily),
        Reason.MAX_STOCK: allowed < smallest,
    }
    why_so_many: dict[Reason, Bools] = {
        Reason.CUT_TO_MAX_STOCK: allowed < wanted,
        Reason.RAISED_TO_MOQ: need < moq,
        Reason.ROUNDED_TO_LOT: wanted != need,
    }
    reasons = why_none | why_so_many
    is_none = np.logical_or.reduce(list(why_none.values()))
    return pd.DataFrame(
        {
            "needed_quantity": need.astype(np.int64),
            "quantity": np.where(is_none, 0.0, allowed).astype(np.int64),
            "reason": np.select(
                list(reasons.values()), [r.value for r in reasons], Reason.ORDER_UP_TO.value
            ),
        },
        index=levels.index,
    )


def order_lines(
    positions: pd.DataFrame,
    *,
    review_days: float,
    service_level: float,
    max_moq_cover_days: float,
    review: Review = Review.PERIODIC,
    rounding: Rounding = Rounding.UP,
    normal_above: float = inf,
) -> pd.DataFrame:
    """Propose an order, or say why none, for every staple item at a location.

    With X the demand over the span that the reorder point must last (`Review`):
    s = Q_X(α), safety stock 安全在庫 SS = s − E[X], safety factor 安全在庫係数 k = SS/√Var X,
    S = Q(α) of demand over R + L. SS is negative where α is met by less than mean demand.

    Args:
        positions: one row per item and location, any index; other columns are ignored.
            ``on_hand`` (negative counts as 0 and is flagged), ``on_order``, its part
            ``overdue_on_order`` that is no longer believed in, ``allocated`` (reserved and
            backordered), ``moq``, ``lot_size`` ≥ 1, ``max_stock`` (null: none), in units;
            ``lead_time_days`` L; ``lead_time_demand_mean`` and ``…_variance`` over L,
            ``cover_demand_mean`` and ``…_variance`` over R + L, from errors of rolling
            sums; ``service_level`` (null: the default); ``is_discontinued``.
        review_days: R, days between two orders.
        service_level: α where the row has none: P(no stockout until the next order lands).
        max_moq_cover_days: see `order_quantities`.
        review: whether an order may be placed every day or every R days.
        rounding: see `order_quantities`.
        normal_above: see `demand_quantile`.

    Returns:
        Same rows and index: ``safety_stock``, ``safety_factor``, ``reorder_point``,
        ``order_up_to``, ``inventory_position``, ``needed_quantity``, ``quantity``, ``reason``,
        ``days_of_cover_before`` and ``…_after`` (position ÷ mean daily demand),
        ``days_until_stockout`` (of free stock on hand, if nothing arrives), these three NaN
        without demand; ``service_probability`` (that the position after the order outlasts
        the span of s); ``is_on_hand_negative``, ``is_overdue_excluded``.

    Raises:
        ValueError: if a number is missing or out of its range; names the column.
    """
    p = _checked(positions, review_days=review_days, service_level=service_level)
    span = p.filter(like="cover_demand" if review is Review.PERIODIC else "lead_time_demand")
    mean, variance = span.to_numpy().T
    alpha = p["service_level"]
    reorder_point = demand_quantile(mean, variance, alpha, normal_above=normal_above)
    order_up_to = demand_quantile(
        p["cover_demand_mean"], p["cover_demand_variance"], alpha, normal_above=normal_above
    )
    on_hand = np.maximum(p["on_hand"], 0)
    position = on_hand + p["on_order"] - p["overdue_on_order"] - p["allocated"]
    daily = (p["cover_demand_mean"] / (review_days + p["lead_time_days"])).to_numpy()
    daily = np.where(daily > NEGLIGIBLE, daily, 0.0)
    levels = p[["moq", "lot_size", "max_stock", "is_discontinued"]].assign(
        safety_stock=reorder_point - mean,
        safety_factor=_ratio(reorder_point - mean, np.sqrt(variance), otherwise=0.0),
        reorder_point=reorder_point,
        # S < s only where the measured variances contradict each other
        order_up_to=np.maximum(order_up_to, reorder_point),
        inventory_position=position,
        daily_demand=daily,
    )
    ordered = order_quantities(levels, max_moq_cover_days=max_moq_cover_days, rounding=rounding)
    after = position + ordered["quantity"]
    return pd.concat([levels[LEVELS], ordered], axis=1).assign(
        days_of_cover_before=_ratio(np.maximum(position, 0), daily),
        days_of_cover_after=_ratio(np.maximum(after, 0), daily),
        days_until_stockout=_ratio(np.maximum(on_hand - p["allocated"], 0), daily),
        service_probability=no_stockout_probability(
            after, mean, variance, normal_above=normal_above
        ),
        is_on_hand_negative=p["on_hand"] < 0,
        is_overdue_excluded=p["overdue_on_order"] > 0,
    )


def _checked(positions: pd.DataFrame, *, review_days: float, service_level: float) -> pd.DataFrame:
    """The columns of `order_lines` as floats; a ValueError names the first wrong one."""
    if not (review_days >= 0 and 0 < service_level < 1):
        raise ValueError("review_days must not be negative; service_level lies in (0, 1)")
    p = {name: _floats(positions[name]) for name in [*LEAST, "max_stock", "service_level"]}
    p["service_level"] = np.nan_to_num(p["service_level"], nan=service_level)
    is_right = {name: np.isfinite(p[name]) & (p[name] >= least) for name, least in LEAST.items()}
    is_right["overdue_on_order"] &= p["overdue_on_order"] <= p["on_order"]
    is_right["lead_time_days"] &= p["lead_time_days"] + review_days > 0
    is_right["service_level"] = (p["service_level"] > 0) & (p["service_level"] < 1)
    is_right["is_discontinued"] = positions["is_discontinued"].notna().to_numpy()
    for name, right in is_right.items():
        if not right.all():
            row = positions.index[int(np.argmin(right))]
            raise ValueError(f"{name} is missing or out of range, first in row {row!r}")
    columns = p | {"is_discontinued": positions["is_discontinued"].to_numpy(np.bool_)}
    return pd.DataFrame(columns, index=positions.index)


def _floats(column: pd.Series) -> Floats:
    """Numbers of any kind (Decimal, nullable, None) as floats, NaN where null."""
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), np.float64)


def _ratio(numerator: ArrayLike, denominator: Floats, otherwise: float = nan) -> Floats:
    """Quotient, ``otherwise`` where the denominator is 0."""
    quotient = np.full(len(denominator), otherwise)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient
