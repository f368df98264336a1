"""True demand (実需要): what would have sold, had there been goods to sell.

Sales understate demand where the goods ran out. How much of a period goods were on sale is its
exposure (陳列率): 1 all the time; 0 when it opened with nothing, so that nothing can be learnt;
between these when the last piece went during the period. `app.queries.exposure` reads it off the
stock ledger, cell by cell where it is below 1. Days that do not lie between two counts of one week
have exposure 1, since nobody can tell.

Leaving out all periods that END with nothing would be worse than doing nothing: they are those in
which demand was high (slow items: -24 % instead of -17 %). Only those that OPEN with nothing are
missing; one that sold out says that demand was at least its sales.

Called for each partition of a run, before `outliers` and the forecast; a row depends on no other.
What strength is borrowed comes as an argument that is the same for the whole run.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import betainc

from app.domain.demand import Floats

Bools: TypeAlias = np.typing.NDArray[np.bool_]

HALF = 0.5  # exposure of a day that sold out, when nobody knows at what hour
ITERATIONS = 10  # of EM, settled to 1e-8; a fixed number, lest a row depend on its neighbours
LEAST_SHAPE, MOST_SHAPE = 0.3, 50.0  # of the negative binomial; beyond, 364 days cannot tell


@dataclass(frozen=True, slots=True)
class TrueDemand:
    """Demand with the gaps filled.

    Attributes:
        demand: (n, T) units; as sold where goods were on sale all the time, else estimated, never
            below what was sold. NaN before the first sale, and all over where nothing is known.
        estimated_share: (n,) part of the demand of the whole history that is estimated, 0 to 1.
        unmet: (n,) units that would have sold beside those that did.
        is_all_censored: (n,) there were never goods to sell: no estimate of its own.
    """

    demand: Floats
    estimated_share: Floats
    unmet: Floats
    is_all_censored: Bools


def true_demand(
    sold: Floats,
    exposure: Floats,
    *,
    step_days: int = 1,
    profile: Floats | None = None,
    prior_rate: Floats | None = None,
    prior_days: float = 14.0,
    window_days: int = 56,
) -> TrueDemand:
    """Estimate what would have sold, by EM on a negative binomial.

    Demand of period t is negative binomial with mean m_t = level_t · profile_t and shape r. In
    turn: the expected demand of each period given what it sold (E), then level and shape from
    these (M). A day that sold s pieces and no more for want of goods had demand of at least s:

        E[D | D ≥ s] = m · P(D' ≥ s - 1)/P(D ≥ s),   D' ~ NB with shape r + 1, same p

    A week of which the share e is known to have been on sale saw s of that share, and the rest
    follows the same Gamma level: E[D] = s + (1 - e)·m·(r + s)/(r + e·m).

    The level is that of the window around a period, drawn to that of the whole history: a gap of
    a year ago says what was usual then. It looks both ways, so what fills a gap just before a
    backtest's origin knows a little of what came after it.

    Args:
        sold: (n, T) demand matrix as sold, NaN before the first sale.
        exposure: (n, T) from 0 to 1. A period that sold was not without goods: 0 counts as half.
        step_days: days of a period; of single days those between 0 and 1 have sold out at an
            hour that nobody knows, of longer periods the share is known.
        profile: (T,) how much of usual demand each period has, mean 1, as by `weekday_profile`;
            None: all the same.
        prior_rate: (n,) units a period that are usual for items like these, for series with less
            than ``prior_days`` of exposure in all; None: own sales only.
        prior_days: weight of that, and of the whole history in a window.
        window_days: width of the window.

    Source:
        methods.md §7, measured there by simulation: bias -0.2 to -2.3 % where sales alone have
        -4 to -17 %.
    """
    on_sale = ~np.isnan(sold)
    share = np.where(on_sale, np.clip(np.nan_to_num(exposure, nan=1.0), 0.0, 1.0), 0.0)
    share[(share == 0) & (np.nan_to_num(sold) > 0)] = HALF
    rows = np.flatnonzero((on_sale & (share < 1)).any(axis=1))
    demand = sold.copy()
    is_all_censored = on_sale.any(axis=1) & (share.sum(axis=1) == 0)
    if len(rows):
        weight = np.ones(sold.shape[1]) if profile is None else profile
        prior = np.full(len(rows), np.nan) if prior_rate is None else prior_rate[rows]
        demand[rows] = _filled(
            sold[rows],
            share[rows],
            weight,
            prior,
            prior_periods=prior_days / step_days,
            half_window=max(window_days // (2 * step_days), 1),
            is_hour_unknown=step_days == 1,
        )
    demand[is_all_censored] = np.nan
    total, was_sold = np.nansum(demand, axis=1), np.nansum(sold, axis=1)
    unmet = np.maximum(total - was_sold, 0.0)
    estimated = np.divide(unmet, total, out=np.zeros_like(unmet), where=total > 0)
    return TrueDemand(demand, estimated, unmet, is_all_censored)


def weekday_profile(totals: Floats, *, step_days: int = 1) -> Floats:
    """How much of usual demand each period of a matrix has, by weekday; mean 1.

    Args:
        totals: (G, T) demand of large groups, the same for all partitions of a run.
        step_days: of the periods; those of weeks have no weekday.

    Returns:
        (T,), all 1 with fewer than four whole weeks or nothing sold.
    """
    periods = totals.shape[1]
    daily = np.nansum(totals, axis=0)[periods % 7 :]
    if step_days != 1 or len(daily) < 28 or daily.sum() <= 0:
        return np.ones(periods)
    by_weekday = daily.reshape(-1, 7).mean(axis=0)
    return np.resize(np.roll(by_weekday / by_weekday.mean(), periods % 7), periods)


def _filled(
    sold: Floats,
    share: Floats,
    weight: Floats,
    prior: Floats,
    *,
    prior_periods: float,
    half_window: int,
    is_hour_unknown: bool,
) -> Floats:
    """The EM itself, on rows that have something to estimate."""
    on_sale = ~np.isnan(sold)
    seen = np.where(on_sale, sold, 0.0)
    partly = (share > 0) & (share < 1)
    whole = share == 1
    informed = (share > 0) * weight
    is_thin = (share.sum(axis=1) < prior_periods) & ~np.isnan(prior)

    def level(units: Floats, exposed: Floats, exposed_near: Floats) -> Floats:
        total, days = units.sum(axis=1), exposed.sum(axis=1)
        extra = np.where(is_thin, prior_periods, 0.0)
        total, days = total + extra * np.where(is_thin, prior, 0.0), days + extra
        rate = np.divide(total, days, out=np.zeros_like(total), where=days > 0)[:, None]
        near = _around(units, half_window) + prior_periods * rate
        answer: Floats = near / (exposed_near + prior_periods)
        return answer

    first = share * weight
    mean = level(seen, first, _around(first, half_window)) * weight
    informed_near = _around(informed, half_window)
    filled = seen.copy()
    for _ in range(ITERATIONS):
        shape = _shape(seen, mean, whole)
        r = np.broadcast_to(shape[:, None], seen.shape)[partly]
        if is_hour_unknown:
            filled[partly] = _at_least(seen[partly], mean[partly], r)
        else:
            s, m, e = seen[partly], mean[partly], share[partly]
            filled[partly] = s + (1 - e) * m * (r + s) / (r + e * m)
        mean = level(np.where(share > 0, filled, 0.0), informed, informed_near) * weight
    filled = np.where(share > 0, filled, mean)
    answer: Floats = np.where(on_sale, filled, np.nan)
    return answer


def _around(values: Floats, half: int) -> Floats:
    """Sum of each cell and those up to ``half`` away in its row."""
    periods = values.shape[1]
    total = np.zeros((len(values), periods + 1 + 2 * half))  # nothing before, no more after
    np.cumsum(values, axis=1, out=total[:, half + 1 : half + 1 + periods])
    total[:, half + 1 + periods :] = total[:, half + periods, None]
    answer: Floats = total[:, 2 * half + 1 :] - total[:, :periods]
    return np.maximum(answer, 0.0, out=answer)


def _shape(seen: Floats, mean: Floats, whole: Bools) -> Floats:
    """Shape r of each row by moments, Var = m + m²/r, over the periods fully on sale."""
    squared = np.where(whole, mean**2, 0.0).sum(axis=1)
    beyond = np.where(whole, (seen - mean) ** 2 - mean, 0.0).sum(axis=1)
    inverse = np.divide(beyond, squared, out=np.full(len(seen), 0.5), where=squared > 0)
    answer: Floats = np.clip(1 / np.maximum(inverse, 1e-3), LEAST_SHAPE, MOST_SHAPE)
    return answer


def _at_least(sold: Floats, mean: Floats, shape: Floats) -> Floats:
    """E[D | D ≥ sold] for D negative binomial; P(D ≥ s) = I_q(s, r), q = m/(r + m)."""
    m = np.maximum(mean, 1e-12)
    q = m / (shape + m)
    tail = np.where(sold >= 1, betainc(np.maximum(sold, 1.0), shape, q), 1.0)
    further = np.where(sold >= 2, betainc(np.maximum(sold - 1, 1.0), shape + 1, q), 1.0)
    # Far out in the tail both vanish; there the probabilities fall by the factor `step` a piece.
    step = np.minimum(q * (shape + sold) / (sold + 1), 0.999)
    far = sold + step / (1 - step)
    near = np.divide(m * further, tail, out=far, where=tail > 1e-200)
    answer: Floats = np.maximum(near, sold)
    return answer
