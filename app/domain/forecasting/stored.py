"""What is stored of a forecast, and how it is read: in days or weeks, with quantiles."""

import numpy as np
from numpy.typing import ArrayLike

from app.domain.demand import Floats
from app.domain.service_level import demand_quantile


def totals(
    yhat: ArrayLike,
    sum_variance: ArrayLike,
    promotion_sd: ArrayLike | None = None,
    *,
    step_days: int,
    days: int,
) -> tuple[Floats, Floats]:
    """Mean and variance of demand in each span of so many days.

    A span later on has the variance-to-mean ratio of the first span of its length, for that is how
    far totals of this length stray. What the unsure effect of promotions adds is that of the span's
    own promotions.

    Args:
        yhat: mean units of each period (H,).
        sum_variance: column L-1 is the variance of the total of the first L periods (H,).
        promotion_sd: how far that effect moves each period (H,), in ``sum_variance`` already; None
            without promotions.
        step_days: days in a period.
        days: in a span, a multiple of ``step_days``; what is left of the horizon is cut off.

    Returns:
        ``(mean, variance)``, an element a span.
    """
    mean, variance = np.asarray(yhat, np.float64), np.asarray(sum_variance, np.float64)
    size = days // step_days
    spans = len(mean) // size
    moved = np.zeros_like(mean) if promotion_sd is None else np.asarray(promotion_sd, np.float64)
    variance = np.maximum(variance - np.cumsum(moved) ** 2, 0.0)
    total = np.cumsum(mean)
    expected = np.flatnonzero(total[size - 1 :] > 0)  # of a forecast that begins with nothing
    ratio = 1.0
    if len(expected):
        at = size - 1 + expected[0]
        ratio = float(variance[at] / total[at])
    units, promoted = (x[: spans * size].reshape(spans, size).sum(axis=1) for x in (mean, moved))
    return units, ratio * units + promoted**2


def quantiles(mean: Floats, variance: Floats, levels: tuple[float, ...]) -> Floats:
    """Units that demand stays below with these chances (levels, spans); negative binomial."""
    return demand_quantile(mean, variance, np.asarray(levels)[:, None])


def level_cv2(mean_total: Floats, dispersion: Floats) -> Floats:
    """Squared coefficient of variation of demand beyond Poisson: how unsure its level is.

        CV² = max(V − m, 0)/m² = max(dispersion − 1, 0)/m

    Its inverse is the shape of the Gamma distribution of the level in sell or hold.

    Args:
        mean_total: m (n,), units forecast over some weeks.
        dispersion: variance-to-mean ratio (n,) of the same total.

    Returns:
        CV² (n,), 0 where no demand is forecast.
    """
    beyond = np.maximum(dispersion - 1, 0.0)
    return np.divide(beyond, mean_total, out=np.zeros_like(beyond), where=mean_total > 0)
