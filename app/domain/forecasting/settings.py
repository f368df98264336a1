"""What the forecast assumes: each number once, with where it comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProphetSetup:
    """How Prophet is set up; the defaults are Prophet's own.

    Lengths are in days. A season is modelled as Prophet's "auto" would: the week from two weeks
    of daily data, the year from ``yearly_from_days``.
    """

    country: str | None = None  # ISO 3166 code of the holidays; None: none
    changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05
    seasonality_prior_scale: float = 10.0
    holidays_prior_scale: float = 10.0
    weekly_order: int = 3  # pairs of sine and cosine; 0: no such season
    yearly_order: int = 10
    yearly_from_days: int = 730


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSettings:
    """Numbers that the forecast assumes; those without a source were chosen by backtest.

    Lengths are in days; `Calendar.periods` turns them into periods.
    """

    quantile_levels: tuple[float, ...] = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
    adi_cut: float = 1.32  # Syntetos, Boylan & Croston 2005
    cv2_cut: float = 0.49  # the same
    new_days: int = 56
    inactive_days: int = 182
    origins: int = 3  # rolling origins from which members are chosen; one more is kept untouched
    origin_days: int = 28  # between origins, and forecast from each
    prophet: ProphetSetup = ProphetSetup(country="JP", yearly_order=3, yearly_from_days=910)
    trend_damping: float = 0.8  # share of Prophet's slope that survives a week; 1: plain Prophet
    most_horizon_days: int = 3650  # more is a typing error, and would only cost memory

    # members
    tsb_size_weight: float = 0.03  # α of TSB a day; a week's is 1 − (1 − α)⁷
    tsb_chance_weight: float = 0.03  # β of TSB a day
    warm_up_days: int = 56  # whose mean starts TSB
    mean_days: int = 28  # of the moving average, and of the shares in an aggregate
    prophet_least_days: int = 91  # history from which a trend is believed
    prior_days: float = 14.0  # weight of the usual rate in a new item's mean

    # ensemble
    proof_t: float = 3.0  # paired t from which a subset of members counts as better
    top_down_bias: float = 0.05  # of aggregates, from which top-down is dropped

    # lead-time demand
    error_window_days: int = 56  # trailing mean whose errors of totals are measured
    error_least_days: int = 28  # history from which that mean is a forecast
    error_prior_windows: float = 8.0  # weight of the class, in windows without overlap
    least_series: int = 10  # with own errors that a class needs; with fewer, all stand in
    default_cv2: float = 1.0  # beyond Poisson, where no series at all has own errors
