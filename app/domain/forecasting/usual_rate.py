"""What a typical series sells, kept as counts that can be added up over pieces of a data set."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.histogram import BINS, bins, middle


@dataclass(frozen=True, slots=True)
class RateCounts:
    """How many series sell how many units per period, by bins of 4 %."""

    counts: Ints

    @classmethod
    def of(cls, rates: Floats) -> Self:
        """Of these series' units per period (n,)."""
        return cls(np.bincount(bins(rates), minlength=BINS))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts)

    @property
    def median(self) -> float:
        """Units per period of the series in the middle; 0 where there is none."""
        return middle(self.counts) or 0.0
