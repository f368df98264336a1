"""The demand of a partition, as the engine wants it: what would have sold in usual circumstances.

Gross sales; less what was brought back, on the day it was bought; without bulk orders and
outliers; at usual prices; and with goods on the shelf. In this order, each step on what the one
before has left.

Accuracy is measured on what was really sold, the first two of these; see `held_out`. Periods in
which goods ran out are not known.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import numpy as np
import psycopg

from app.domain.demand import Floats, Ints
from app.domain.forecasting import outliers
from app.domain.forecasting.own_elasticity import own_elasticity
from app.domain.forecasting.pieces import Series
from app.domain.forecasting.promotions import Discounts, Promotions, discounts
from app.domain.forecasting.true_demand import TrueDemand, true_demand
from app.queries import (
    bulk_orders,
    exposure,
    forecast_partitions,
    launches,
    return_deltas,
)
from app.queries import promotions as promotion_queries
from app.queries.forecast_partitions import Keys, Slice
from app.services.forecasting import findings
from app.services.forecasting.findings import Finding
from app.services.forecasting.planning import Plan

Bools: TypeAlias = np.typing.NDArray[np.bool_]

USUAL = "usual rate of all items"  # what is new borrows that where too few launches were seen
KNOWN_SHARE = 0.5  # of the days that counts must tell of, for stockouts to count as known


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some series of a run with their demand.

    Attributes:
        keys: which series these are.
        series: their demand and what they borrow from.
        estimated_share: share of the demand of each that is estimated, since stock was out (n,).
        borrowed_from: the items from whose sales each would be forecast while it is new.
        promotions: what is known of them, past and to come.
        elasticity_sd: how unsure the elasticity of each of ``promotions.rows`` is (k,).
        findings: what was met on the way.
    """

    keys: Keys
    series: Series
    estimated_share: Floats
    borrowed_from: list[str]
    promotions: Promotions
    elasticity_sd: Floats
    findings: list[Finding]


def read(connection: psycopg.Connection[Any], plan: Plan, of: Slice) -> Piece:
    """Read the demand of some series.

    Raises:
        RunIsOver: if the run was given up meanwhile.
    """
    keys = forecast_partitions.keys(connection, of)
    sold = _sold(connection, plan, of, keys)
    damped = _damped(connection, plan, of, sold)
    off = _discounts(connection, plan, of)
    lookalike = _lookalikes(connection, plan, of)
    share = _exposure(connection, plan, of)
    elasticity, elasticity_sd = _elasticity(plan, off, damped.demand, share)
    known = off.at(elasticity)
    estimated = _estimated(plan, share, known.without(damped.demand), lookalike)
    names = () if plan.launch is None else plan.launch.names
    return Piece(
        keys=keys,
        series=Series(
            demand=estimated.demand,
            group=keys.group,
            lookalike=lookalike,
            promotion=known.ahead(of.series),
            actual=np.where(share < 1, np.nan, sold),
            past_promotion=known.past(of.series, plan.calendar.periods(plan.settings.origin_days)),
        ),
        estimated_share=estimated.estimated_share,
        borrowed_from=[names[row] if row >= 0 else USUAL for row in lookalike.tolist()],
        promotions=known,
        elasticity_sd=elasticity_sd,
        findings=[
            *findings.of_damped(damped, plan.calendar),
            *findings.of_promotions(known, plan.calendar),
            *findings.of_stockouts(estimated),
        ],
    )


def _sold(connection: psycopg.Connection[Any], plan: Plan, of: Slice, keys: Keys) -> Floats:
    """Units that were bought and kept (n, T), NaN before the first of each series."""
    demand = np.zeros((of.series, plan.history))
    for number, offsets, units in forecast_partitions.sales(connection, of, keys):
        demand[number - of.first, plan.history - 1 + offsets] = units
    back = return_deltas.return_deltas(connection, of, keys)
    demand[back["number"] - of.first, plan.history - 1 + back["offset"]] -= back["units"]
    np.maximum(demand, 0.0, out=demand)
    first = _first_columns(plan, keys)
    # A first sale that was brought back is no sale, unless nothing else has ever sold.
    kept = (demand > 0).any(axis=1) & (first > 0)
    first[kept] = np.argmax(demand[kept] > 0, axis=1)
    lies = launches.stocked_since(connection, of)
    first[lies["number"] - of.first] = np.maximum(plan.history - 1 + lies["offset"], 0)
    demand[np.arange(plan.history) < first[:, None]] = np.nan
    return demand


def _first_columns(plan: Plan, keys: Keys) -> Ints:
    """The column of each first sale, 0 if that was before the history; T if there was none."""
    as_of, step = plan.calendar.as_of, plan.calendar.step_days
    ago = [-1 if first is None else (as_of - first).days // step for first in keys.first_sold_on]
    return np.maximum(plan.history - 1 - np.array(ago, np.int64), 0)


def _damped(
    connection: psycopg.Connection[Any], plan: Plan, of: Slice, sold: Floats
) -> outliers.Damped:
    row, column = outliers.suspects(sold, plan.usual)
    offsets = column - (plan.history - 1)
    largest = bulk_orders.largest_orders(connection, of, of.first + row, offsets)
    return outliers.damped(sold, plan.usual, largest, step_days=of.step_days)


def _discounts(connection: psycopg.Connection[Any], plan: Plan, of: Slice) -> Discounts:
    until = of.as_of + timedelta(days=plan.horizon * of.step_days)
    spans = promotion_queries.promotion_spans(connection, of, until=until)
    return discounts(
        spans["number"].astype(np.int64) - of.first,
        spans["first_day"].astype(np.int64),
        spans["last_day"].astype(np.int64),
        spans["depth"].astype(np.float64),
        history=plan.history,
        horizon=plan.horizon,
        step_days=of.step_days,
    )


def _elasticity(plan: Plan, off: Discounts, demand: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Of the series with discounts, from days with goods before the origin that is held out."""
    learnt = max(plan.history - plan.calendar.periods(plan.settings.origin_days), 0)
    sold = np.where(share < 1, np.nan, demand)[off.rows, :learnt]
    return own_elasticity(
        sold,
        off.strength[:, :learnt],
        prior=plan.elasticity,
        prior_sd=plan.elasticity_sd,
        block=plan.calendar.periods(plan.settings.elasticity_block_days),
    )


def _lookalikes(connection: psycopg.Connection[Any], plan: Plan, of: Slice) -> Ints:
    """The launch curve that each series borrows from while it is new, -1 without any."""
    if plan.launch is None:
        return np.full(of.series, -1, np.int64)
    like = launches.likeness(connection, of)
    return np.array([plan.launch.row(*groups) for groups in like], np.int64)


def _exposure(connection: psycopg.Connection[Any], plan: Plan, of: Slice) -> Floats:
    """How much of each period goods were on sale (n, T), as far as anybody can know."""
    share = np.ones((of.series, plan.history))
    for number, offsets, shares in exposure.exposures(connection, of):
        share[number - of.first, plan.history - 1 + offsets] = shares
    return share


def _estimated(plan: Plan, share: Floats, demand: Floats, lookalike: Ints) -> TrueDemand:
    step_days = plan.calendar.step_days
    usual = np.full(len(demand), np.nan)
    if plan.launch is not None:
        has = lookalike >= 0
        usual[has] = plan.launch.mean.mean(axis=1)[lookalike[has]]
    return true_demand(
        demand,
        share,
        step_days=step_days,
        profile=plan.profile,
        prior_rate=usual,
    )


def is_stock_known(connection: psycopg.Connection[Any], of: Slice) -> Bools:
    """Whether stock was counted often enough to tell on what days goods were on sale (n,)."""
    counted = exposure.counted_shares(connection, of)
    known = np.zeros(of.series, np.bool_)
    known[counted["number"] - of.first] = counted["share"] >= KNOWN_SHARE
    return known
