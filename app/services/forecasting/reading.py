"""The demand of a partition, as the engine wants it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import psycopg

from app.domain.demand import Floats
from app.domain.forecasting.engine import Series
from app.queries import forecast_partitions
from app.queries.forecast_partitions import Keys, Slice
from app.services.forecasting.planning import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was met in a series that somebody should know."""

    row: int  # of the piece
    code: str
    detail: dict[str, Any]
    found_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some series of a run with their demand.

    Attributes:
        keys: which series these are.
        series: their demand and what they borrow from.
        estimated_share: share of the demand of each that is estimated, since stock was out (n,).
        borrowed_from: the items from whose sales a new one is forecast, None for the others.
        findings: what was met on the way.
    """

    keys: Keys
    series: Series
    estimated_share: Floats
    borrowed_from: list[str | None]
    findings: list[Finding]


def read(connection: psycopg.Connection[Any], plan: Plan, of: Slice) -> Piece:
    """Read the demand of some series.

    Raises:
        RunIsOver: if the run was given up meanwhile.
    """
    keys = forecast_partitions.keys(connection, of)
    demand = _sold(connection, plan, of, keys)
    n = of.series
    return Piece(
        keys=keys,
        series=Series(demand=demand, group=keys.group, lookalike=np.full(n, -1, np.int64)),
        estimated_share=np.zeros(n),
        borrowed_from=[None] * n,
        findings=[],
    )


def _sold(connection: psycopg.Connection[Any], plan: Plan, of: Slice, keys: Keys) -> Floats:
    """Net units (n, T), NaN before the first sale of each series."""
    demand = np.zeros((of.series, plan.history))
    for number, offsets, units in forecast_partitions.sales(connection, of, keys):
        demand[number - of.first, plan.history - 1 + offsets] = units
    np.maximum(demand, 0.0, out=demand)
    return _blank_before(demand, _first_columns(plan, keys))


def _first_columns(plan: Plan, keys: Keys) -> np.typing.NDArray[np.int64]:
    """The column of each series' first sale, 0 if that was earlier than the history looked at."""
    as_of, step = plan.calendar.as_of, plan.calendar.step_days
    ago = [
        plan.history if first is None else (as_of - first).days // step
        for first in keys.first_sold_on
    ]
    return np.maximum(plan.history - 1 - np.array(ago, np.int64), 0)


def _blank_before(demand: Floats, first: np.typing.NDArray[np.int64]) -> Floats:
    """NaN where nothing is known yet; a first sale that was brought back is no sale."""
    columns = np.arange(demand.shape[1])
    demand[columns < first[:, None]] = np.nan
    return demand
