"""How good forecasts are: measured where they were not fitted.

Matrices are (n, T) for histories (NaN before the first sale), (n, H) for actual and forecast
demand and (n, levels, H) for quantiles. Per-series measures are scaled by how much the series
itself changes from week to week, so that large and small sellers count alike; shares of total
units (WAPE, bias) let the large ones count for more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app.domain.demand import Floats, Ints


@dataclass(frozen=True, slots=True)
class Origin:
    """A week in the past from which to forecast."""

    weeks_known: int
    rows: Ints  # which series were on sale by then
    history: Floats  # (rows, weeks_known)
    actual: Floats  # (rows, H): what came


def rolling_origin(demand: Floats, *, horizon: int, origins: int, step: int) -> Iterator[Origin]:
    """Walk back through the past: forecast from each of these weeks, as if it were today.

    Args:
        demand: demand matrix (n, T).
        horizon: H, weeks to forecast; the latest origin leaves just as many.
        origins: number of origins, latest first.
        step: weeks between them.

    Raises:
        ValueError: if the history is too short for so many origins.
    """
    latest = demand.shape[1] - horizon
    if latest - (origins - 1) * step < 1:
        raise ValueError("the history is too short for so many origins")
    for known in range(latest, latest - origins * step, -step):
        rows = np.flatnonzero(~np.isnan(demand[:, known - 1]))
        past, future = demand[rows, :known], demand[rows, known : known + horizon]
        yield Origin(known, rows, past, future)


def rmsse(history: Floats, actual: Floats, forecast: Floats) -> Floats:
    """Root mean squared scaled error per series; below 1 is better than last week's demand.

    NaN where the history never changes.

    Source:
        M5 Competitors' Guide (2020): √(mean squared error / mean squared change of history).
    """
    scale = _mean_change(history, power=2)
    error = ((actual - forecast) ** 2).mean(axis=1)
    return np.sqrt(_ratio(error, scale))


def scaled_pinball(
    history: Floats, actual: Floats, quantiles: Floats, levels: Sequence[float]
) -> Floats:
    """Scaled pinball loss per series, mean over levels and weeks; smaller is better.

    NaN where the history never changes.

    Source:
        M5 Competitors' Guide (2020), uncertainty track: pinball loss / mean absolute change.
    """
    level = np.asarray(levels)[:, None]
    gap = actual[:, None, :] - quantiles
    loss = np.maximum(level * gap, (level - 1) * gap).mean(axis=(1, 2))
    return _ratio(loss, _mean_change(history, power=1))


def coverage(actual: Floats, quantiles: Floats) -> Floats:
    """Share of weeks that stayed at or below each quantile (n, levels).

    Right if it equals the level; counts of slow movers lie above it, for most of their quantiles
    are ties at zero.
    """
    share: Floats = (actual[:, None, :] <= quantiles).mean(axis=2)
    return share


def wape(actual: Floats, forecast: Floats) -> float:
    """Absolute error of all cells as a share of all units sold; NaN where nothing sold.

    Weekly: pass the matrices. Of horizon totals: pass their row sums.
    """
    sold = float(actual.sum())
    return float(np.abs(actual - forecast).sum()) / sold if sold > 0 else np.nan


def bias(actual: Floats, forecast: Floats) -> float:
    """Units forecast too many, as a share of all units sold; NaN where nothing sold."""
    sold = float(actual.sum())
    return float((forecast - actual).sum()) / sold if sold > 0 else np.nan


def accuracy(
    origin: Origin, forecast: Floats, quantiles: Floats, levels: Sequence[float]
) -> dict[str, float]:
    """All measures of the forecasts from one origin.

    Args:
        origin: past and future of n series.
        forecast: mean units per week (n, H).
        quantiles: (n, levels, H).
        levels: their probabilities.

    Returns:
        ``series`` n; ``rmsse`` and ``spl`` (scaled pinball loss), means over the series that have
        them; ``wape`` of weeks, ``total_wape`` of horizon totals, ``bias``; and ``coverage_<p>``
        for each level.
    """
    totals = origin.actual.sum(axis=1), forecast.sum(axis=1)
    held = coverage(origin.actual, quantiles)
    return {
        "series": float(len(forecast)),
        "rmsse": _mean(rmsse(origin.history, origin.actual, forecast)),
        "spl": _mean(scaled_pinball(origin.history, origin.actual, quantiles, levels)),
        "wape": wape(origin.actual, forecast),
        "total_wape": wape(*totals),
        "bias": bias(origin.actual, forecast),
        **{f"coverage_{p:g}": _mean(held[:, i]) for i, p in enumerate(levels)},
    }


def accuracy_table(
    origin: Origin, forecasts: pd.DataFrame, levels: Sequence[float], *, by: str
) -> pd.DataFrame:
    """`accuracy` for each group of series, and for all.

    Args:
        origin: past and future of n series.
        forecasts: one row for each of them, with columns ``yhat``, ``quantiles`` and ``by``, as
            from `forecast_series`.
        levels: probabilities of the quantiles.
        by: column to group by, such as ``demand_class``, ``method`` or ``reason``.

    Returns:
        One row per group, indexed by it, and one called ``all``; columns as in `accuracy`.
    """
    yhat, quantiles = (np.stack(list(forecasts[name])) for name in ("yhat", "quantiles"))
    group = forecasts[by].to_numpy()
    masks = {str(name): group == name for name in np.unique(group)}
    masks["all"] = np.ones(len(group), dtype=np.bool_)
    table = {
        name: accuracy(
            Origin(origin.weeks_known, origin.rows[m], origin.history[m], origin.actual[m]),
            yhat[m],
            quantiles[m],
            levels,
        )
        for name, m in masks.items()
    }
    return pd.DataFrame(table).T.rename_axis(by)


def _mean_change(history: Floats, *, power: int) -> Floats:
    change = np.abs(np.diff(history, axis=1)) ** power
    known = ~np.isnan(change)
    return _ratio(np.where(known, change, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    unknown = np.full_like(numerator, np.nan)
    return np.divide(numerator, denominator, out=unknown, where=denominator > 0)


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
