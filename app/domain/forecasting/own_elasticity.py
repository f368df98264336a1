"""What each series' own history tells of its elasticity, drawn towards the assumed one.

Demand of a period with discount strength s = -ln(1 - d) is Poisson around λ·e^(βs), whose level λ
is free in every half year, so that neither trend nor season passes for the effect of a discount.
Given what each half year sold in all, the level drops out: the sales of its periods are multinomial
with shares e^(βs)/Σe^(βs). β maximises that likelihood, divided by the overdispersion that the fit
leaves, times a normal prior with the mean and the standard deviation of the policy. Only the mean
has to be right for that, so demand need not be Poisson, and periods without sales are no trouble.

Source:
    Santos Silva & Tenreyro, "The Log of Gravity", Review of Economics and Statistics 88 (2006), for
    Poisson pseudo-likelihood; Hausman, Hall & Griliches, Econometrica 52 (1984), for the levels.

Measured on Dominick's orange juice (473 series, weekly, 10 origins, four weeks ahead, prices known,
by batched Prophet): WAPE falls from 0.655 to 0.626 against an elasticity of 2 for all, RMSSE from
0.575 to 0.563 (paired t -10.9), better from 9 of the 10 origins. The four weeks before each
origin were not learnt from, as in a run.
"""

import numpy as np

from app.domain.demand import Floats
from app.domain.forecasting.compiled import compiled

LEAST, MOST = 0.3, 5.0  # that the policy may assume
ROUNDS, CLOSE = 40, 1e-9  # of Newton's method; a step that is none any more
# Errors of neighbouring periods are alike, and tell less than as many independent ones. With 2 the
# forecasts above are as good as with 1 and less biased; with 4 they lose a sixth of the gain.
REPEATED = 2.0


def own_elasticity(
    demand: Floats, strength: Floats, *, prior: float, prior_sd: float, block: int
) -> tuple[Floats, Floats]:
    """Elasticity of each series (n,) and its standard deviation (n,).

    Args:
        demand: units per period (n, T), NaN where unknown.
        strength: -ln(1 - depth) of each period's discount (n, T).
        prior: the elasticity assumed.
        prior_sd: its standard deviation; 0 where it is certain, and nothing is learnt.
        block: periods in which the level is taken as one.
    """
    if prior_sd <= 0:
        return np.full(len(demand), prior), np.zeros(len(demand))
    elasticity, sd = _fitted(demand, strength, prior, prior_sd**2, block)
    low, high = min(LEAST, prior), max(MOST, prior)
    return np.clip(elasticity, low, high), sd


@compiled
def _fitted(
    demand: Floats, strength: Floats, prior: float, variance: float, block: int
) -> tuple[Floats, Floats]:
    n = len(demand)
    elasticity, sd = np.full(n, prior), np.full(n, np.sqrt(variance))
    for i in range(n):
        b = prior
        for _ in range(ROUNDS):
            score, information, spread = _slopes(demand[i], strength[i], b, block)
            spread *= REPEATED
            precision = information / spread + 1 / variance
            step = (score / spread - (b - prior) / variance) / precision
            b += min(max(step, -1.0), 1.0)
            sd[i] = 1 / np.sqrt(precision)
            if abs(step) < CLOSE:
                break
        elasticity[i] = b
    return elasticity, sd


@compiled
def _slopes(demand: Floats, strength: Floats, b: float, block: int) -> tuple[float, float, float]:
    """First and minus second derivative of the log-likelihood, and Pearson's overdispersion."""
    score, information, pearson, free = 0.0, 0.0, 0.0, -1
    for end in range(len(demand), 0, -block):
        start = max(end - block, 0)
        units, weights, first, second, told = 0.0, 0.0, 0.0, 0.0, 0.0
        for t in range(start, end):
            if not np.isnan(demand[t]):
                weight = np.exp(b * strength[t])
                units += demand[t]
                weights += weight
                first += weight * strength[t]
                second += weight * strength[t] ** 2
                told += demand[t] * strength[t]
        if units <= 0:
            continue
        free -= 1
        score += told - units * first / weights
        information += units * max(second / weights - (first / weights) ** 2, 0.0)
        for t in range(start, end):
            if not np.isnan(demand[t]):
                mean = units * np.exp(b * strength[t]) / weights
                pearson += (demand[t] - mean) ** 2 / mean
                free += 1
    return score, information, max(pearson / max(free, 1), 1.0)
