"""How unsure the demand of several series together is, by their own past together.

Variances of the members do not tell it: a cold spring slows all coats at once, while of two
colours one may take what the other loses. Both stand in the history of the total.
"""

import numpy as np

from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.lead_time import dispersion, rolling_errors
from app.domain.forecasting.settings import ForecastSettings
from app.domain.sell_through.days import Demand
from app.domain.sell_through.stock_left import Floats


def dispersion_together(
    history: Floats, calendar: Calendar, members: Demand, settings: ForecastSettings
) -> Floats:
    """Variance-to-mean ratio (D,) of the error of the total demand over the first L days.

    Measured as that of a single series (see `lead_time`). There is no class of aggregates from
    which one could borrow: for spans too long for its history an aggregate has the median CV²
    beyond Poisson of those that were measured. Without any, its members are taken to move as one,
    which is the most unsure that they can be.

    Args:
        history: units (T,) of all members together on each day, NaN up to the first sale.
        calendar: its days.
        members: demand (n, D) of the members to come.
        settings: as of the forecast.
    """
    errors = rolling_errors(history[None], len(history), calendar, settings)
    measured = (errors.windows > 0) & (errors.total > 0)
    if not measured.any():
        mean: Floats = np.nansum(members.mean, axis=0)
        spread: Floats = np.nansum(np.sqrt(members.variance), axis=0) ** 2
        return np.divide(spread, mean, out=np.ones_like(mean), where=mean > 0)
    total, windows = errors.total[measured], errors.windows[measured]
    beyond = np.maximum(errors.squared[measured] / total - 1, 0.0)
    usual = np.full((1, errors.total.shape[1]), np.median(beyond * windows / total))
    ratio: Floats = dispersion(errors, usual, members.mean.shape[1], settings)[0]
    return ratio
