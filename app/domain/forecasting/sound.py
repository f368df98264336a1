"""Demand that can be calculated with."""

import numpy as np

from app.domain.demand import Floats

LARGEST = 1e15  # units in a period; whole numbers beyond are no longer exact, squares overflow


def sound_demand(demand: Floats) -> tuple[Floats, dict[int, str]]:
    """Demand that can be calculated with, and what is wrong with the rows that cannot.

    Less than nothing sold counts as nothing. A row with absurd amounts, or with gaps after its
    first sale, is taken as if it had never sold.
    """
    unknown = np.isnan(demand)
    started = np.maximum.accumulate(~unknown, axis=1)
    bad = ((demand > LARGEST) | np.isinf(demand) | (started & unknown)).any(axis=1)
    clean = np.maximum(np.ascontiguousarray(demand, np.float64), 0.0)
    clean[bad] = np.nan
    text = "The history holds gaps or absurd amounts; it is forecast as if never sold."
    return clean, {int(row): text for row in np.flatnonzero(bad)}


def sound_amounts(sold: Floats) -> Floats:
    """Amounts that can be judged by: less than nothing is nothing, absurd ones are not known."""
    amounts = np.maximum(np.ascontiguousarray(sold, np.float64), 0.0)
    amounts[amounts > LARGEST] = np.nan
    return amounts
