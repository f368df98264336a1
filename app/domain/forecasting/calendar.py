"""The periods of a forecast: days or trading weeks, counted from today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from app.domain.demand import Ints


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods of equal length, of which the one with offset 0 ends on ``as_of``.

    The period before it has offset -1, the first to be forecast 1. A trading week ends on the
    weekday of ``as_of``, so the latest is always complete.

    Attributes:
        as_of: the last day that is known.
        step_days: 1 for days, 7 for weeks.
    """

    as_of: date
    step_days: int = 1

    def ends(self, offsets: Sequence[int] | Ints) -> pd.DatetimeIndex:
        """Last days of the periods at these offsets."""
        days = pd.to_timedelta(self.step_days * np.asarray(offsets, dtype=np.int64), unit="D")
        return pd.DatetimeIndex(pd.Timestamp(self.as_of) + days)

    def periods(self, days: int) -> int:
        """How many periods cover so many days, at least one."""
        return max(-(-days // self.step_days), 1)
