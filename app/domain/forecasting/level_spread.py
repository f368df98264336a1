"""How unsure the level of a class's demand is, so that 95 % of its lead times are met.

What a short history does not prove of a series' own errors, it borrows from its class: CV² beyond
Poisson of the total over a lead time (see `lead_time.dispersion`). That one number for each class
and lead time is chosen where it can be checked: from the past origins, as the smallest with which
95 % of the totals that came stayed within their 95 % quantile. So it makes good, on the whole,
whatever else the spread misses.

It holds what the origins it was chosen from held, and demand may drift: with it the next origin of
M5 held 93.0 to 94.7 % (three of them, 7, 14 and 28 days), while demand rose by 2 to 7 % more than
forecast.

For every series it is found how large CV² must be for its total to stay within; what is kept are
counts, so those of a data set are exactly the sums of those of its pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.accuracy import LEAD_DAYS
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.compiled import compiled
from app.domain.forecasting.lead_time import SPANS, RollingErrors, dispersion
from app.domain.forecasting.members import ALL
from app.domain.forecasting.pattern import CLASSES, NEW
from app.domain.forecasting.settings import ForecastSettings

LEVEL = 0.95
GRID = np.concatenate([[0.0], np.geomspace(0.01, 5.0, 192)])  # of CV²; coarser would round up
LONGEST_WALK = 500  # units; above, the Gamma distribution tells the same
LEAST_LOG = -600.0


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """Series by how large CV² had to be (subsets, classes, lead times, grid and never)."""

    counts: Ints

    @classmethod
    def none(cls) -> Self:
        """Of no series at all."""
        shape = (ALL + 1, len(CLASSES), len(LEAD_DAYS), len(GRID) + 1)
        return cls(np.zeros(shape, np.int64))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts)

    def add(
        self,
        mask: int,
        code: Ints,
        errors: RollingErrors,
        mean: Floats,
        actual: Floats,
        calendar: Calendar,
        settings: ForecastSettings,
    ) -> None:
        """Add what one origin shows of some series, in place.

        Args:
            mask: of the members whose mean the forecasts are.
            code: class (n,), -1 for series that were not on sale.
            errors: of the series up to the origin.
            mean: units forecast per period (n, H).
            actual: units sold (n, H).
            calendar: of the demand; only its grain counts.
            settings: see there.
        """
        rows = code >= 0
        horizon = mean.shape[1]
        ends = [
            dispersion(errors, np.full((len(mean), len(SPANS)), cv2), horizon, settings)
            for cv2 in (0.0, 1.0)  # it is linear in CV²
        ]
        for lead, days in enumerate(LEAD_DAYS):
            length = calendar.periods(days)
            if length > horizon:
                continue
            needed = _least_cv2(
                mean[:, :length].sum(axis=1),
                actual[:, :length].sum(axis=1),
                np.ascontiguousarray(ends[0][:, length - 1]),
                (ends[1] - ends[0])[:, length - 1].copy(),
                GRID,
                LEVEL,
            )
            np.add.at(self.counts[mask, :, lead], (code[rows], needed[rows]), 1)

    def cv2(self, masks: Sequence[int], calendar: Calendar, settings: ForecastSettings) -> Floats:
        """CV² beyond Poisson for every class and span (classes, spans).

        A class of too few series has that of all classes; if these are too few as well, the
        default. What is new has its own default, for others have proved themselves by selling.
        Between the lead times it is linear in the logarithm of the length; shorter and longer
        totals have that of the nearest.

        Args:
            masks: the members that each class is forecast by.
            calendar: of the demand; only its grain counts.
            settings: ``least_series``, ``least_totals``, ``default_cv2`` and ``new_cv2``.
        """
        counts = self.counts[list(masks), range(len(CLASSES))]
        at_leads = np.full((len(CLASSES), len(LEAD_DAYS)), settings.default_cv2)
        at_leads[NEW] = settings.new_cv2
        for lead in range(len(LEAD_DAYS)):
            everyone = counts[:, lead].sum(axis=0)
            for code in range(len(CLASSES)):
                own = counts[code, lead]
                is_proven = own.sum() >= settings.least_series
                chosen = own if is_proven else everyone
                if is_proven or (code != NEW and chosen.sum() >= settings.least_totals):
                    within = np.cumsum(chosen[:-1]) >= LEVEL * chosen.sum()
                    at_leads[code, lead] = GRID[np.argmax(within) if within.any() else -1]
        periods = np.log([calendar.periods(days) for days in LEAD_DAYS])
        spans = np.log(SPANS)
        return np.array([np.interp(spans, periods, row) for row in at_leads])


@compiled
def _least_cv2(
    mean: Floats, actual: Floats, base: Floats, slope: Floats, grid: Floats, level: float
) -> Ints:
    """First place of the grid at which a total stays within its quantile; its length if none."""
    answer = np.zeros(len(mean), np.int64)
    for i in range(len(mean)):
        m, sold = mean[i], actual[i]
        low, high = 0, len(grid) - 1
        if is_within(m, m * (base[i] + grid[low] * slope[i]), sold, level):
            continue
        if not is_within(m, m * (base[i] + grid[high] * slope[i]), sold, level):
            answer[i] = len(grid)
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if is_within(m, m * (base[i] + grid[middle] * slope[i]), sold, level):
                high = middle
            else:
                low = middle
        answer[i] = high
    return answer


@compiled
def is_within(mean: float, variance: float, sold: float, level: float) -> bool:
    """Whether count demand of this mean and variance stays below ``sold`` less than ``level``."""
    if sold <= mean:
        return True
    if mean <= 1e-9:
        return False
    beyond = max(variance / mean - 1, 1e-9)
    log_nothing = -mean / beyond * np.log1p(beyond)
    if sold > LONGEST_WALK or log_nothing < LEAST_LOG:
        shape = mean * mean / variance  # Wilson & Hilferty 1931: a cube root is nearly normal
        root = ((sold - 0.5) / mean) ** (1 / 3)
        return bool((root - 1 + 1 / (9 * shape)) * 3 * np.sqrt(shape) < 1.6448536269514722)
    chance = np.exp(log_nothing)
    total = chance
    a, b = mean / (1 + beyond), beyond / (1 + beyond)
    for units in range(int(np.ceil(sold)) - 1):
        if total >= level:
            return False
        chance *= (a + b * units) / (units + 1)
        total += chance
    return bool(total < level)
