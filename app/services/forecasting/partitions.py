"""What a worker does with a partition: score it, then forecast it and write the drafts."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from app.domain.demand import Floats
from app.domain.forecasting import engine
from app.domain.forecasting.accuracy import AccuracySums
from app.domain.forecasting.boosted import sampled_series
from app.domain.forecasting.own_regressors import with_own_regressors
from app.domain.forecasting.pieces import Choice, SelectionScores, SeriesForecasts, Shared
from app.domain.forecasting.prophet_backend import Audit, audit
from app.domain.forecasting.sound import sound_demand
from app.queries import forecast_partitions
from app.services.forecasting import findings
from app.services.forecasting.drafts import drafts
from app.services.forecasting.findings import Finding
from app.services.forecasting.planning import Partition, Plan
from app.services.forecasting.reading import Piece, is_stock_known, read

AUDITED, LEAST_STRIDE = 40, 25  # series of a run, and of how many one at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What is the same for every partition of a run; ``url`` is that of the database."""

    url: str = field(repr=False)  # it may hold a password
    plan: Plan
    shared: Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    number: int
    demand: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    number: int
    scores: SelectionScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the run's summary needs to know of a partition that is written."""

    number: int
    accuracy: AccuracySums
    audit: Audit
    counts: dict[str, Counter[str]]  # of series, by class, method, reason; of findings
    failures: list[tuple[str, str, str]]  # SKU, location, what happened
    estimated_units: float
    units: float


def sample(url: str, plan: Plan, partition: Partition) -> Sampled:
    """The demand of those series of a partition that LightGBM learns from."""
    of = partition.slice
    numbers = sampled_series(plan.series, plan.settings)
    rows = numbers[(numbers >= of.first) & (numbers <= of.last)] - of.first
    if not len(rows):
        return Sampled(number=partition.number, demand=np.zeros((0, plan.history)))
    with forecast_partitions.connection(url) as connection:
        piece = read(connection, plan, of)
    return Sampled(number=partition.number, demand=piece.series.demand[rows])


def score(place: Workplace, partition: Partition) -> Scored:
    """The first pass: how each member would have done."""
    with forecast_partitions.connection(place.url) as connection:
        piece = read(connection, place.plan, partition.slice)
    return Scored(
        number=partition.number, scores=engine.selection_scores(piece.series, place.shared)
    )


def forecast(place: Workplace, choice: Choice, partition: Partition) -> Done:
    """The second pass: forecast, write, and mark the partition as done, in one transaction.

    It may have been done before, wholly or half: then the same rows take the place of those.

    Raises:
        RunIsOver: if the run was given up meanwhile; nothing is written.
    """
    of = partition.slice
    with forecast_partitions.connection(place.url) as connection:
        piece = read(connection, place.plan, of)
        stock_known = is_stock_known(connection, of)
    # no transaction, and no connection, is kept open over the computation
    found = engine.forecast(piece.series, place.shared, choice)
    with_own_regressors(
        found,
        np.array([number - of.first for number in place.plan.own if of.first <= number <= of.last]),
        piece.series.demand,
        piece.promotions,
        calendar=place.plan.calendar,
        settings=place.plan.settings,
    )
    audited = _audited(place.plan, piece, of)
    written = list(drafts(place.plan, piece, found, of, stock_known))
    met = [*piece.findings, *findings.of_forecasts(found, piece.borrowed_from)]
    with forecast_partitions.connection(place.url) as connection:
        forecast_partitions.begin_writing(connection, of, partition.number)
        forecast_partitions.write_drafts(connection, written)
        forecast_partitions.write_findings(connection, of, _found(piece, of, met))
        forecast_partitions.mark_done(connection, of.run_id, partition.number)
    codes = Counter(str(finding.code) for finding in met)
    return _done(partition.number, piece, found, codes, audited)


def _audited(plan: Plan, piece: Piece, of: forecast_partitions.Slice) -> Audit:
    """A few series fitted by real Prophet as well; which ones does not depend on the partitions."""
    stride = max(plan.series // AUDITED, LEAST_STRIDE)
    rows = np.arange(-of.first % stride, of.series, stride)
    sample, _ = sound_demand(piece.series.demand[rows])
    return audit(sample, calendar=plan.calendar, setup=plan.settings.prophet)


def _found(
    piece: Piece, of: forecast_partitions.Slice, met: list[Finding]
) -> list[tuple[int, str, str, date | None, str, dict[str, Any]]]:
    """Findings as they are written, under the keys of their series."""
    return [
        (
            of.first + finding.row,
            piece.keys.sku_id[finding.row],
            piece.keys.location_id[finding.row],
            finding.found_on,
            finding.code,
            finding.detail,
        )
        for finding in met
    ]


def _done(
    number: int, piece: Piece, found: SeriesForecasts, met: Counter[str], audited: Audit
) -> Done:
    units = np.nansum(piece.series.demand, axis=1)
    return Done(
        number=number,
        accuracy=found.accuracy,
        audit=audited,
        counts={
            "classes": Counter(found.demand_class.tolist()),
            "methods": Counter(found.method),
            "reasons": Counter(map(str, found.reason)),
            "findings": met,
        },
        failures=[
            (piece.keys.sku_id[row], piece.keys.location_id[row], failure)
            for row, failure in enumerate(found.failure)
            if failure is not None
        ],
        estimated_units=float((piece.estimated_share * units).sum()),
        units=float(units.sum()),
    )
