"""Forecast weekly demand: choose a method for each series, say why, and say how sure it is.

Two steps. `demand_history` looks at all series together: demand class, method, the rates that need
no fitting, and the dispersion of forecast errors, which borrows strength from the class. It takes
a fraction of a second for thousands of series. `forecast_series` then fits Prophet where it was
chosen; it needs nothing but its own chunk, so chunks can go to other processes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
import pandas as pd

from app.domain.demand import DemandClass, Floats, demand_pattern, week_ends
from app.domain.dispersion import level_cv2, sum_error_dispersion
from app.domain.intermittent import shrunken_mean, tsb
from app.domain.prophet_weekly import ProphetFailed, ProphetSettings, prophet_forecast
from app.domain.service_level import demand_quantile


class ForecastMethod(StrEnum):
    PROPHET = "prophet"  # mean of Prophet with a damped trend and TSB
    TSB = "tsb"  # Teunter-Syntetos-Babai
    SHRUNKEN_MEAN = "shrunken_mean"  # own mean, drawn towards the usual


class ForecastReason(StrEnum):
    """Why a series is forecast by its method."""

    STEADY_SELLER = "steady_seller"
    SELDOM_SOLD = "seldom_sold"
    SHORT_HISTORY = "short_history"
    NEW = "new"
    INACTIVE = "inactive"
    PROPHET_FAILED = "prophet_failed"


# reason → (ja, en), one sentence for the console and the API
REASON_TEXT = {
    ForecastReason.STEADY_SELLER: (
        "ほぼ毎週売れ、履歴も十分なため、Prophet(トレンド減衰)とTSBの平均で予測しています。",
        "It sells nearly every week and has enough history: mean of Prophet (damped) and TSB.",
    ),
    ForecastReason.SELDOM_SOLD: (
        "売れない週が多いため、間欠需要向けのTSB法で予測しています。",
        "Many weeks pass without a sale: TSB, a method for intermittent demand.",
    ),
    ForecastReason.SHORT_HISTORY: (
        "ほぼ毎週売れますが履歴が短くトレンドを推定できないため、TSB法で予測しています。",
        "It sells nearly every week, but its history is too short for a trend: TSB.",
    ),
    ForecastReason.NEW: (
        "新規商品のため、これまでの平均を全体の標準的な売れ行きに近づけて予測しています。",
        "It is new: its own mean so far, drawn towards what is usual for all items.",
    ),
    ForecastReason.INACTIVE: (
        "長期間売れていないため、需要はほぼゼロと予測しています(TSB法)。",
        "It has not sold for a long time: TSB, which has faded to almost nothing.",
    ),
    ForecastReason.PROPHET_FAILED: (
        "Prophetの計算に失敗したため、TSB法で予測しています。",
        "Prophet failed on this series: TSB instead.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPolicy:
    """Numbers that the forecast assumes; those without a source were chosen by backtest."""

    horizon: int = 26  # weeks ahead
    history_weeks: int = 520  # looked back; one sale mistyped as of 1900 must not cost gigabytes
    quantile_levels: tuple[float, ...] = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
    adi_cut: float = 1.32  # Syntetos, Boylan & Croston 2005
    cv2_cut: float = 0.49  # the same
    new_weeks: int = 8
    inactive_weeks: int = 26
    prophet_least_weeks: int = 26  # history from which a trend is believed
    prophet_share: float = 0.5  # beside TSB, which wins on Online Retail II and loses on VN2
    alpha: float = 0.2
    beta: float = 0.2
    warm_up: int = 8  # weeks that start TSB
    prior_weeks: float = 2.0  # weight of the usual rate in a new item's mean
    level_weeks: int = 8  # total whose CV² beyond Poisson says how unsure the level is
    prophet: ProphetSettings = field(default_factory=ProphetSettings)


@dataclass(frozen=True, slots=True)
class DemandHistory:
    """What is known of some series before any of them is fitted.

    ``series`` has one row per series: ``sku_id``, ``location_id``, ``weeks``, ``idle_weeks``,
    ``adi``, ``cv2``, ``demand_class`` (see `demand_pattern`), ``method``, ``reason`` and ``rate``
    (units per week by TSB, or by the shrunken mean where new).
    ``demand`` is their demand matrix (n, T); ``dispersion`` (n, H) has in column L-1 the
    variance-to-mean ratio of an L-week total (see `sum_error_dispersion`).
    """

    series: pd.DataFrame
    demand: Floats
    dispersion: Floats

    def take(self, rows: "slice | np.typing.NDArray[np.bool_]") -> "DemandHistory":
        """Some of the series."""
        return DemandHistory(self.series.iloc[rows], self.demand[rows], self.dispersion[rows])

    def chunks(self, size: int) -> Iterator["DemandHistory"]:
        """The same series in runs of at most ``size``."""
        for start in range(0, len(self.series), size):
            yield self.take(slice(start, start + size))


def demand_history(series: pd.DataFrame, demand: Floats, policy: ForecastPolicy) -> DemandHistory:
    """Choose a method for every series and measure how far its demand strays.

    Args:
        series: columns ``sku_id`` and ``location_id``, as from `weekly_demand`.
        demand: their demand matrix (n, T).
        policy: see there.
    """
    pattern = demand_pattern(
        demand,
        adi_cut=policy.adi_cut,
        cv2_cut=policy.cv2_cut,
        new_weeks=policy.new_weeks,
        inactive_weeks=policy.inactive_weeks,
    )
    classes = pattern["demand_class"].to_numpy(dtype=np.str_)
    is_new = classes == DemandClass.NEW
    rate = tsb(demand, alpha=policy.alpha, beta=policy.beta, warm_up=policy.warm_up)
    settled = ~is_new & (classes != DemandClass.INACTIVE)
    typical = rate[settled] if settled.any() else rate
    usual = float(np.median(typical)) if len(typical) else 0.0
    mean = shrunken_mean(demand, prior_rate=usual, prior_weeks=policy.prior_weeks)
    spans = range(1, policy.horizon + 1)
    dispersion = np.array([sum_error_dispersion(demand, classes, span) for span in spans]).T
    chosen = _choice(pattern, policy).assign(rate=np.where(is_new, mean, rate))
    return DemandHistory(
        pd.concat([series.reset_index(drop=True), pattern, chosen], axis=1), demand, dispersion
    )


def _choice(pattern: pd.DataFrame, policy: ForecastPolicy) -> pd.DataFrame:
    """Columns ``method`` and ``reason``; the first rule that applies decides."""
    demand_class = pattern["demand_class"]
    rules = [
        (demand_class == DemandClass.NEW, ForecastMethod.SHRUNKEN_MEAN, ForecastReason.NEW),
        (demand_class == DemandClass.INACTIVE, ForecastMethod.TSB, ForecastReason.INACTIVE),
        (pattern["adi"] >= policy.adi_cut, ForecastMethod.TSB, ForecastReason.SELDOM_SOLD),
        (
            pattern["weeks"] < policy.prophet_least_weeks,
            ForecastMethod.TSB,
            ForecastReason.SHORT_HISTORY,
        ),
    ]
    applies = [rule[0].to_numpy(dtype=np.bool_) for rule in rules]
    return pd.DataFrame(
        {
            "method": np.select(applies, [r[1].value for r in rules], ForecastMethod.PROPHET.value),
            "reason": np.select(
                applies, [r[2].value for r in rules], ForecastReason.STEADY_SELLER.value
            ),
        }
    )


def forecast_series(history: DemandHistory, *, as_of: date, policy: ForecastPolicy) -> pd.DataFrame:
    """Forecast a chunk of series over the horizon of H weeks.

    Where Prophet fails, TSB takes its place; the reason becomes ``prophet_failed`` and ``failure``
    says what happened.

    Args:
        history: the chunk.
        as_of: last day of the latest week of its demand.
        policy: the same that made the history.

    Returns:
        One row per series: the columns of ``history.series``; ``failure`` (text, or None);
        ``yhat``, mean units of each week, array (H,); ``quantiles`` of each week at the policy's
        levels, array (levels, H), negative binomial; ``sum_variance``, array (H,), in column L-1
        the variance of the total of the first L weeks, for lead-time demand (weekly quantiles
        must not be added up); ``weekly_mean``, units per week over the horizon; ``level_cv2``, CV²
        beyond Poisson of the total over ``policy.level_weeks``.
    """
    series = history.series.assign(failure=None).reset_index(drop=True)
    yhat = np.repeat(series["rate"].to_numpy(dtype=np.float64)[:, None], policy.horizon, axis=1)
    ages = series["weeks"].to_numpy(dtype=np.int64)
    for row in np.flatnonzero(series["method"] == ForecastMethod.PROPHET):
        weeks = int(ages[row])
        days = week_ends(as_of, range(1 - weeks, policy.horizon + 1))
        try:
            trend = prophet_forecast(history.demand[row, -weeks:], days, policy.prophet)
        except ProphetFailed as error:
            series.loc[row, ["method", "reason", "failure"]] = [
                ForecastMethod.TSB.value,
                ForecastReason.PROPHET_FAILED.value,
                str(error),
            ]
        else:
            yhat[row] += policy.prophet_share * (trend - yhat[row])
    return _with_uncertainty(series, yhat, history.dispersion, policy)


def _with_uncertainty(
    series: pd.DataFrame, yhat: Floats, dispersion: Floats, policy: ForecastPolicy
) -> pd.DataFrame:
    total = np.cumsum(yhat, axis=1)
    variance = dispersion[:, :1] * yhat
    levels = np.asarray(policy.quantile_levels)[:, None]
    quantiles = demand_quantile(yhat[:, None, :], variance[:, None, :], levels)
    span = min(policy.level_weeks, policy.horizon) - 1
    return series.assign(
        yhat=list(yhat),
        quantiles=list(quantiles),
        sum_variance=list(dispersion * total),
        weekly_mean=yhat.mean(axis=1),
        level_cv2=level_cv2(total[:, span], dispersion[:, span]),
    )
