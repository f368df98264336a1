"""Demand rates that bear periods without sales; each is the forecast of every period to come.

All of them look at the first ``known`` periods of a demand matrix (n, T) whose rows are NaN up to
their first sale, and answer units per period (n,), 0 where nothing is known.
"""

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.compiled import compiled

ALPHAS = np.linspace(0.1, 0.3, 9)  # as in the published implementations of IMAPA


@compiled
def tsb(demand: Floats, known: int, alpha: float, beta: float, warm_up: int) -> Floats:
    """Demand rate by Teunter, Syntetos and Babai: chance of a sale times its size.

    Both are smoothed exponentially, the size z only in periods with demand, the chance p in every
    period. So, unlike Croston's, the rate of an item that has stopped selling fades to nothing:

        p ← p + β·(1[y > 0] − p)        z ← z + α·(y − z)  if y > 0        rate = p·z

    Args:
        demand: see above.
        known: see above.
        alpha: weight of the latest amount, in (0, 1].
        beta: weight of the latest period in the chance, in (0, 1].
        warm_up: periods from the first sale whose mean starts p and z. With 1 both start at the
            first sale, as in the paper; then p starts at 1, too high for most slow movers.

    Source:
        Teunter, Syntetos & Babai (2011), Intermittent demand: linking forecasting to inventory
        obsolescence, Eur. J. Opl. Res. 214(3).
    """
    rate = np.zeros(len(demand))
    for i in range(len(demand)):
        first = _first(demand[i], known)
        total, busy, seen = 0.0, 0, 0
        for t in range(first, min(first + warm_up, known)):
            seen += 1
            if demand[i, t] > 0:
                busy += 1
                total += demand[i, t]
        chance, size = busy / max(seen, 1), total / max(busy, 1)
        for t in range(first, known):
            if demand[i, t] > 0:
                chance += beta * (1.0 - chance)
                size += (alpha if size > 0 else 1.0) * (demand[i, t] - size)
            else:
                chance -= beta * chance
        rate[i] = chance * size
    return rate


@compiled
def imapa(demand: Floats, known: int) -> Floats:
    """Demand rate as the mean of those from buckets of one period up to the mean interval.

    One length alone is ADIDA: the buckets end today, and what does not fill one is left out. Their
    totals are smoothed exponentially with the weight (0.1 … 0.3) that would have forecast them
    best, and spread evenly over the periods of a bucket. At the mean interval between sales most
    buckets hold one.

    Source:
        Petropoulos & Kourentzes (2015), Forecast combinations for intermittent demand, J. Opl.
        Res. Soc. 66(6). ADIDA: Nikolopoulos, Syntetos, Boylan, Petropoulos & Assimakopoulos
        (2011), An aggregate-disaggregate intermittent demand approach, J. Opl. Res. Soc. 62(3).
    """
    rate = np.zeros(len(demand))
    for i in range(len(demand)):
        first = _first(demand[i], known)
        longest = _mean_interval(demand[i], first, known)
        for length in range(1, longest + 1):
            rate[i] += _smoothed_buckets(demand[i], first, known, length) / length / longest
    return rate


@compiled
def trailing_mean(demand: Floats, known: int, window: int) -> Floats:
    """Mean of the last ``window`` periods, or of all since the first sale if they are fewer."""
    rate = np.zeros(len(demand))
    for i in range(len(demand)):
        since = max(_first(demand[i], known), known - window)
        for t in range(since, known):
            rate[i] += demand[i, t] / (known - since)
    return rate


@compiled
def shrunken_mean(demand: Floats, known: int, usual: float, prior: float) -> Floats:
    """Mean demand of a short history, drawn towards what is usual.

    Args:
        demand: see above.
        known: see above.
        usual: units per period sold by a typical series.
        prior: weight of it, in periods of own history.
    """
    rate = np.zeros(len(demand))
    for i in range(len(demand)):
        first = _first(demand[i], known)
        total = usual * prior
        for t in range(first, known):
            total += demand[i, t]
        if known - first + prior > 0:
            rate[i] = total / (known - first + prior)
    return rate


@compiled
def seasonal_naive(demand: Floats, known: int, season: int, horizon: int) -> Floats:
    """The last season over again (n, H): the baseline of the field, not a member.

    Where less than a season is known, the last period over again.
    """
    answer = np.zeros((len(demand), horizon))
    for i in range(len(demand)):
        age = known - _first(demand[i], known)
        if age == 0:
            continue
        length = season if age >= season else 1
        for h in range(horizon):
            answer[i, h] = demand[i, known - length + h % length]
    return answer


@compiled
def ages(demand: Floats, known: int) -> Ints:
    """Periods from each first sale to today (n,)."""
    answer = np.zeros(len(demand), np.int64)
    for i in range(len(demand)):
        answer[i] = known - _first(demand[i], known)
    return answer


@compiled
def _first(row: Floats, known: int) -> int:
    for t in range(known):
        if not np.isnan(row[t]):
            return t
    return known


@compiled
def _mean_interval(row: Floats, first: int, known: int) -> int:
    """Periods from one sale to the next, rounded; what came after the last one does not count."""
    busy, last = 0, first
    for t in range(first, known):
        if row[t] > 0:
            busy, last = busy + 1, t
    return max(int(np.rint((last - first + 1) / busy)), 1) if busy else 1


@compiled
def _smoothed_buckets(row: Floats, first: int, known: int, length: int) -> float:
    """Level of the buckets' totals; with a single bucket that is its total."""
    count = (known - first) // length
    if count == 0:
        return 0.0
    totals = np.zeros(count)
    start = known - count * length
    for bucket in range(count):
        for t in range(start + bucket * length, start + (bucket + 1) * length):
            totals[bucket] += row[t]
    best, level_of_best = np.inf, float(totals[0])
    for alpha in ALPHAS:
        level, squared = float(totals[0]), 0.0
        for bucket in range(1, count):
            error = totals[bucket] - level
            squared += error * error
            level += alpha * error
        if squared < best:
            best, level_of_best = squared, float(level)
    return level_of_best
