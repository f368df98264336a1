"""Prophet (real Prophet on real CmdStan) for one weekly series, made fit for a long horizon."""

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.domain.demand import Floats

if TYPE_CHECKING:
    from prophet import Prophet

NOISY_LOGGERS = ("cmdstanpy", "prophet", "prophet.models", "prophet.plot")


class ProphetFailed(Exception):
    """Prophet gave no usable forecast; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProphetSettings:
    """How Prophet is set up for weekly demand; the defaults were chosen by backtest.

    Online Retail II, four origins: RMSSE falls as the slope is damped (0.846 to 0.824 over 26
    weeks from 1 to 0.8), and 10 changepoints do as well as 25. VN2, 131 to 144 weeks: with a year
    of order 3 RMSSE falls by 2 to 3 %; on 104 weeks it is known to rise by a tenth and more.
    """

    damping: float = 0.8  # share of the slope that survives a week; 1 is plain Prophet
    weeks_per_changepoint: int = 10  # history for each point where the trend may bend
    most_changepoints: int = 10
    yearly_from_weeks: int = 130  # history from which the year is modelled: two years and a half
    yearly_order: int = 3  # pairs of sine and cosine that model it
    timeout: float = 20.0  # seconds that one optimisation may take


def prophet_forecast(demand: Floats, days: pd.DatetimeIndex, settings: ProphetSettings) -> Floats:
    """Mean demand of the weeks to come, from a trend and, given the history, the season.

    Prophet continues its last slope as a straight line for ever. Over half a year that makes a
    steep last quarter explode or vanish, so here the slope dies out geometrically (Gardner &
    McKenzie 1985), and the level moves by at most slope·φ/(1 − φ). Seasonality within the week
    cannot show in weekly data; of the year, a history of two years or less shows only noise.

    Args:
        demand: units per week from the first sale to today (T,), without NaN.
        days: last day of each of these weeks and of the H weeks to be forecast (T + H,).
        settings: see there.

    Returns:
        Units per week (H,), never negative.

    Raises:
        ProphetFailed: if the optimiser fails or stalls, or a forecast is not a number.
    """
    known = len(demand)
    model = _model(known, settings)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="prophet")  # it uses deprecated pandas
            # Below 100 points Prophet would choose Newton, at twice the time and more.
            history = pd.DataFrame({"ds": days[:known], "y": demand})
            model.fit(history, algorithm="LBFGS", timeout=settings.timeout)
            trend, season = _components(model, days[known - 1 :])
    except Exception as error:
        raise ProphetFailed(f"{type(error).__name__}: {error}") from error
    finally:
        if model.stan_backend is not None:
            model.stan_backend.cleanup()  # CmdStan leaves files behind at every fit
    slope = trend[1] - trend[0]
    decay = np.cumsum(settings.damping ** np.arange(1, len(trend)))
    yhat: Floats = np.maximum(trend[0] + slope * decay + season[1:], 0.0)
    if not np.isfinite(yhat).all():
        raise ProphetFailed("the forecast is not a number")
    return yhat


def _model(weeks: int, settings: ProphetSettings) -> "Prophet":
    for name in NOISY_LOGGERS:
        logging.getLogger(name).disabled = True
    from prophet import Prophet  # noqa: PLC0415 - takes a second and 100 MB: only where needed

    bends = max(weeks // settings.weeks_per_changepoint, 1)
    return Prophet(
        growth="linear",
        n_changepoints=min(bends, settings.most_changepoints),
        yearly_seasonality=settings.yearly_order if weeks >= settings.yearly_from_weeks else False,
        weekly_seasonality=False,
        daily_seasonality=False,
        uncertainty_samples=0,  # intervals come from the series' own forecast errors
    )


def _components(model: "Prophet", days: pd.DatetimeIndex) -> tuple[Floats, Floats]:
    """Trend and season in units, as in ``Prophet.predict`` but without what nobody asked for."""
    weeks = model.setup_dataframe(pd.DataFrame({"ds": days}))
    trend = np.asarray(model.predict_trend(weeks), dtype=np.float64)
    if not model.seasonalities:
        return trend, np.zeros(len(days))
    season = model.predict_seasonal_components(weeks)["additive_terms"]
    return trend, season.to_numpy(dtype=np.float64)
