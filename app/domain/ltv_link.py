"""LTV linkage: what kind of customers buy a SKU, in yen of lifetime value.

The mean value of a SKU's buyers says who would be hit by discounting it or by running out of
it. It does not say that the SKU makes its buyers valuable.

With few buyers the mean is mostly chance, so it is pulled towards its category, and below a
minimum replaced by it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import pandas as pd

Floats: TypeAlias = np.typing.NDArray[np.float64]
Integers: TypeAlias = np.typing.NDArray[np.intp]


class Confidence(StrEnum):
    CONFIDENT = "confident"
    ENOUGH = "enough"
    CATEGORY_AVERAGE = "category_average"  # カテゴリ平均で代用: too few buyers of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRules:
    """How buyers are weighed. None of these numbers is estimated from the data."""

    unit_cap: float = 3.0  # more units of one customer count no more: they are still one buyer
    half_life_days: float = 180.0  # a purchase this old counts half
    winsorise_at: float = 0.99  # quantile above which a customer's value is cut
    default_k: float = 20.0  # shrinkage where there are too few SKUs to estimate it
    min_skus: int = 10  # beyond one per category, to estimate it
    k_range: tuple[float, float] = (1.0, 1000.0)
    enough_buyers: float = 30.0  # effective; fewer: category average
    confident_buyers: float = 60.0  # effective


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerMix:
    skus: pd.DataFrame
    population_mean: float  # money, weighted as the SKUs' means are: what an index of 1 stands for
    k: float  # effective buyers that the category's mean is worth
    customer_sd: float  # money, between the buyers of one SKU


def buyer_mix(
    lines: pd.DataFrame,
    ltv: pd.Series,
    *,
    as_of: date,
    categories: pd.Series | None = None,
    rules: LinkRules = LinkRules(),
) -> BuyerMix:
    """Value the buyers of each SKU.

        w_ci = min(units_ci, 3) · 2^(-age_ci / 180)          of customer c and SKU i
        L̄_i  = Σ_c w_ci LTV_c / Σ_c w_ci                     over buyers
        n_i  = (Σ w)² / Σ w²                                 effective buyers
        L̄_i^EB = (n_i L̄_i + k L̄_category) / (n_i + k),  SE = σ / √(n_i + k)

    The index divides by the mean over all SKUs and buyers with the same weights. The mean per
    customer would not do: frequent buyers are behind every SKU, so that every SKU would look
    better than average.

    Args:
        lines: purchases, with columns ``customer_id``, ``sku_id``, ``sold_on`` (date) and
            ``units`` (net of returns; lines without any do not count).
        ltv: money, indexed by ``customer_id``; lines of other customers are left out.
        as_of: today; later lines are left out.
        categories: category by ``sku_id``. Its SKUs without buyers are answered as well. Without
            it, all SKUs form one category.
        rules: how buyers are weighed.

    Returns:
        ``skus``, indexed by ``sku_id``: ``buyers`` (customers), ``n_eff``, ``ltv`` (L̄^EB, money),
        ``se`` (money), ``index`` (1 = average) and ``confidence`` (`Confidence`); and the numbers
        common to all. Everything is NaN where there are no buyers at all.

    Raises:
        ValueError: if a SKU, date, number of units or value is missing.
    """
    sums = _sums_by_sku(lines, ltv, as_of, rules)
    category = np.zeros(len(sums), np.intp)
    if categories is not None:
        sums = sums.reindex(sums.index.union(categories.index), fill_value=0.0)
        category = categories.reindex(sums.index).factorize(use_na_sentinel=False)[0]
    n_eff = _ratio(sums["w"].to_numpy() ** 2, sums["ww"].to_numpy())
    k, variance = _shrinkage(sums, n_eff, category, rules)
    population_mean, category_mean = _means(sums, category, rules)
    own = np.where(n_eff >= rules.enough_buyers, n_eff, 0.0)
    own_mean = _ratio(sums["wv"].to_numpy(), sums["w"].to_numpy())
    mean = (own * own_mean + k * category_mean) / (own + k)
    confidence = np.select(
        [n_eff >= rules.confident_buyers, n_eff >= rules.enough_buyers],
        [Confidence.CONFIDENT.value, Confidence.ENOUGH.value],
        default=Confidence.CATEGORY_AVERAGE.value,
    )
    skus = pd.DataFrame(
        {
            "buyers": sums["buyers"].astype(int),
            "n_eff": n_eff,
            "ltv": mean,
            "se": np.sqrt(variance / (own + k)),
            "index": mean / population_mean if population_mean else np.nan,
            "confidence": confidence,
        },
        index=sums.index.rename("sku_id"),
    )
    return BuyerMix(
        skus=skus, population_mean=population_mean, k=k, customer_sd=float(np.sqrt(variance))
    )


def _sums_by_sku(
    lines: pd.DataFrame, ltv: pd.Series, as_of: date, rules: LinkRules
) -> pd.DataFrame:
    """Over the buyers of each SKU: their number, and the sums of w, w², w·v and w·v².

    v is the winsorised value in money. Columns buyers, w, ww, wv and wvv.
    """
    if ltv.isna().any() or lines[["sku_id", "sold_on", "units"]].isna().to_numpy().any():
        raise ValueError("every line needs a sku_id, a sold_on and units; every customer a value")
    today = pd.Timestamp(as_of)
    sold_on = pd.to_datetime(lines["sold_on"]).to_numpy()
    units = lines["units"].to_numpy(float)
    customer = ltv.index.get_indexer(pd.Index(lines["customer_id"]))
    counts = (customer >= 0) & (units > 0) & (sold_on <= today.to_datetime64())
    sku, sku_ids = lines["sku_id"][counts].factorize()
    pair = sku * max(len(ltv), 1) + customer[counts]
    bought = pd.DataFrame({"units": units[counts], "sold_on": sold_on[counts]})
    by_pair = bought.groupby(pair).agg({"units": "sum", "sold_on": "max"})
    age = (today - by_pair["sold_on"]).dt.days.to_numpy(float)
    weight = np.minimum(by_pair["units"].to_numpy(), rules.unit_cap)
    weight *= 0.5 ** (age / rules.half_life_days)
    values = ltv.to_numpy(float)
    cap = np.quantile(values, rules.winsorise_at) if values.size else 0.0
    sku, buyer = np.divmod(by_pair.index.to_numpy(), max(len(ltv), 1))
    value = np.minimum(values[buyer], cap)
    terms = {"buyers": np.ones_like(weight), "w": weight, "ww": weight**2}
    terms |= {"wv": weight * value, "wvv": weight * value**2}
    sums = {name: _totals(sku, term) for name, term in terms.items()}
    return pd.DataFrame(sums, index=pd.Index(sku_ids)).sort_index()


def _totals(group: Integers, values: Floats) -> Floats:
    """The sum of the values of each group, in the order of its number."""
    return np.bincount(group, values).astype(float)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """0 where there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator != 0)


def _shrinkage(
    sums: pd.DataFrame, n_eff: Floats, category: Integers, rules: LinkRules
) -> tuple[float, float]:
    """Find k = σ² / τ², and σ², by one-way analysis of variance of SKUs within their categories.

    σ² is the variance between the buyers of one SKU, τ² that between the SKUs of one category.
    """
    has_buyers = n_eff > 0
    n, group = n_eff[has_buyers], category[has_buyers]
    w, wv, wvv = sums.loc[has_buyers, ["w", "wv", "wvv"]].to_numpy().T
    mean = wv / w
    free_within = float((n - 1).sum())
    if free_within < 1:
        return rules.default_k, float("nan")
    variance = float((n * np.maximum(wvv / w - mean**2, 0.0)).sum()) / free_within
    size = _totals(group, n)
    free_between = n.size - int((size > 0).sum())
    if free_between < rules.min_skus:
        return rules.default_k, variance
    centre = _ratio(_totals(group, n * mean), size)
    between = float((n * (mean - centre[group]) ** 2).sum()) / free_between
    typical = float(n.sum() - _ratio(_totals(group, n**2), size).sum()) / free_between
    tau2 = (between - variance) / typical
    low, high = rules.k_range
    return (min(max(variance / tau2, low), high) if tau2 > 0 else high), variance


def _means(sums: pd.DataFrame, category: Integers, rules: LinkRules) -> tuple[float, Floats]:
    """The mean value over all SKUs, and that over each SKU's category, (SKUs,), in money.

    A category with too few buyers for a statement of its own has the mean of all.
    """
    total = sums[["w", "wv"]].sum()
    overall = float(total["wv"] / total["w"]) if total["w"] > 0 else float("nan")
    w, ww, wv = (_totals(category, sums[name].to_numpy()) for name in ("w", "ww", "wv"))
    is_enough = _ratio(w**2, ww) >= rules.enough_buyers
    return overall, np.where(is_enough, _ratio(wv, w), overall)[category]
