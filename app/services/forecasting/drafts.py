"""The forecasts of a partition as they are written, until the run comes into force."""

from collections.abc import Container, Iterator
from typing import Any, TypeAlias

import numpy as np

from app.domain.demand import Floats
from app.domain.forecasting.method_reason import OF_NEW_ITEMS
from app.domain.forecasting.pieces import SeriesForecasts
from app.domain.forecasting.stored import level_cv2
from app.queries.forecast_partitions import Slice
from app.services.forecasting.planning import Plan
from app.services.forecasting.reading import Bools, Piece

Reals: TypeAlias = np.typing.NDArray[np.float32]

LEVEL_DAYS = 56  # total whose CV² beyond Poisson says how unsure the level of demand is
NEGLIGIBLE = 1e-30  # in single precision there is nothing between this and nothing
LARGEST = 3e38  # that single precision can hold


def drafts(
    plan: Plan,
    piece: Piece,
    found: SeriesForecasts,
    of: Slice,
    stock_known: Bools,
) -> Iterator[dict[str, Any]]:
    """The rows of the drafts, in groups that share their texts, and so have one width."""
    variance = found.sum_variance
    variance += piece.promotions.variance(found.mean, piece.elasticity_sd)
    cv2 = _level_cv2(plan, found)
    promoted = _promoted(piece, found.mean)
    for key, members in _alike(piece, found, stock_known, promoted).items():
        demand_class, method, reason, borrowed_from, failure, unknown, has_promotion = key
        at = np.array(members)
        depth, sd, usual = (
            map(np.stack, zip(*(promoted[row] for row in members), strict=True))
            if has_promotion
            else (None, None, None)
        )
        yield {
            "forecast_run_id": np.full(len(at), of.run_id, np.int64),
            "series_number": (of.first + at).astype(np.int32),
            "demand_class": demand_class,
            "method": method,
            "method_reason": reason,
            "yhat": _stored(found.mean[at]),
            "sum_variance": _stored(variance[at]),
            "promotion_depth": depth,
            "promotion_sd": sd,
            "usual_yhat": usual,
            "level_cv2": cv2[at],
            "estimated_share": None if unknown else piece.estimated_share[at].astype(np.float32),
            "borrowed_from": borrowed_from,
            "failure": failure,
        }


def _alike(
    piece: Piece, found: SeriesForecasts, stock_known: Bools, promoted: Container[int]
) -> dict[tuple[str | None, ...], list[int]]:
    """Rows by the texts that they share."""
    texts = zip(
        found.demand_class.tolist(),
        found.method,
        map(str, found.reason),
        (
            name if reason in OF_NEW_ITEMS else None
            for name, reason in zip(piece.borrowed_from, found.reason, strict=True)
        ),
        found.failure,
        (None if known else "unknown" for known in stock_known.tolist()),
        ("promoted" if row in promoted else None for row in range(len(found.method))),
        strict=True,
    )
    rows: dict[tuple[str | None, ...], list[int]] = {}
    for row, key in enumerate(texts):
        rows.setdefault(key, []).append(row)
    return rows


def _promoted(piece: Piece, mean: Floats) -> dict[int, tuple[Reals, Reals, Reals]]:
    """Of rows with a promotion today or to come: its depth, its deviation, the mean without it."""
    known = piece.promotions
    depth = known.depths()
    sd = known.deviation(mean, piece.elasticity_sd)
    usual = mean[known.rows] / known.lift[:, known.history :]
    return {
        int(known.rows[k]): (depth[k].astype(np.float32), _stored(sd[k]), _stored(usual[k]))
        for k in np.flatnonzero((depth > 0).any(axis=1))
    }


def _stored(numbers: Floats) -> Reals:
    kept = np.where(numbers > NEGLIGIBLE, np.minimum(numbers, LARGEST), 0.0)
    return kept.astype(np.float32)


def _level_cv2(plan: Plan, found: SeriesForecasts) -> Floats:
    span = min(plan.calendar.periods(LEVEL_DAYS), plan.horizon)
    total = found.mean[:, :span].sum(axis=1)
    return level_cv2(total, found.dispersion[:, span - 1])
