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
    # Chosen on M5 (SKUs and departments, 28 days), Online Retail II and VN2 (8 and 26 weeks), three
    # origins each, the last 28 days of M5 not looked at. RMSSE on M5's SKUs falls from .7580
    # (Prophet's defaults) to .7485: the last slope is worth nothing (.7557 with that alone), bends
    # are wanted sooner and larger, and the coefficients of the season and the holidays smaller.
    # 130 weeks: a year of order 3 helps VN2 from there, and hurts on two years of Online Retail II.
    prophet: ProphetSetup = ProphetSetup(
        country="JP",
        changepoint_range=0.95,
        changepoint_prior_scale=0.2,
        seasonality_prior_scale=0.05,
        holidays_prior_scale=0.1,
        yearly_order=3,
        yearly_from_days=910,
    )
    trend_damping: float = 0.1  # share of the slope that survives a week; as good as 0 to 0.01
    plain_prophet: ProphetSetup = ProphetSetup()  # what is measured against
    most_horizon_days: int = 3650  # more is a typing error, and would only cost memory

    # members
    tsb_size_weight: float = 0.03  # α of TSB a day; a week's is 1 − (1 − α)⁷
    tsb_chance_weight: float = 0.06  # β of TSB a day
    warm_up_days: int = 56  # whose mean starts TSB
    mean_days: int = 28  # that the shares in an aggregate are taken from
    shape_units: float = 100.0  # sold in `mean_days` from which an aggregate shows its week
    prophet_least_days: int = 91  # history from which a trend is believed
    prior_days: float = 14.0  # weight of the usual rate in a new item's mean

    lightgbm: bool = False  # one more member; needs the extra `ml`, and most of the time of a run
    lightgbm_series: int = 3000  # random series that it learns from

    elasticity_block_days: int = 182  # with a level of their own; a year is as good
    own_regressors: int = 0  # most series with a Prophet of their own, see `own_regressors`
    own_least_days: int = 56  # with promotion, and without, that its effect is learnt from
    own_recent_days: int = 182  # whose units tell which series sell most
    # A period. Of fewer, the mean logarithm lies 5 % and more below the logarithm of the mean.
    own_least_units: float = 10.0

    # ensemble
    proof_t: float = 3.0  # paired t from which a subset of members counts as better
    least_series: int = 100  # that prove something of their class, over all origins
    top_down_bias: float = 0.05  # of aggregates, from which top-down is dropped

    # lead-time demand
    error_window_days: int = 28  # trailing mean whose errors of totals are measured
    error_least_days: int = 28  # history from which that mean is a forecast
    error_prior_windows: float = 8.0  # weight of the class, in windows without overlap
    least_totals: int = 20  # of all classes, from which 95 % can be told at all: one in twenty
    default_cv2: float = 0.1  # of the level, beyond Poisson, where the past proves nothing
    new_cv2: float = 0.5  # the same of what is new: CV 0.7, as a plan without history has
