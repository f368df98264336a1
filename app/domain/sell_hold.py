"""Sell or hold: is a stock worth more with its price cut now, or with its price kept for a while?

Both courses are price paths valued alike (`price_path`). The advantage of selling is the value of
the best path that cuts now less that of the best that waits, averaged over what the elasticity
may be: an optimiser that trusts one estimate of it can do worse than never discounting. Wearing
out good customers costs more the deeper the price, so a dearer clientele never speaks for selling.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import ndtr

from app.domain.price_path import (
    COMPONENTS,
    Bools,
    Economics,
    Floats,
    PricePath,
    SalesTable,
    Stock,
    best_paths,
    expected_sales,
    path_value,
)

_CHUNK = 1000  # items at a time, so that their weekly arrays stay in the processor's cache
_DEPTH_STEPS = 32  # in which the break-even discount is looked for


class Decision(StrEnum):
    SELL = "sell"  # 売り切る
    HOLD = "hold"  # 寝かせる
    WATCH = "watch"  # 様子見
    NONE = "none"  # 在庫なし


def decide(items: pd.DataFrame, season: Floats, economics: Economics) -> pd.DataFrame:
    """Decide for each item whether to sell or hold its stock, and by how much and why.

    Args:
        items: one row per item, any index; columns, in the units of `Stock`, ``on_hand`` (below
            zero counts as none), ``demand_rate``, ``demand_shape``, ``elasticity``,
            ``elasticity_sd``, ``list_price``, ``current_depth``, ``max_depth``,
            ``holding_cost``, ``salvage_value``, ``buyer_ltv``, ``gateway_effect``,
            ``new_buyer_share``, ``repeat_margin_at_risk``; optionally ``is_past_end``: the day
            on which its sales end has gone by, so that holding it is not on offer.
        season: seasonal index of each week to the horizon, (N, H).
        economics: the policy.

    Returns:
        Same index, with columns

        * ``decision``: a `Decision`: sell if ``advantage`` > 0; watch if ``probability_sell`` is
          within the policy's band, if the advantage of selling is too small to act on (or,
          cautious, if a draw disagrees); sell in any case past its end; none without stock;
        * ``sell_score``, ``hold_score``: 0-100, sum 100; ``advantage``: money;
          ``probability_sell``: chance that selling is better, the elasticity being normal;
        * ``depth_now``, ``depth_later``, ``change_week`` (NaN: no change): the plan, selling
          only if that is the decision; ``review_week``: weeks to the next look, at the planned
          change if there is one, else after a review period or, holding, at the horizon;
        * ``surplus_units``: expected left at the horizon if the current price stays;
          ``full_price_sellout_probability``: P(demand at full price ≥ stock);
          ``expected_units_sell``, ``expected_units_hold``, ``expected_units_full_price``: sold
          by the horizon;
        * ``break_even_discount``: see the function of that name;
        * ``is_needless_discount``: a discount is in force, and the stock would probably sell out
          without it or is worth more back at full price;
        * ``advantage_cash`` … ``advantage_ops``: sum to ``advantage``; ``points_cash`` …
          ``points_ops``: sum to ``sell_score`` - 50.

    Raises:
        ValueError: see `Stock.from_frame`.

    Source:
        methods.md §3.3-3.7, 3.11. Points are integrated gradients of the logistic score.
    """
    stock = Stock.from_frame(items, season)
    is_past_end = np.zeros(len(items), np.bool_)
    if "is_past_end" in items:
        is_past_end = items["is_past_end"].to_numpy(np.bool_)
    rows = [slice(start, start + _CHUNK) for start in range(0, max(len(items), 1), _CHUNK)]
    chunks = [_decide_chunk(stock.take(some), is_past_end[some], economics) for some in rows]
    return pd.concat(chunks).set_axis(items.index, axis="index")


def _decide_chunk(stock: Stock, is_past_end: Bools, economics: Economics) -> pd.DataFrame:
    draws = np.array(economics.elasticity_draws)[:, None]
    betas = np.clip(stock.elasticity + draws * stock.elasticity_sd, *economics.elasticity_bounds)
    deepest = np.maximum(stock.current_depth, stock.max_depth)
    largest = stock.season.sum(axis=1) * (1 - deepest) ** -betas.max(axis=0)
    table = SalesTable(stock, stock.demand_rate * largest)
    pairs = [best_paths(stock, beta, economics, table) for beta in betas]
    values = [
        [path_value(stock, path, beta, economics) for path in pair]
        for pair, beta in zip(pairs, betas, strict=True)
    ]
    money = np.array([[components for components, _ in pair] for pair in values])  # (K, 2, 7, N)
    units = np.mean([[sold for _, sold in pair] for pair in values], axis=0)  # (2, N)
    hold_value = money[:, 1].sum(axis=1).mean(axis=0)

    gain = np.where(stock.on_hand > 0, money[:, 0] - money[:, 1], 0.0)
    verdict = _verdict(gain, stock, is_past_end, economics)
    sell, hold = np.moveaxis(np.array(pairs), 1, 0)  # (K, 3, N) each
    is_sell = (verdict["decision"] == Decision.SELL).to_numpy()
    path = PricePath(*np.where(is_sell, _median_path(sell, 0), _median_path(hold, 1)))
    return verdict.assign(
        **_plan(verdict["decision"].to_numpy(), path, stock, economics),
        **_outlook(stock, betas, economics),
        expected_units_sell=units[0],
        expected_units_hold=units[1],
        break_even_discount=break_even_discount(stock, betas, hold_value, economics, table),
    )


def _verdict(gain: Floats, stock: Stock, is_past_end: Bools, economics: Economics) -> pd.DataFrame:
    """Decision, advantage, scores and components from the gains of selling, (K, 7, N)."""
    components = gain.mean(axis=0)
    draws = gain.sum(axis=1)
    advantage = components.sum(axis=0)
    probability = probability_positive(draws, economics.elasticity_draws)
    low, high = economics.watch_band
    is_unsure = (probability > low) & (probability < high)
    is_unsure |= (advantage > 0) & (advantage < economics.min_advantage)
    if economics.cautious:
        is_unsure |= (advantage > 0) & (draws <= 0).any(axis=0)

    scale = np.maximum(economics.score_scale * stock.on_hand * stock.list_price, 1e-300)
    logit = advantage / scale
    above_even = 50 * np.tanh(logit / 2)
    points_per_logit = np.divide(above_even, logit, out=np.full_like(logit, 25.0), where=logit != 0)
    decision = pd.Series(Decision.HOLD, range(len(advantage)), dtype=object)
    decision[advantage > 0] = Decision.SELL
    decision[is_unsure] = Decision.WATCH
    decision[is_past_end] = Decision.SELL
    decision[stock.on_hand <= 0] = Decision.NONE
    columns = {
        "decision": decision,
        "sell_score": 50 + above_even,
        "hold_score": 50 - above_even,
        "advantage": advantage,
        "probability_sell": probability,
    }
    for name, money in zip(COMPONENTS, components, strict=True):
        columns[f"advantage_{name}"] = money
        columns[f"points_{name}"] = money / scale * points_per_logit
    return pd.DataFrame(columns)


def probability_positive(values: Floats, draws: Sequence[float]) -> Floats:
    """Chance, (N,), that a function of a standard normal variable is positive.

    The function, ``values`` (K, N) at K ascending ``draws``, is taken as linear between and
    beyond them; the mere share of positive draws is, of three, never near one half.
    """
    ends = [-np.inf, *draws[1:-1], np.inf]
    total: Floats = np.zeros(values.shape[1])
    for k, (low, high) in enumerate(pairwise(ends)):
        slope = (values[k + 1] - values[k]) / (draws[k + 1] - draws[k])
        root = draws[k] - np.divide(values[k], slope, out=np.zeros_like(slope), where=slope != 0)
        below = ndtr(np.clip(root, low, high)) - ndtr(low)
        width = ndtr(high) - ndtr(low)
        total += np.select([slope > 0, slope < 0], [width - below, below], width * (values[k] > 0))
    return total


def _median_path(paths: Floats, depth: int) -> Floats:
    """Of K paths as (K, 3, N), the one with the median depth, so that its parts stay together."""
    draw = np.argsort(paths[:, depth], axis=0, kind="stable")[len(paths) // 2]
    chosen: Floats = np.take_along_axis(paths, draw[None, None], axis=0)[0]
    return chosen


def _plan(
    decision: np.typing.NDArray[np.object_], path: PricePath, stock: Stock, economics: Economics
) -> dict[str, Floats]:
    horizon = stock.season.shape[1]
    is_changing = path.depth_later > path.depth_now
    review = np.where(decision == Decision.HOLD, horizon, min(economics.review_weeks, horizon))
    review = np.where(is_changing & (decision != Decision.WATCH), path.change_week, review)
    return {
        "depth_now": path.depth_now,
        "depth_later": path.depth_later,
        "change_week": np.where(is_changing, path.change_week, np.nan),
        "review_week": np.where(decision == Decision.NONE, np.nan, review),
    }


def _outlook(stock: Stock, betas: Floats, economics: Economics) -> dict[str, Floats | Bools]:
    """What becomes of the stock if the price stays, and had it never been cut."""
    horizon = stock.season.shape[1]
    demand = stock.demand_rate * stock.season.sum(axis=1)
    _, _, sellout = expected_sales(np.ceil(stock.on_hand), demand, stock.demand_shape)
    sellout = np.where(stock.on_hand > 0, sellout, 1.0)
    stays = PricePath.constant(stock.current_depth, horizon)
    returns = PricePath.constant(np.zeros_like(stock.current_depth), horizon)
    sold, full_price_sold, gain_of_return = np.zeros((3, len(demand)))
    for beta in betas:
        kept, kept_units = path_value(stock, stays, beta, economics)
        full, full_units = path_value(stock, returns, beta, economics)
        sold += kept_units / len(betas)
        full_price_sold += full_units / len(betas)
        gain_of_return += (full - kept).sum(axis=0)
    is_discounted = (stock.current_depth > 0) & (stock.on_hand > 0)
    is_needless = (sellout >= economics.needless_sellout) | (gain_of_return > 0)
    return {
        "surplus_units": stock.on_hand - sold,
        "expected_units_full_price": full_price_sold,
        "full_price_sellout_probability": sellout,
        "is_needless_discount": is_discounted & is_needless,
    }


def break_even_discount(
    stock: Stock, betas: Floats, hold_value: Floats, economics: Economics, table: SalesTable
) -> Floats:
    """Deepest cut, made now and left in force, still worth as much as the best way to hold.

    Worth is the mean over the elasticities ``betas``, (K, N), and ``hold_value``, (N,), that of
    the best paths to hold; ``table`` is of the same N items as ``stock``.

    Returns:
        Depth, (N,), interpolated between steps; the deepest that the brand allows if that one
        still beats holding; NaN where no depth does, or nothing is in stock.
    """
    room = np.maximum(stock.max_depth - stock.current_depth, 0.0)
    is_open = (room > 0) & (stock.on_hand > 0)
    last, before = np.full_like(room, np.nan), np.zeros_like(room)
    for step in range(1, _DEPTH_STEPS + 1):
        depth = stock.current_depth + room * step / _DEPTH_STEPS
        path = PricePath.constant(depth, stock.season.shape[1])
        values = [path_value(stock, path, beta, economics, table)[0] for beta in betas]
        gain = np.sum(np.mean(values, axis=0), axis=0) - hold_value
        fall = np.where((before > 0) & (gain <= 0), before - gain, np.inf)
        crossing = depth - room / _DEPTH_STEPS * (1 - before / fall)
        last = np.where(gain > 0, depth, np.where(before > 0, crossing, last))
        before = np.where(is_open, gain, 0.0)
    return np.where(is_open, last, np.nan)
