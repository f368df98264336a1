"""Real Prophet on real CmdStan for one series: what the batched solver does not cover."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from app.domain.demand import Floats
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.prophet_calendar import new_prophet, quiet
from app.domain.forecasting.settings import ProphetSetup

if TYPE_CHECKING:
    from prophet import Prophet


class ProphetFailed(Exception):
    """Prophet gave no usable forecast."""


class SeasonMode(StrEnum):
    """How seasons, holidays and regressors act on the trend; the last is not Prophet's own."""

    ADDITIVE = "additive"
    MULTIPLICATIVE = "multiplicative"
    LOGARITHMIC = "logarithmic"  # additive on the logarithm: everything multiplies, trend as well


LEAST_UNITS = 0.5  # what a period without sales counts as, where logarithms are taken


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleProphet:
    """What one series needs beyond the batch.

    Attributes:
        mode: multiplicative where the season grows with the level; logarithmic where a discount
            does so exponentially, and the series sells in nearly every period: what is forecast
            then is the usual period, which lies below the mean where some sell far more.
        regressors: name → values (T + H,) of something known in advance: price, campaign depth.
        capacity: most units a period can take; growth then levels off there (logistic).
        trend_damping: share of the last slope that survives a week; 1: Prophet's straight line.
        timeout: seconds that the optimisation may take.
    """

    mode: SeasonMode = SeasonMode.ADDITIVE
    regressors: Mapping[str, Floats] = field(default_factory=dict)
    capacity: float | None = None
    trend_damping: float = 1.0
    timeout: float = 60.0


def single_forecast(
    demand: Floats,
    *,
    calendar: Calendar,
    horizon: int,
    setup: ProphetSetup,
    single: SingleProphet,
) -> Floats:
    """Mean demand of one series by real Prophet, with all that Prophet can do.

    Takes about a tenth of a second, in which the batch fits thousands.

    Args:
        demand: units per period (T,), NaN where unknown; at least two known periods.
        calendar: its periods.
        horizon: H ≥ 1 periods.
        setup: as for the batch.
        single: what this series needs beyond it.

    Returns:
        Units per period (H,), never negative.

    Raises:
        ValueError: if a regressor does not cover history and horizon, or a value is missing.
        ProphetFailed: if Prophet refuses, the optimiser fails or stalls, or a forecast is not a
            number.
        UnknownHolidayCountry: if there are no holidays of the country.
    """
    known = len(demand)
    frame = pd.DataFrame({"ds": calendar.ends(np.arange(1 - known, horizon + 1))})
    is_log = single.mode == SeasonMode.LOGARITHMIC
    units = np.log(np.maximum(demand, LEAST_UNITS)) if is_log else demand
    frame["y"] = np.concatenate([units, np.full(horizon, np.nan)])
    if single.capacity is not None:
        frame["cap"] = single.capacity
    for name, values in single.regressors.items():
        if np.shape(values) != (known + horizon,) or not np.isfinite(values).all():
            raise ValueError(f"regressor {name!r} needs {known + horizon} finite values")
        frame[name] = values
    history = frame[frame["y"].notna()]
    model = new_prophet(
        setup,
        pd.DatetimeIndex(history["ds"]),
        step_days=calendar.step_days,
        horizon=known + horizon,  # the last known period may lie back
        growth="linear" if single.capacity is None else "logistic",
        seasonality_mode=(SeasonMode.ADDITIVE if is_log else single.mode).value,
    )
    found = _fit_and_predict(model, history, frame[known - 1 :], single, calendar)
    return np.exp(found) if is_log else np.maximum(found, 0.0)


def _fit_and_predict(
    model: "Prophet",
    history: pd.DataFrame,
    since: pd.DataFrame,
    single: SingleProphet,
    calendar: Calendar,
) -> Floats:
    """The forecast of all periods in ``since`` but the first, which is the one before."""
    try:
        with quiet():
            for name in single.regressors:
                model.add_regressor(name)
            # Below 100 points Prophet would choose Newton, at twice the time and more.
            model.fit(history, algorithm="LBFGS", timeout=single.timeout)
            told = model.predict(since.drop(columns="y"))
    except Exception as error:
        raise ProphetFailed(f"{type(error).__name__}: {error}") from error
    finally:
        if model.stan_backend is not None:
            model.stan_backend.cleanup()  # CmdStan leaves files behind at every fit
    trend, factor, rest = (
        told[name].to_numpy(np.float64)
        for name in ("trend", "multiplicative_terms", "additive_terms")
    )
    damping = single.trend_damping ** (calendar.step_days / 7)
    steps = np.diff(trend) * damping ** np.arange(1, len(trend))
    answer: Floats = (trend[0] + np.cumsum(steps)) * (1 + factor[1:]) + rest[1:]
    if not np.isfinite(answer).all():
        raise ProphetFailed("the forecast is not a number")
    return answer
