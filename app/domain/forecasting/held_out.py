"""How good forecasts were from the last origin, which had no say in how they are made."""

import numpy as np

from app.domain.demand import Floats
from app.domain.forecasting.accuracy import (
    LEAD_DAYS,
    LEAD_LEVELS,
    AccuracySums,
    Scales,
    scales_of,
)
from app.domain.forecasting.batched_prophet import prophet_forecast
from app.domain.forecasting.count_quantiles import count_quantiles
from app.domain.forecasting.flat_rates import seasonal_naive, trailing_mean
from app.domain.forecasting.members import MEMBERS, bit, calendar_at
from app.domain.forecasting.moment import Moment
from app.domain.forecasting.pieces import Shared


def judge(
    sums: AccuracySums,
    demand: Floats,
    then: Moment,
    mean: Floats,
    spread: Floats,
    shared: Shared,
) -> None:
    """Add to the sums what a piece shows of the ensemble, its members and the baselines.

    All have negative binomial quantiles with the series' own spread, so that their means are
    compared and nothing else; plain Prophet has its own intervals.

    Args:
        sums: changed in place.
        demand: demand matrix (n, T) up to today.
        then: the held-out origin.
        mean: of the ensemble, units per period (n, H).
        spread: variance-to-mean ratio of L-period totals (n, H).
        shared: see there.
    """
    settings, calendar, known = shared.settings, shared.calendar, then.known
    levels = settings.quantile_levels
    actual, scales = demand[:, known:], Scales(*scales_of(demand, known))
    season = 7 if calendar.step_days == 1 else 52
    means = {
        "ensemble": (then.code, mean),
        "seasonal_naive": (then.code, seasonal_naive(demand, known, season, then.horizon)),
        "moving_average": (
            then.code,
            trailing_mean(demand, known, calendar.periods(settings.mean_days))[:, None],
        ),
    }
    for member, its_mean in zip(MEMBERS, then.members.mean, strict=True):
        has = (then.members.usable & bit(member)) > 0
        means[str(member)] = (np.where(has, then.code, -1), its_mean)
    for model, (code, its_mean) in means.items():
        quantiles = count_quantiles(its_mean, spread[:, :1] * its_mean, levels)
        sums.add(model, code, actual, its_mean, quantiles, scales)
    plain, intervals = prophet_forecast(
        np.ascontiguousarray(demand[:, :known]),
        calendar=calendar_at(calendar, demand.shape[1] - known),
        horizon=then.horizon,
        settings=settings,
        levels=levels,
    )
    code = np.where(np.isfinite(plain).all(axis=1), then.code, -1)
    sums.add("plain_prophet", code, actual, plain, intervals.transpose(0, 2, 1), scales)
    for lead, days in enumerate(LEAD_DAYS):
        length = calendar.periods(days)
        total = mean[:, :length].sum(axis=1)
        stock = count_quantiles(total, spread[:, length - 1] * total, LEAD_LEVELS)
        sums.add_lead_time(lead, then.code, actual[:, :length].sum(axis=1), stock)
