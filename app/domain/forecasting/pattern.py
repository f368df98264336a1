"""How often and how evenly each series sells, by any grain and up to any period of the past."""

from dataclasses import dataclass

import numpy as np

from app.domain.demand import DemandClass, Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.compiled import compiled
from app.domain.forecasting.settings import ForecastSettings

CLASSES = tuple(member.value for member in DemandClass)
SMOOTH, ERRATIC, INTERMITTENT, LUMPY, NEW, INACTIVE = range(len(CLASSES))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is seen of n series without any model; arrays (n,).

    Attributes:
        age: periods from the first sale to today; 0 where nothing ever sold.
        idle: periods since the last sale; ``age`` where nothing ever sold.
        adi: periods per period with demand; infinite where nothing ever sold.
        cv2: squared coefficient of variation of the amounts in periods with demand.
        code: which of ``CLASSES``.
    """

    age: Ints
    idle: Ints
    adi: Floats
    cv2: Floats
    code: Ints

    @property
    def demand_class(self) -> np.typing.NDArray[np.str_]:
        """The name of each one's class."""
        return np.asarray(CLASSES)[self.code]


def pattern(demand: Floats, known: int, calendar: Calendar, settings: ForecastSettings) -> Pattern:
    """Demand pattern of every series as it was after its first ``known`` periods.

    Args:
        demand: demand matrix (n, T), each row NaN up to its first sale; all NaN is new.
        known: periods that are looked at, 0 … T.
        calendar: of the demand; only its grain counts.
        settings: cut-offs.

    Source:
        Syntetos, Boylan & Croston (2005), On the categorization of demand patterns, J. Opl. Res.
        Soc. 56(5): cut-offs 1.32 and 0.49. ADI is taken as periods over periods with demand, CV²
        with the sample variance.
    """
    age, busy, idle, cv2 = _counts(demand, known)
    adi = np.divide(age, busy, out=np.full(len(age), np.inf), where=busy > 0)
    steady = cv2 < settings.cv2_cut
    code = np.select(
        [
            age < calendar.periods(settings.new_days),
            idle >= calendar.periods(settings.inactive_days),
            adi < settings.adi_cut,
        ],
        [NEW, INACTIVE, np.where(steady, SMOOTH, ERRATIC)],
        np.where(steady, INTERMITTENT, LUMPY),
    )
    return Pattern(age, idle, adi, cv2, code.astype(np.int64))


@compiled
def _counts(demand: Floats, known: int) -> tuple[Ints, Ints, Ints, Floats]:
    n = len(demand)
    age, busy, idle = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    cv2 = np.zeros(n)
    for i in range(n):
        mean = spread = 0.0  # Welford: huge amounts keep their digits
        for t in range(known):
            y = demand[i, t]
            if np.isnan(y):
                continue
            age[i] += 1
            idle[i] += 1
            if y > 0:
                idle[i] = 0
                busy[i] += 1
                step = y - mean
                mean += step / busy[i]
                spread += step * (y - mean)
        if busy[i] > 1:
            cv2[i] = spread / (busy[i] - 1) / mean**2
    return age, busy, idle, cv2
