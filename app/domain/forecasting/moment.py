"""What is known of a piece of a data set today, or was at a past origin."""

from dataclasses import dataclass

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.members import MemberForecasts, member_forecasts
from app.domain.forecasting.pattern import Pattern, pattern
from app.domain.forecasting.pieces import Shared


@dataclass(frozen=True, slots=True)
class Moment:
    """A piece after so many periods.

    Attributes:
        known: periods that are looked at.
        pattern: what is seen of the series without any model.
        members: what every member forecasts.
        horizon: periods that they forecast.
    """

    known: int
    pattern: Pattern
    members: MemberForecasts
    horizon: int

    @property
    def code(self) -> Ints:
        """Class (n,), -1 for series that were not on sale yet."""
        return np.where(self.pattern.age > 0, self.pattern.code, -1)


def moment_of(demand: Floats, group: Ints, shared: Shared, forecast_number: int) -> Moment:
    """Of today (0) or the past origin of this number (1 …).

    Args:
        demand: demand matrix (n, T), each row NaN up to its first sale.
        group: row of its aggregate (n,), -1 where it has none.
        shared: see there; ``group_forecasts`` and ``boosted`` are counted alike.
        forecast_number: see above.
    """
    known = shared.origins[forecast_number - 1] if forecast_number else demand.shape[1]
    horizon = shared.origin_horizon if forecast_number else shared.horizon
    members = member_forecasts(
        demand,
        known,
        group,
        shared.group_demand,
        shared.group_forecasts[forecast_number],
        shared.boosted[forecast_number],
        horizon=horizon,
        calendar=shared.calendar,
        settings=shared.settings,
    )
    found = pattern(demand, known, shared.calendar, shared.settings)
    return Moment(known, found, members, horizon)
