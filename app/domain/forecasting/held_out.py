"""How good forecasts were from the last origin, which had no say in how they are made.

They are made from cleaned history: without bulk orders and outliers, at usual prices, with goods on
the shelf. They are judged by what was really sold, at the scale of what was really sold: bulk
orders count, and the promotions of the time, which were known beforehand, are in the forecast.
Members and baselines, plain Prophet too, see the same cleaned history and the same promotions, so
that nothing but the method is compared.

A period in which goods ran out cannot be judged: demand was at least what was sold, and to count
that as met would flatter as much as to count it as demand would blame. It is left out, and so is a
series with such a period from the lead time that holds it. Since goods run out when much is
wanted, forecasts look a little too high for that, and stock a little too safe.

What the cleaned history before the origin still knows of the time after it: thresholds of outliers
are from all of the history, and a neighbour of the week after may make one an event; gaps are
filled looking both ways; purchases that were returned after the origin are taken off; campaigns and
price lists are taken as known beforehand. On M5 the thresholds move 0.002 % of the units; with gaps
of 6 % of the days, drawn at random, what fills them moves by 1 %, and the mean of a series' last
four weeks by 0.4 %. Members, elasticities and launch curves are those of the time before.
"""

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
from app.domain.forecasting.pieces import Series, Shared
from app.domain.forecasting.sound import sound_amounts


def judge(
    sums: AccuracySums,
    series: Series,
    demand: Floats,
    then: Moment,
    mean: Floats,
    spread: Floats,
    shared: Shared,
) -> None:
    """Add to the sums what a piece shows of the ensemble, its members and the baselines.

    All have negative binomial quantiles with the series' own spread, so that their means are
    compared and nothing else; plain Prophet has its own intervals. What the unsure elasticity adds
    to the spread of promoted periods is not in it.

    Args:
        sums: changed in place.
        series: the piece, with what was really sold.
        demand: its demand matrix (n, T) up to today, as it is forecast from.
        then: the held-out origin.
        mean: of the ensemble, promotions in it, units per period (n, H).
        spread: variance-to-mean ratio of L-period totals (n, H).
        shared: see there.
    """
    settings, calendar, known = shared.settings, shared.calendar, then.known
    levels = settings.quantile_levels
    sold = demand if series.actual is None else sound_amounts(series.actual)
    actual, scales = sold[:, known : known + then.horizon], Scales(*scales_of(sold, known))
    lift = lift_of(series)
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
    for model, (code, unpromoted) in means.items():
        its_mean = unpromoted if model == "ensemble" else unpromoted * lift
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
    quantiles = intervals.transpose(0, 2, 1) * lift[..., None]
    sums.add("plain_prophet", code, actual, plain * lift, quantiles, scales)
    for lead, days in enumerate(LEAD_DAYS):
        length = calendar.periods(days)
        total = mean[:, :length].sum(axis=1)
        stock = count_quantiles(total, spread[:, length - 1] * total, LEAD_LEVELS)
        sums.add_lead_time(lead, then.code, actual[:, :length].sum(axis=1), stock)


def lift_of(series: Series) -> Floats:
    """What promotions multiplied the held-out periods by (n, H), or 1 for all of them (1, 1)."""
    return np.ones((1, 1)) if series.past_promotion is None else series.past_promotion
