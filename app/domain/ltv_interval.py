"""How far a customer's value may lie from what is expected of them.

Two things are unknown: the parameters of the customer base, and the fate of each customer within
it. Both are drawn; the quantiles of what the customers then yield are the interval.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from app.domain.ltv_model import CustomerModel

Floats: TypeAlias = np.typing.NDArray[np.float64]

CUSTOMERS_AT_ONCE = 10_000  # bounds the memory: draws × customers numbers, a few times over
LEAST_NU = 1e-9  # in units of 1 / (v + x·m): where q is tiny, ν may be drawn as 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueInterval:
    low: Floats  # (n,), money
    high: Floats  # (n,), money
    total_low: float
    total_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parameters:
    """Parameters that the data would support, each a column (draws, 1) to go with customers."""

    r: Floats
    alpha: Floats
    a: Floats
    b: Floats
    p: Floats
    q: Floats
    v: Floats


def value_interval(
    model: CustomerModel,
    histories: Floats,
    *,
    weeks: float,
    worth: Floats,
    coverage: float,
    draws: int,
    seed: int,
) -> ValueInterval:
    """Intervals for each customer's value, and for all customers together.

    Args:
        model: the fitted customer base.
        histories: rows frequency, recency, T and monetary_value, (4, n).
        weeks: how far ahead.
        worth: what one unit of future spend counts for, discounting included, (n,).
        coverage: share of outcomes inside, such as 0.90.
        draws: how many futures to draw.
        seed: makes the draws repeatable.

    Returns:
        Quantiles of the value: the customers' own fortunes dominate in each customer's interval,
        the parameters' error in the total's.
    """
    rng = np.random.default_rng(seed)
    parameters = _draw_parameters(model, draws, rng)
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    bounds = np.empty((2, worth.size))
    total = np.zeros(draws)
    for start in range(0, worth.size, CUSTOMERS_AT_ONCE):
        some = slice(start, start + CUSTOMERS_AT_ONCE)
        value = _draw_spend(model, parameters, histories[:, some], weeks, rng) * worth[some]
        bounds[:, some] = np.quantile(value, tails, axis=0)
        total += value.sum(axis=1)
    total_low, total_high = np.quantile(total, tails).tolist()
    return ValueInterval(low=bounds[0], high=bounds[1], total_low=total_low, total_high=total_high)


def _draw_parameters(model: CustomerModel, draws: int, rng: np.random.Generator) -> _Parameters:
    base, spend = model.purchases, model.spend
    rates = np.tile([base.r, base.alpha, base.a, base.b], (draws, 1))
    if model.purchases_fit is not None:
        rates = model.purchases_fit.draw(rng, draws)
    money = np.tile([spend.p, spend.q, spend.v], (draws, 1))
    if model.spend_fit is not None:
        money = model.spend_fit.draw(rng, draws)
    r, alpha, a, b = rates.T[:, :, None]
    p, q, v = money.T[:, :, None]
    return _Parameters(r=r, alpha=alpha, a=a, b=b, p=p, q=q, v=v)


def _draw_spend(
    model: CustomerModel,
    parameters: _Parameters,
    histories: Floats,
    weeks: float,
    rng: np.random.Generator,
) -> Floats:
    """What each customer spends in the coming weeks in each future drawn: (draws, n), money."""
    x, recency, T, m = histories
    d = parameters
    k = model.purchases.times_stayed(x)
    shape = (d.r.size, x.size)
    # Posteriors of an active customer, given their history.
    rate = rng.gamma(np.broadcast_to(d.r + x, shape)) / (d.alpha + T)
    leaves = rng.beta(np.maximum(d.a, 1e-9), np.broadcast_to(d.b + k, shape))
    purchases = rng.poisson(rate * weeks).astype(float)
    with np.errstate(divide="ignore"):
        # Purchases up to and including the one after which the customer leaves: geometric.
        until_left = np.ceil(np.log(rng.random(shape)) / np.log1p(-leaves))
    purchases = np.minimum(purchases, np.maximum(until_left, 1.0))
    silence = np.log1p((T - recency) / (d.alpha + recency))
    odds_gone = np.where(k > 0, d.a / (d.b + np.maximum(k, 1) - 1), 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        gone = odds_gone * np.exp((d.r + x) * silence)
    purchases[rng.random(shape) * (1 + gone) > 1] = 0.0
    # Spend per purchase is Gamma(p, ν); ν given the customer's past is Gamma(p·x + q, v + x·m).
    spent = x * np.clip(m, 0.0, model.spend_cap)
    drawn = rng.gamma(d.p * purchases) * (d.v + spent)
    nu = rng.gamma(np.broadcast_to(d.p * x + d.q, shape))
    return np.asarray(drawn / np.maximum(nu, LEAST_NU))
