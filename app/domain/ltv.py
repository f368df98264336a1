"""Customer lifetime value: the discounted contribution margin still to come from each customer.

Only the future counts: what a customer has already brought is in the till. So a loyal customer
who has probably left is worth little, whatever they once spent.
"""

from dataclasses import asdict, dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd

from app.domain.ltv_interval import ValueInterval, value_interval
from app.domain.ltv_model import (
    CustomerModel,
    ModelName,
    ModelRules,
    ModelWarning,
    fit_customer_model,
)

Floats: TypeAlias = np.typing.NDArray[np.float64]

WEEKS_PER_YEAR = 52


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTest:
    """What the model would have said before the last weeks, and what then happened.

    The same model is fitted to the purchases up to a day in the past, and only the customers
    known on that day are counted.
    """

    weeks: float
    customers: int
    predicted_purchases: float
    actual_purchases: int
    predicted_spend: float
    actual_spend: float
    rank_correlation: float  # Spearman, between predicted and actual spend
    top_decile_share: float  # of actual spend, by the tenth of customers predicted highest
    calibration: float  # the ratio shrunk towards 1: what values are multiplied by

    @property
    def ratio(self) -> float:
        """Actual over predicted spend."""
        return self.actual_spend / self.predicted_spend


@dataclass(frozen=True, slots=True, kw_only=True)
class LtvModel:
    """The model behind the values, and how far to trust it."""

    name: ModelName
    params: dict[str, float]  # r, alpha (weeks), a, b; p, q, v (money)
    log_likelihood: float | None  # of the purchase histories, in weeks; None for the fallback
    customers: int
    repeaters: int
    purchase_days: int
    warnings: tuple[ModelWarning, ...]
    back_test: BackTest | None
    calibration: float  # already multiplied into every value
    total_ltv: float
    total_low: float
    total_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerValues:
    customers: pd.DataFrame
    model: LtvModel


def purchase_summary(purchases: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Sum each customer's purchases up in the four numbers the models need.

    Args:
        purchases: one row per purchase or line, with columns ``customer_id``, ``sold_on`` (date)
            and ``margin`` (money). Returned goods must be off already: see
            `app.domain.returns.net_returns`.
        as_of: today; later purchases are not looked at.

    Returns:
        Indexed by ``customer_id``: ``frequency`` x, purchase days after the first; ``recency``
        t_x, weeks from the first purchase to the last; ``T``, weeks from the first purchase to
        ``as_of``; ``monetary_value`` m, mean margin of the days after the first (0 if none).

    Raises:
        ValueError: if a customer, date or margin is missing.
    """
    return _summary(_purchase_days(purchases, as_of), as_of)


def value_customers(
    purchases: pd.DataFrame,
    *,
    as_of: date,
    horizon_weeks: int = 52,
    annual_discount_rate: float = 0.08,
    coverage: float = 0.90,
    draws: int = 200,
    seed: int = 0,
    rules: ModelRules = ModelRules(),  # noqa: B008 - frozen
) -> CustomerValues:
    """Value every customer who has bought by ``as_of``.

        LTV = c · E[spend] · Σ_k (E[Y(k)] - E[Y(k-1)]) · δ^k,  k = 1 … horizon_weeks

    where Y(k) are the purchases of the next k weeks, δ the weekly discount factor and c the
    calibration: actual over predicted spend in the back-test, shrunk towards 1. Calibration
    changes the level of all values and the order of none.

    Args:
        purchases: as for `purchase_summary`.
        as_of: today.
        horizon_weeks: how far ahead value is counted.
        annual_discount_rate: such as 0.08; spread evenly over 52 weeks.
        coverage: of the intervals.
        draws: futures drawn for the intervals.
        seed: of those draws.
        rules: when to trust which model.

    Returns:
        ``customers``, indexed by ``customer_id``, with the columns of `purchase_summary` and
        ``p_alive`` (NaN where the model cannot tell: always under the fallback, and under
        BG/NBD, which lets nobody leave before the second purchase, of those with one),
        ``expected_purchases`` (within the horizon), ``expected_spend`` (margin per purchase),
        ``ltv``, ``ltv_low`` and ``ltv_high`` (money); and ``model``. The interval is that of what
        the customer will bring, not of its mean, stretched to hold ``ltv`` where that lies
        outside.

    Raises:
        ValueError: if a customer, date or margin is missing.

    Source:
        Fader, Hardie & Lee (2005), Marketing Science 24(2) and Journal of Marketing Research 42.
    """
    days = _purchase_days(purchases, as_of)
    customers = _summary(days, as_of)
    fitted = fit_customer_model(customers, days["margin"].to_numpy(float), rules=rules)
    back_test = _back_test(days, as_of, fitted.name, rules)
    calibration = 1.0 if back_test is None else back_test.calibration

    histories = customers.to_numpy(float).T
    x, recency, T, m = histories
    weekly = 1 / (1 + annual_discount_rate / WEEKS_PER_YEAR)
    expected, discounted = _discounted_purchases(fitted, histories, horizon_weeks, weekly)
    spend = fitted.expected_spend(x, m)
    ltv = calibration * discounted * spend
    interval = value_interval(
        fitted,
        histories,
        weeks=horizon_weeks,
        worth=calibration * discounted / np.where(expected > 0, expected, 1.0),
        coverage=coverage,
        draws=draws,
        seed=seed,
    )
    knows_repeaters = (x > 0) & (fitted.name is ModelName.BG_NBD)
    can_tell = knows_repeaters | (fitted.name is ModelName.MBG_NBD)
    valued = customers.assign(
        p_alive=np.where(can_tell, fitted.purchases.p_alive(x, recency, T), np.nan),
        expected_purchases=expected,
        expected_spend=spend,
        ltv=ltv,
        ltv_low=np.minimum(interval.low, ltv),
        ltv_high=np.maximum(interval.high, ltv),
    )
    model = _described(fitted, back_test, customers=valued, days=len(days), interval=interval)
    return CustomerValues(customers=valued, model=model)


def _purchase_days(purchases: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """One row per customer and purchase day, in that order: customer_id, sold_on, margin."""
    needed = purchases[["customer_id", "sold_on", "margin"]]
    if needed.isna().to_numpy().any():
        raise ValueError("every purchase needs a customer_id, a sold_on and a margin")
    sold_on = pd.to_datetime(needed["sold_on"]).dt.normalize()
    known = needed.assign(sold_on=sold_on)[sold_on <= pd.Timestamp(as_of)]
    return known.groupby(["customer_id", "sold_on"])["margin"].sum().reset_index()


def _described(
    fitted: CustomerModel,
    back_test: BackTest | None,
    *,
    customers: pd.DataFrame,
    days: int,
    interval: ValueInterval,
) -> LtvModel:
    """The model's account of itself, with columns ``frequency`` and ``ltv`` of the customers."""
    params = asdict(fitted.purchases) | asdict(fitted.spend)
    # The draws know nothing of a model that is wrong: one that was off once may be off again.
    doubt = 1.0 if back_test is None else max(back_test.ratio, 1 / back_test.ratio)
    return LtvModel(
        name=fitted.name,
        params={name: value for name, value in params.items() if name != "is_modified"},
        log_likelihood=fitted.purchases_fit.log_likelihood if fitted.purchases_fit else None,
        customers=len(customers),
        repeaters=int((customers["frequency"] > 0).sum()),
        purchase_days=days,
        warnings=fitted.warnings + (() if back_test else (ModelWarning.NOT_BACK_TESTED,)),
        back_test=back_test,
        calibration=1.0 if back_test is None else back_test.calibration,
        total_ltv=float(customers["ltv"].sum()),
        total_low=interval.total_low / doubt,
        total_high=interval.total_high * doubt,
    )


def _summary(days: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The four numbers of each customer, from their purchase days in order."""
    by_customer = days.groupby("customer_id")
    first, last = by_customer["sold_on"].min(), by_customer["sold_on"].max()
    x = (by_customer.size() - 1).to_numpy(float)
    repeat_margin = (by_customer["margin"].sum() - by_customer["margin"].first()).to_numpy(float)
    return pd.DataFrame(
        {
            "frequency": x,
            "recency": (last - first).dt.days / 7,
            "T": (pd.Timestamp(as_of) - first).dt.days / 7,
            "monetary_value": np.where(x > 0, repeat_margin / np.maximum(x, 1), 0.0),
        }
    )


def _discounted_purchases(
    model: CustomerModel, histories: Floats, weeks: int, discount: float
) -> tuple[Floats, Floats]:
    """Purchases to expect within the horizon, and the same discounted week by week: (n,) each."""
    x, recency, T, _ = histories
    so_far, discounted = np.zeros_like(T), np.zeros_like(T)
    for week in range(1, weeks + 1):
        expected = model.purchases.expected_purchases(week, x, recency, T)
        discounted += (expected - so_far) * discount**week
        so_far = expected
    return so_far, discounted


def _back_test(
    days: pd.DataFrame, as_of: date, name: ModelName, rules: ModelRules
) -> BackTest | None:
    """Compare the last weeks with what the model says without them; None if that proves nothing."""
    if days.empty:
        return None
    history = (pd.Timestamp(as_of) - days["sold_on"].min()).days
    hidden = int(min(7 * rules.back_test_weeks, history / 3))
    cut = pd.Timestamp(as_of) - pd.Timedelta(days=hidden)
    before, after = days[days["sold_on"] <= cut], days[days["sold_on"] > cut]
    customers = _summary(before, cut)
    after = after[after["customer_id"].isin(customers.index)]
    if len(after) < rules.min_back_test_purchases:
        return None
    fitted = fit_customer_model(customers, before["margin"].to_numpy(float), rules=rules, name=name)
    x, recency, T, m = customers.to_numpy(float).T
    expected = fitted.purchases.expected_purchases(hidden / 7, x, recency, T)
    predicted = expected * fitted.expected_spend(x, m)
    actual = after.groupby("customer_id")["margin"].sum().reindex(customers.index, fill_value=0.0)
    if fitted.name is not name or min(predicted.sum(), actual.sum()) <= 0:
        return None
    ratio, limit = float(actual.sum() / predicted.sum()), rules.calibration_limit
    ranks = pd.DataFrame({"predicted": predicted, "actual": actual}).rank()
    top = ranks["predicted"] > 0.9 * len(ranks)
    return BackTest(
        weeks=hidden / 7,
        customers=len(customers),
        predicted_purchases=float(expected.sum()),
        actual_purchases=len(after),
        predicted_spend=float(predicted.sum()),
        actual_spend=float(actual.sum()),
        rank_correlation=float(ranks["predicted"].corr(ranks["actual"])),
        top_decile_share=float(actual[top].sum() / actual.sum()),
        calibration=min(max(ratio, 1 / limit), limit) ** rules.calibration_power,
    )
