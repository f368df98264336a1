"""Which model values the customers, and what to do when there is too little to fit one.

BG/NBD by default. Where most customers have bought only once, MBG/NBD, under which some of them
have already left. Where even that cannot be trusted, the fallback: run rates pulled towards the
mean, as though nobody ever left.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import pandas as pd

from app.domain.bg_nbd import BgNbd, fit_bg_nbd
from app.domain.gamma_gamma import GammaGamma, fit_gamma_gamma, pooled_spend
from app.domain.likelihood import Fit

Floats: TypeAlias = np.typing.NDArray[np.float64]


class ModelName(StrEnum):
    BG_NBD = "bg_nbd"
    MBG_NBD = "mbg_nbd"
    FALLBACK = "fallback"


class ModelWarning(StrEnum):
    TOO_FEW_CUSTOMERS = "too_few_customers"
    TOO_FEW_REPEATERS = "too_few_repeaters"
    HISTORY_TOO_SHORT = "history_too_short"
    PURCHASES_NOT_FITTED = "purchases_not_fitted"  # no optimum, or one beyond all reason
    SPEND_POOLED = "spend_pooled"  # every customer is given the same mean spend
    SPEND_DEPENDS_ON_FREQUENCY = "spend_depends_on_frequency"  # the model assumes it does not
    NOT_BACK_TESTED = "not_back_tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRules:
    """When a model may be trusted. None of these numbers is estimated from the data."""

    min_customers: int = 300
    min_repeaters: int = 100  # customers with a second purchase
    min_weeks: float = 26.0  # from the first purchase of all to today
    one_time_share: float = 0.60  # more one-time buyers than this: MBG/NBD
    plausible: tuple[float, float] = (1e-3, 1e3)  # of every fitted shape and rate
    prior_weeks: float = 26.0  # fallback: weeks of the mean rate added to each customer's history
    winsorise_at: float = 0.99  # quantile above which spend is cut
    max_correlation: float = 0.30  # between frequency and spend, before a warning
    back_test_weeks: float = 26.0  # hold-out window, at most a third of the history
    min_back_test_purchases: int = 100  # fewer in the window prove nothing
    calibration_power: float = 0.5  # shrinks the back-test's ratio towards 1
    calibration_limit: float = 2.0  # a ratio further off is one customer's doing, or a break


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerModel:
    """How often customers buy and what they then spend, ready to be applied to any customer."""

    name: ModelName
    purchases: BgNbd
    purchases_fit: Fit | None  # None where nothing was fitted
    spend: GammaGamma
    spend_fit: Fit | None
    spend_cap: float  # money; spend is cut here
    mean_spend: float  # money per purchase day over everybody
    warnings: tuple[ModelWarning, ...]

    def expected_spend(self, frequency: Floats, monetary_value: Floats) -> Floats:
        """Money per purchase to expect from each customer, (n,)."""
        cut = np.minimum(monetary_value, self.spend_cap)
        return self.spend.expected_spend(frequency, cut, otherwise=self.mean_spend)


def fit_customer_model(
    customers: pd.DataFrame, margins: Floats, *, rules: ModelRules, name: ModelName | None = None
) -> CustomerModel:
    """Fit the model that the data can bear.

    Args:
        customers: as `app.domain.ltv.purchase_summary` answers: columns ``frequency``,
            ``recency``, ``T`` (weeks) and ``monetary_value``.
        margins: money of every purchase day of every customer, (days,).
        rules: when to trust which model.
        name: fit this one instead of choosing by the share of one-time buyers.

    Returns:
        The model, with a warning for everything that stood in the way of a better one.
    """
    x, recency, T, m = customers.to_numpy(float).T
    warnings = _too_little(x, T, rules)
    if name is None:
        one_time = float((x == 0).mean()) if x.size else 1.0
        name = ModelName.MBG_NBD if one_time > rules.one_time_share else ModelName.BG_NBD
    if warnings or name is ModelName.FALLBACK:
        name, purchases, purchases_fit = ModelName.FALLBACK, _run_rates(x, T, rules), None
    else:
        is_modified = name is ModelName.MBG_NBD
        fitted, purchases_fit = fit_bg_nbd(x, recency, T, is_modified=is_modified)
        params = np.array([fitted.r, fitted.alpha, fitted.a, fitted.b])
        if purchases_fit.converged and _is_plausible(params, rules):
            purchases = fitted
        else:
            name, purchases, purchases_fit = ModelName.FALLBACK, _run_rates(x, T, rules), None
            warnings.append(ModelWarning.PURCHASES_NOT_FITTED)
    spenders = m[(x > 0) & (m > 0)]
    cap = float(np.quantile(spenders, rules.winsorise_at)) if spenders.size else np.inf
    common = _winsorised(margins, rules.winsorise_at)
    spend, spend_fit, spend_warnings = _fit_spend(x, np.minimum(m, cap), common, rules)
    return CustomerModel(
        name=name,
        purchases=purchases,
        purchases_fit=purchases_fit,
        spend=spend,
        spend_fit=spend_fit,
        spend_cap=cap,
        mean_spend=max(float(common.mean()), 0.0) if common.size else 0.0,
        warnings=(*warnings, *spend_warnings),
    )


def _too_little(x: Floats, T: Floats, rules: ModelRules) -> list[ModelWarning]:
    lacking = {
        ModelWarning.TOO_FEW_CUSTOMERS: x.size < rules.min_customers,
        ModelWarning.TOO_FEW_REPEATERS: int((x > 0).sum()) < rules.min_repeaters,
        ModelWarning.HISTORY_TOO_SHORT: float(T.max(initial=0.0)) < rules.min_weeks,
    }
    return [warning for warning, is_lacking in lacking.items() if is_lacking]


def _is_plausible(params: Floats, rules: ModelRules) -> bool:
    low, high = rules.plausible
    return bool((params > low).all() and (params < high).all())


def _run_rates(x: Floats, T: Floats, rules: ModelRules) -> BgNbd:
    """Each customer's run rate with some weeks of the mean rate added, (x + κλ̄) / (T + κ).

    This is the posterior mean of a Gamma(κλ̄, κ) rate, hence a BG/NBD in which nobody leaves.
    """
    mean_rate = float(x.sum() / T.sum()) if T.sum() > 0 else 0.0
    return BgNbd(r=rules.prior_weeks * mean_rate, alpha=rules.prior_weeks, a=0.0, b=1.0)


def _winsorised(values: Floats, at: float) -> Floats:
    return np.minimum(values, np.quantile(values, at)) if values.size else values


def _fit_spend(
    x: Floats, m: Floats, margins: Floats, rules: ModelRules
) -> tuple[GammaGamma, Fit | None, list[ModelWarning]]:
    counts = (x > 0) & (m > 0)
    if int(counts.sum()) >= rules.min_repeaters:
        spend, fit = fit_gamma_gamma(x, m)
        # v is money, so only the shapes can be judged.
        if fit.converged and _is_plausible(np.array([spend.p, spend.q]), rules):
            return spend, fit, _dependence(x[counts], m[counts], rules)
    return pooled_spend(margins), None, [ModelWarning.SPEND_POOLED]


def _dependence(x: Floats, m: Floats, rules: ModelRules) -> list[ModelWarning]:
    if min(x.std(), m.std()) == 0 or abs(np.corrcoef(x, m)[0, 1]) <= rules.max_correlation:
        return []
    return [ModelWarning.SPEND_DEPENDS_ON_FREQUENCY]
