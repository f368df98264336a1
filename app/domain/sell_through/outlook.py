"""The outlook on a stock: what is left day by day, with a band, and when it is sold out.

Where demand under another price is asked for, the elasticity is not known: then there are several
draws of demand, equally likely, and every chance is the mean over them. Expected values and
chances are those of a stock that is not replenished, so none of them ever turns back: what is
sold stays sold. Where the variances of a forecast would have it otherwise, the better of the days
before holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.demand import Ints
from app.domain.sell_through.days import Demand
from app.domain.sell_through.stock_left import Floats, chance_of_demand, expected_sales

BAND = (0.1, 0.9)  # quantiles of what is left, between which it lies in four of five cases
CHANCES = (0.1, 0.5, 0.9)  # that the stock is gone, whose first days are told
NEVER = -1  # as a day: not within the days that are known

# chance that at most so many units (n, D) are left at the end of each day
LeftAtMost = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of the stock of n rows; column L-1 is the end of the L-th day from now.

    Attributes:
        expected_left: units (n, D), never rising.
        sold_out: chance (n, D) that the stock is gone, never falling.
        left_at_most: chance that at most the given units (n, D) are left.
    """

    expected_left: Floats
    sold_out: Floats
    left_at_most: LeftAtMost


def outlook(stock: Floats, draws: Sequence[Demand], *, sold_out_units: float = 0.0) -> Outlook:
    """The outlook on stocks that each meet their own demand.

    Args:
        stock: I (n,), whole units on hand; what is negative is none.
        draws: demand of the n rows, once for every price response that may be the true one.
        sold_out_units: units left at which a stock counts as sold out.
    """
    units = np.maximum(stock, 0.0)[:, None]

    def left_at_most(most: Floats) -> Floats:
        # no more than x are left of I, if at least I − x are asked for
        return _mean([chance_of_demand(units - np.floor(most), d.mean, d.variance) for d in draws])

    sold = _mean([expected_sales(units, d.mean, d.variance) for d in draws])
    known = ~np.isnan(draws[0].mean)
    return Outlook(
        expected_left=np.minimum.accumulate(np.where(known, units - sold, np.nan), axis=1),
        sold_out=steady(np.where(known, left_at_most(np.full_like(sold, sold_out_units)), np.nan)),
        left_at_most=left_at_most,
    )


def steady(chance: Floats) -> Floats:
    """A chance that has been reached is kept."""
    answer: Floats = np.maximum.accumulate(chance, axis=1)
    return answer


def left_quantile(
    left_at_most: LeftAtMost, stock: Floats, probability: float, *, shape: tuple[int, int]
) -> Floats:
    """Units (n, D) of which at most so many are left with the given probability.

    The smallest whole number x with P(left ≤ x) ≥ probability, found by halving what is between
    nothing and the stock.
    """
    low = np.full(shape, -1.0)  # too little
    high = np.broadcast_to(np.maximum(stock, 0.0)[:, None], shape).copy()
    steps = int(np.ceil(np.log2(max(float(high.max(initial=0.0)), 1.0) + 2)))
    for _ in range(steps):
        middle = np.floor((low + high) / 2)
        is_enough = left_at_most(np.maximum(middle, 0.0)) >= probability
        is_open = high - low > 1
        high = np.where(is_open & is_enough, middle, high)
        low = np.where(is_open & ~is_enough, middle, low)
    return high


def sell_out_day(sold_out: Floats, chance: float) -> Ints:
    """The first day (n,), from 1, at whose end the stock is gone with the chance; else `NEVER`."""
    reached = np.nan_to_num(sold_out, nan=0.0) >= chance
    first = np.argmax(reached, axis=1) + 1 if reached.shape[1] else np.zeros(len(reached), int)
    return np.where(reached.any(axis=1), first, NEVER).astype(np.int64)


def at_day(values: Floats, day: Ints, before: Floats) -> Floats:
    """The value (n,) at the end of a day of each row: ``before`` up to day 0, NaN if not known."""
    last = values.shape[1]
    column = np.clip(day, 1, max(last, 1)) - 1
    taken = (
        np.take_along_axis(values, column[:, None], axis=1)[:, 0]
        if last
        else np.full(len(values), np.nan)
    )
    return np.where(day <= 0, before, np.where(day > last, np.nan, taken))


def _mean(of_draws: Sequence[Floats]) -> Floats:
    answer: Floats = sum(of_draws, np.zeros_like(of_draws[0])) / len(of_draws)
    return answer
