"""How much stock meets a service level: quantiles of count demand over a protection period.

Demand over the time that stock must last is a negative binomial count, or Poisson where it is
no more variable than that. The service level itself may follow from what a stockout costs.
"""

from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import nbinom, norm, poisson

Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]

NEGLIGIBLE = 1e-9  # units: less is no demand, and would only overflow


def protection_demand(
    mean: ArrayLike,
    sd: ArrayLike,
    *,
    lead_time: ArrayLike,
    lead_time_sd: ArrayLike,
    review: ArrayLike = 0.0,
) -> tuple[Floats, Floats]:
    """Mean and variance of demand over review plus lead time, where the lead time varies.

        m = μ(R+L),  V = (R+L)σ² + μ²σ_L²

    Assumes that periods are independent; where rolling L-week forecast errors have been
    measured, use those instead, for they include what this misses.

    Args:
        mean: μ, units per period.
        sd: σ, units per period.
        lead_time: L, periods.
        lead_time_sd: σ_L, periods.
        review: R, periods.

    Source:
        Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains
        (random sum of independent periods).
    """
    rate, deviation = np.asarray(mean, np.float64), np.asarray(sd, np.float64)
    periods = np.asarray(review, np.float64) + np.asarray(lead_time, np.float64)
    lead_deviation = np.asarray(lead_time_sd, np.float64)
    return periods * rate, periods * deviation**2 + (rate * lead_deviation) ** 2


def demand_quantile(
    mean: ArrayLike, variance: ArrayLike, probability: ArrayLike, *, normal_above: float = inf
) -> Floats:
    """Smallest stock that demand does not exceed with the given probability, in units.

    V > m: negative binomial with p = m/V, n = m²/(V−m); V ≤ m: Poisson; no demand: 0.

    Args:
        mean: m ≥ 0, units.
        variance: V ≥ 0, units².
        probability: α, strictly between 0 and 1.
        normal_above: mean from which demand is taken as normal. The default never does:
            a normal forgets the long upper tail, so at a switch the answer would fall as
            demand rises. 0 gives the textbook m + Φ⁻¹(α)√V, which may be fractional.
    """
    m, v, alpha = _broadcast(mean, variance, probability)
    answer = np.zeros_like(m)
    normal, nb, pois = _families(m, v, normal_above)
    answer[normal] = np.maximum(m[normal] + norm.ppf(alpha[normal]) * np.sqrt(v[normal]), 0.0)
    answer[nb] = nbinom.ppf(alpha[nb], *_negative_binomial(m[nb], v[nb]))
    answer[pois] = poisson.ppf(alpha[pois], m[pois])
    return answer


def no_stockout_probability(
    stock: ArrayLike, mean: ArrayLike, variance: ArrayLike, *, normal_above: float = inf
) -> Floats:
    """Chance that demand (see `demand_quantile`) does not exceed the stock."""
    level, m, v = _broadcast(stock, mean, variance)
    answer = np.asarray(level >= 0, np.float64)
    normal, nb, pois = _families(m, v, normal_above)
    with np.errstate(divide="ignore", invalid="ignore"):  # V = 0: demand is certain
        z = (level[normal] - m[normal]) / np.sqrt(v[normal])
    answer[normal] = norm.cdf(np.nan_to_num(z, nan=inf))
    answer[nb] = nbinom.cdf(level[nb], *_negative_binomial(m[nb], v[nb]))
    answer[pois] = poisson.cdf(level[pois], m[pois])
    return answer


def ltv_service_level(
    *,
    list_price: ArrayLike,
    unit_cost: ArrayLike,
    buyer_ltv: ArrayLike,
    gateway_value: ArrayLike,
    holding_cost: ArrayLike,
    obsolescence_cost: ArrayLike,
    leave_probability: float = 0.02,
    floor: float = 0.80,
    ceiling: float = 0.995,
) -> Floats:
    """Service level α* = Cu/(Cu+Co) at which a stockout costs as much as a leftover.

    Args:
        list_price: P, yen per unit, ex-tax.
        unit_cost: c, yen per unit.
        buyer_ltv: L̄, prospective LTV of the item's buyers, yen.
        gateway_value: LTV lost with a newcomer who finds none, yen per unit; may be negative.
        holding_cost: h·R, yen per unit over one review period.
        obsolescence_cost: expected loss of value of a leftover, yen per unit.
        leave_probability: share of buyers who leave for good after a stockout.
        floor: lowest level answered, also for items that earn nothing.
        ceiling: highest level answered.

    Raises:
        ValueError: if an input is missing, or overage Co = holding + obsolescence is negative.

    Source:
        Critical ratio of the newsvendor; LTV in the underage as Anderson, Fitzsimons &
        Simester (2006) measured it.
    """
    underage = np.asarray(list_price, np.float64) - np.asarray(unit_cost, np.float64)
    underage = underage + leave_probability * np.asarray(buyer_ltv, np.float64)
    underage = np.maximum(underage + np.asarray(gateway_value, np.float64), 0.0)
    overage = np.asarray(holding_cost, np.float64) + np.asarray(obsolescence_cost, np.float64)
    if not (np.isfinite(underage).all() and (np.isfinite(overage) & (overage >= 0)).all()):
        raise ValueError("prices and costs must be known, and overage must not be negative")
    total = np.asarray(underage + overage)
    ratio = np.divide(underage, total, out=np.zeros_like(total), where=total > 0)
    return np.clip(ratio, floor, ceiling)


def _families(m: Floats, v: Floats, normal_above: float) -> tuple[Bools, Bools, Bools]:
    """Which items are normal, negative binomial and Poisson; the rest have no demand."""
    has_demand = m > NEGLIGIBLE
    normal = has_demand & (m > normal_above)
    # so close to Poisson that n = m²/(V−m) would lose its digits
    is_poisson = v <= m * (1 + 1e-9)
    return normal, has_demand & ~normal & ~is_poisson, has_demand & ~normal & is_poisson


def _negative_binomial(m: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Parameters n = m²/(V−m) and p = m/V, written so that small means do not underflow."""
    return m / (v / m - 1), m / v


def _broadcast(*numbers: ArrayLike) -> list[Floats]:
    return list(np.broadcast_arrays(*(np.asarray(x, np.float64) for x in numbers)))
