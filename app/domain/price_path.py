"""What a plan of prices is worth: expected sales of a limited stock, and their present value.

Demand answers a discount with constant elasticity, its level is uncertain, sales stop when the
stock is gone, and what follows (cash, storage, leftovers, customers won or worn out) is discounted
to today. What the stock has cost is sunk.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import product
from typing import NamedTuple, Self, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import betainc, betaln, xlogy

Floats: TypeAlias = np.typing.NDArray[np.float64]
Bools: TypeAlias = np.typing.NDArray[np.bool_]

COMPONENTS = ("cash", "holding", "salvage", "gateway", "ltv_risk", "brand", "ops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Economics:
    """How the retailer values and chooses price paths; the defaults are assumptions to confirm."""

    annual_discount_rate: float = 0.08
    ltv_erosion: float = 0.10  # η: share of a buyer's LTV lost per unit of depth
    gateway_discount_haircut: float = 1.0  # θ_d: share of the gateway effect lost per unit of depth
    variable_cost_rate: float = 0.0  # f: share of the net price that a sale costs
    cash_premium: float = 0.0  # ω: extra worth of cash that comes in early
    cash_premium_weeks: int = 4  # T_c: what counts as early
    action_cost: float = 0.0  # money per change of an item's price
    depth_grid: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
    review_weeks: int = 2  # Δ: the soonest that a price may change again
    taus: tuple[int, ...] = (6, 12)  # later weeks in which a price may change
    elasticity_draws: tuple[float, ...] = (-1.2, 0.0, 1.2)  # standard deviations, ascending
    elasticity_bounds: tuple[float, float] = (0.3, 5.0)
    watch_band: tuple[float, float] = (0.35, 0.65)  # a P(sell) within is called 様子見
    cautious: bool = False  # 慎重: sell only if every draw of the elasticity says so
    min_advantage: float = 0.0  # money: selling is not worth the trouble for less, 様子見
    score_scale: float = 0.05  # share of the stock's list value that moves the score by one logit
    needless_sellout: float = 0.5  # P(sell-out at full price) from which a discount is needless

    def __post_init__(self) -> None:
        if not self.depth_grid or not all(0 < depth < 1 for depth in self.depth_grid):
            raise ValueError("depth_grid needs depths strictly between 0 and 1")
        if self.review_weeks < 1 or self.score_scale <= 0:
            raise ValueError("review_weeks and score_scale must be positive")
        if len(self.elasticity_draws) < 2 or (np.diff(self.elasticity_draws) <= 0).any():
            raise ValueError("elasticity_draws needs two or more, ascending")

    @property
    def weekly_discount(self) -> float:
        """δ, the worth today of one unit of money in a week."""
        return 1 / (1 + self.annual_discount_rate / 52)

    def change_weeks(self, horizon: int) -> list[int]:
        """Weeks from now in which a path may change its price, ascending."""
        weeks = {self.review_weeks, *self.taus}
        return sorted(week for week in weeks if self.review_weeks <= week < horizon)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """N items in stock with their demand and unit values, as arrays (N,); money is ex tax."""

    on_hand: Floats  # I, units
    demand_rate: Floats  # θ, units a week at full price when the season's index is 1
    demand_shape: Floats  # r, shape of the Gamma belief about θ
    elasticity: Floats  # β̂
    elasticity_sd: Floats
    list_price: Floats  # P
    current_depth: Floats  # share off the list price now in force
    max_depth: Floats  # deepest that the brand allows
    holding_cost: Floats  # h, per unit and week
    salvage_value: Floats  # v, per unit left at the horizon; negative if disposal costs
    buyer_ltv: Floats  # L̄
    gateway_effect: Floats  # g, per new buyer, of either sign
    new_buyer_share: Floats
    repeat_margin_at_risk: Floats  # `post`: margin lost after a markdown, per unit of depth
    season: Floats  # (N, H), seasonal index of each week to the horizon

    @classmethod
    def from_frame(cls, items: pd.DataFrame, season: Floats) -> Self:
        """Take the columns named as the fields above; stock below zero counts as none.

        Raises:
            ValueError: naming what is missing, not finite, out of range or of the wrong shape.
        """
        names = [field.name for field in fields(cls) if field.name != "season"]
        if missing := [name for name in names if name not in items]:
            raise ValueError(f"columns missing: {', '.join(missing)}")
        values = {name: items[name].to_numpy(dtype=np.float64) for name in names}
        values["on_hand"] = np.maximum(values["on_hand"], 0.0)
        values["season"] = season
        if season.ndim != 2 or season.shape[0] != len(items) or season.shape[1] == 0:
            raise ValueError("season needs one row per item and at least one week")
        low = {"salvage_value": -np.inf, "gateway_effect": -np.inf}
        is_positive, is_depth = {"list_price", "demand_shape"}, {"current_depth", "max_depth"}
        wrong = [
            name
            for name, value in values.items()
            if not (np.isfinite(value) & (value >= low.get(name, 0.0))).all()
            or (name in is_positive and (value == 0).any())
            or (name in is_depth and (value >= 1).any())
        ]
        if wrong:
            raise ValueError(f"values not finite or out of range: {', '.join(wrong)}")
        return cls(**values)

    def take(self, rows: slice | Bools) -> "Stock":
        """The items in these rows."""
        return Stock(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


class PricePath(NamedTuple):
    """One depth from now, another from a week on; all (N,)."""

    depth_now: Floats
    depth_later: Floats
    change_week: Floats  # the horizon where the price never changes

    @classmethod
    def constant(cls, depth: Floats, horizon: int) -> Self:
        """One depth to the end."""
        return cls(depth, depth, np.full(len(depth), float(horizon)))


def expected_sales(on_hand: Floats, demand: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """Expected sales of a limited stock, their slope in demand, and the chance to sell out.

    Demand D is Poisson around a Gamma level, hence negative binomial with mean m and shape r;
    weeks share the level, so r stays the same over time. The textbook form m·I_p(r+1, I-1) +
    I·P(D ≥ I) needs a second incomplete beta, which is P(D < I) less one power term.

    Args:
        on_hand: I ≥ 0, units; below one unit everything is proportional to it.
        demand: m ≥ 0, mean demand so far, units.
        shape: r > 0. All three broadcast.

    Returns:
        S = E[min(I, D)] in units, dS/dm, and P(D ≥ I).
    """
    whole, part = np.maximum(on_hand, 1.0), np.minimum(on_hand, 1.0)
    y, p = demand / (shape + demand), shape / (shape + demand)
    is_rare = y < p  # the smaller of y and p = 1 - y is the exact one
    first, second = np.where(is_rare, whole, shape), np.where(is_rare, shape, whole)
    chance = np.asarray(betainc(first, second, np.minimum(y, p)), dtype=np.float64)
    sellout = np.where(is_rare, chance, 1 - chance)
    unsold = np.where(is_rare, 1 - chance, chance)
    log_scale = betaln(shape, whole) + np.log(shape)
    power = np.exp(xlogy(whole - 1, y) - shape * np.log1p(demand / shape) - log_scale)
    sales = demand * (unsold - power) + whole * sellout
    return part * sales, part * (unsold - power * y), sellout


class SalesTable:
    """Expected sales read off a table per item, so that thousands of paths can be compared.

    S is tabulated over u = m/(m+I), closer towards its end, and read by cubic Hermite pieces: a
    tenth of the work. It chooses paths and finds break-even depths; what a path is worth is exact.
    """

    _CELLS = 192

    def __init__(self, stock: Stock, largest_demand: Floats) -> None:
        """Tabulate from no demand up to the largest mean demand of any path, (N,)."""
        self._scale = np.maximum(stock.on_hand, 1.0)[:, None]
        end = (largest_demand / (largest_demand + self._scale[:, 0]))[:, None]
        self._end = np.clip(end, 1e-9, 1 - 1e-9)
        to_end = np.linspace(1, 0, self._CELLS + 1)
        u = self._end * (1 - to_end**2)
        demand = self._scale * u / (1 - u)
        sold, slope, _ = expected_sales(stock.on_hand[:, None], demand, stock.demand_shape[:, None])
        slope = slope * self._scale / (1 - u) ** 2 * self._end * 2 * to_end / self._CELLS
        rise, left, right = np.diff(sold), slope[:, :-1], slope[:, 1:]
        pieces = [sold[:, :-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise]
        self._pieces = np.stack(pieces, axis=2).reshape(-1, 4)
        self._first = np.arange(len(u))[:, None] * self._CELLS

    def sales(self, demand: Floats) -> Floats:
        """Expected sales for mean demands (N, H)."""
        to_end = np.maximum(1 - demand / (demand + self._scale) / self._end, 0.0)
        position = (1 - np.sqrt(to_end)) * self._CELLS
        cell = np.minimum(position.astype(np.intp), self._CELLS - 1)
        x = position - cell
        piece = self._pieces.take(cell + self._first, axis=0)
        level, linear, square, cube = np.moveaxis(piece, 2, 0)
        sold: Floats = level + x * (linear + x * (square + x * cube))
        return sold


def _weekly_sales(
    stock: Stock, path: PricePath, elasticity: Floats, table: SalesTable | None
) -> tuple[Floats, Floats]:
    """Depth in each week and expected units sold by its end, (N, H)."""
    is_now = np.arange(stock.season.shape[1]) < path.change_week[:, None]
    now, later = path.depth_now[:, None], path.depth_later[:, None]
    rate, beta = stock.demand_rate[:, None], elasticity[:, None]
    weekly = np.where(is_now, rate * (1 - now) ** -beta, rate * (1 - later) ** -beta)
    demand = np.cumsum(stock.season * weekly, axis=1)
    depths = np.where(is_now, now, later)
    if table is not None:
        return depths, table.sales(demand)
    return depths, expected_sales(stock.on_hand[:, None], demand, stock.demand_shape[:, None])[0]


def path_value(
    stock: Stock,
    path: PricePath,
    elasticity: Floats,
    economics: Economics,
    table: SalesTable | None = None,
) -> tuple[Floats, Floats]:
    """Present value of price paths in its components, and what they sell.

    Args:
        stock: N items; their own elasticity is not used.
        path: one per item.
        elasticity: β, (N,).
        economics: discounting, LTV and cost policy.
        table: of these items, to be quick; without it the value is exact.

    Returns:
        Money, (7, N), in the order of ``COMPONENTS``, and units sold by the horizon, (N,). Only
        differences between paths mean anything, since the stock's cost is sunk.
    """
    depths, sold = _weekly_sales(stock, path, elasticity, table)
    units = np.diff(sold, axis=1, prepend=0.0)
    discounted = units * depths  # in list prices
    horizon = sold.shape[1]
    weeks = np.arange(horizon)
    delta = economics.weekly_discount
    at_week = delta ** (weeks + 0.5)  # sales fall in mid-week on average
    early = 1 + economics.cash_premium * (weeks < economics.cash_premium_weeks)
    at_change = delta**path.change_week

    net_price = stock.list_price * (1 - economics.variable_cost_rate)
    gateway = stock.new_buyer_share * stock.gateway_effect
    depth_weeks = discounted @ at_week
    deepening = np.maximum(path.depth_later - stock.current_depth, 0.0)
    first_markdown = np.where(path.depth_now > stock.current_depth, 1.0, at_change)
    is_changed_now = path.depth_now != stock.current_depth
    is_changed_later = path.depth_later != path.depth_now
    components = [
        net_price * ((units - discounted) @ (at_week * early)),
        -stock.holding_cost * ((stock.on_hand[:, None] - sold + units / 2) @ at_week),
        delta**horizon * stock.salvage_value * (stock.on_hand - sold[:, -1]),
        gateway * (units @ at_week - economics.gateway_discount_haircut * depth_weeks),
        -economics.ltv_erosion * stock.buyer_ltv * depth_weeks,
        -deepening * stock.repeat_margin_at_risk * first_markdown,
        -economics.action_cost * (is_changed_now + is_changed_later * at_change),
    ]
    return np.stack(components), sold[:, -1]


def price_levels(stock: Stock, economics: Economics) -> list[Floats]:
    """The current depth, then the grid as far as the brand allows and its deepest, each (N,)."""
    levels = [stock.current_depth]
    for depth in [*sorted(economics.depth_grid), 1.0]:
        level = np.minimum(depth, stock.max_depth)
        if (level > levels[-1]).any():
            levels.append(level)
    return levels


def _ladders(stock: Stock, economics: Economics) -> Iterator[tuple[bool, PricePath, Bools]]:
    """Whether a path cuts now, the path, and the items that may take it."""
    horizon = stock.season.shape[1]
    levels = price_levels(stock, economics)
    for first, now in enumerate(levels):
        may_start = (now > stock.current_depth) | (first == 0)
        yield first > 0, PricePath.constant(now, horizon), may_start
        for later, week in product(levels[first + 1 :], economics.change_weeks(horizon)):
            may_follow = may_start & (later > now)
            if may_follow.any():
                path = PricePath(now, later, np.full(len(now), float(week)))
                yield first > 0, path, may_follow


def best_paths(
    stock: Stock, elasticity: Floats, economics: Economics, table: SalesTable
) -> tuple[PricePath, PricePath]:
    """The best path that cuts the price now (sell) and the best that keeps it for a while (hold).

    Both may cut deeper in one of the weeks of change: were that left to holding alone, selling
    would look worse than it is. An item with no deeper price left keeps its price in both.
    """
    keep = PricePath.constant(stock.current_depth, stock.season.shape[1])
    best = {cuts_now: (np.full(len(elasticity), -np.inf), keep) for cuts_now in (True, False)}
    for cuts_now, path, is_allowed in _ladders(stock, economics):
        components, _ = path_value(stock, path, elasticity, economics, table)
        value = components.sum(axis=0)
        best_value, best_path = best[cuts_now]
        is_better = is_allowed & (value > best_value)
        best_path = PricePath(*np.where(is_better, path, best_path))
        best[cuts_now] = np.where(is_better, value, best_value), best_path
    return best[True][1], best[False][1]
