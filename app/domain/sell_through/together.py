"""The outlook on several stocks together: a style's SKUs, one SKU's locations, a whole location.

Stock is not fungible: a customer who wants M does not take S, nor in Osaka what lies in Kobe. So
what is expected to be left is the sum over the members, each against its own demand, and it is
more than one heap of all units against all demand would leave.

How unsure that sum is depends on how demand of the members moves together, which a sum of their
variances would miss. The aggregate's own past tells it: V is the variance of the error of its own
total demand. Were all pairs of members equally correlated, it would be

    V = Σ V_i + ρ·((Σ √V_i)² − Σ V_i)

which gives ρ; and with the same ρ between what the members sell, min(I_i, D_i), the same formula
gives the variance of their sales together. What is left lies between nothing and all of the
stock: its distribution is taken as the beta distribution on that range with this mean and
variance. It is an approximation: of six members whose levels move together, chances came within .08
of those drawn. For one series there is no need of it: see `outlook`.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from scipy.special import betainc

from app.domain.sell_through.days import Demand
from app.domain.sell_through.outlook import LeftAtMost, Outlook, steady
from app.domain.sell_through.stock_left import Floats, expected_sales, sales_variance

MOST_SPREAD = 0.999  # of the variance that a range allows: all at one end or the other


def outlook_together(
    stock: Floats, draws: Sequence[Demand], dispersion: Floats, *, sold_out_units: float
) -> Outlook:
    """The outlook on n stocks as one row.

    Args:
        stock: units (n,) of each member; what is negative is none.
        draws: the members' demand, once for every price response that may be the true one; a
            member of whose demand nothing is known keeps its stock, and of the others the one that
            is known for the fewest days ends the outlook.
        dispersion: variance-to-mean ratio (D,) of the error of the members' total demand over the
            first L days, from their own history together.
        sold_out_units: units left, all together, at which they count as sold out.
    """
    units = np.maximum(stock, 0.0)
    total = float(units.sum())
    usual = draws[len(draws) // 2]
    known = np.arange(usual.mean.shape[1]) < usual.reach
    left, spread = [], []
    for demand in draws:
        mean = np.where(np.isnan(demand.mean), 0.0, demand.mean)
        variance = np.where(np.isnan(demand.mean), 0.0, demand.variance)
        sold = expected_sales(units[:, None], mean, variance)
        left.append(total - sold.sum(axis=0))
        beyond = np.maximum(dispersion - 1, 0.0) * np.nansum(usual.mean, axis=0)
        grown = _growth(mean, usual.mean)
        together = mean.sum(axis=0) + grown**2 * beyond
        rho = common_correlation(variance, together)
        spread.append(correlated(sales_variance(units[:, None], mean, variance), rho))
    chances = [_beta(total, *shape) for shape in zip(left, spread, strict=True)]

    def left_at_most(most: Floats) -> Floats:
        answer: Floats = sum((chance(most) for chance in chances), np.zeros(1)) / len(chances)
        return answer

    expected = sum(left, np.zeros_like(left[0])) / len(left)
    gone = left_at_most(np.full((1, len(expected)), sold_out_units))
    return Outlook(
        expected_left=np.minimum.accumulate(np.where(known, expected, np.nan)[None], axis=1),
        sold_out=steady(np.where(known, gone, np.nan)),
        left_at_most=left_at_most,
    )


def common_correlation(variance: Floats, together: Floats) -> Floats:
    """ρ (D,) that makes variances (n, D) of n totals the variance (D,) of their sum.

    Between 0 and 1. The variances of single series are drawn towards those of their class; where
    these add up to more than the total has ever strayed, ρ would come out negative and the band
    would vanish. Then the members count as independent, and the band is rather too wide.
    """
    alone = variance.sum(axis=0)
    pairs = np.sqrt(variance).sum(axis=0) ** 2 - alone
    rho = np.divide(together - alone, pairs, out=np.zeros_like(alone), where=pairs > 0)
    answer: Floats = np.clip(rho, 0.0, 1.0)
    return answer


def correlated(variance: Floats, rho: Floats) -> Floats:
    """Variance (D,) of the sum of n parts with variances (n, D), all equally correlated."""
    alone: Floats = variance.sum(axis=0)
    sum_of_sd: Floats = np.sqrt(variance).sum(axis=0)
    return alone + rho * np.maximum(sum_of_sd**2 - alone, 0.0)


def _growth(mean: Floats, usual: Floats) -> Floats:
    """By what factor (D,) the total of a draw is that of the usual one."""
    base: Floats = np.nansum(usual, axis=0)
    total: Floats = mean.sum(axis=0)
    return np.divide(total, base, out=np.ones_like(base), where=base > 0)


def _beta(total: float, mean: Floats, variance: Floats) -> LeftAtMost:
    """P(left ≤ x) for the beta distribution on [0, total] with mean (D,) and variance (D,)."""
    return partial(_beta_chance, total, mean, variance)


def _beta_chance(total: float, mean: Floats, variance: Floats, most: Floats) -> Floats:
    if total <= 0:
        return np.ones_like(most)
    share = np.clip(mean / total, 0.0, 1.0)
    room = share * (1 - share)
    spread = np.minimum(variance / total**2, MOST_SPREAD * room)
    # half a unit more, since units are whole
    at = np.clip((np.floor(most) + 0.5) / total, 0.0, 1.0)
    certain = (spread <= 1e-12) | (room <= 1e-12)
    size = np.divide(room, spread, out=np.ones_like(room), where=~certain) - 1
    a, b = np.where(certain, 1.0, share * size), np.where(certain, 1.0, (1 - share) * size)
    answer: Floats = np.where(certain, (share <= at).astype(np.float64), betainc(a, b, at))
    return answer
