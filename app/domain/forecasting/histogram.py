"""Quantiles that can be merged: counts of positive numbers in bins of 4 %.

Counts are whole, so those of a data set are exactly the sums of those of its pieces, whatever the
pieces. A median of medians would not be.
"""

import numpy as np

from app.domain.demand import Floats, Ints

LEAST, BINS_PER_DECADE, DECADES = 1e-4, 60, 12
BINS = BINS_PER_DECADE * DECADES + 2  # the first holds what is below, the last what is above


def bins(value: Floats) -> Ints:
    """Which bin each number belongs to; the first one for 0."""
    with np.errstate(divide="ignore"):
        place = np.floor(np.log10(value / LEAST) * BINS_PER_DECADE) + 1
    answer: Ints = np.clip(np.nan_to_num(place, neginf=0.0), 0, BINS - 1).astype(np.int64)
    return answer


def middle(counts: Ints) -> float | None:
    """Median of what was counted, at the place that its rank has in its bin; None if nothing."""
    n = int(counts.sum())
    if n == 0:
        return None
    up_to = np.cumsum(counts)
    place = int(np.searchsorted(up_to, n / 2))
    if place == 0:
        return 0.0
    within = (n / 2 - up_to[place - 1]) / counts[place]
    return float(LEAST * 10 ** ((place - 1 + within) / BINS_PER_DECADE))


def quantile(counts: Ints, level: float) -> float:
    """The lower end of the bin in which this share of what was counted is reached; 0 for none."""
    up_to = np.cumsum(counts)
    place = int(np.searchsorted(up_to, level * up_to[-1]))
    return 0.0 if place == 0 else float(LEAST * 10 ** ((place - 1) / BINS_PER_DECADE))
