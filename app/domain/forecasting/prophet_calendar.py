"""What Prophet makes of a calendar: seasons, holidays and changepoints, once for all series."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from app.domain.demand import Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.prophet_map import Design
from app.domain.forecasting.settings import ProphetSetup

if TYPE_CHECKING:
    from prophet import Prophet

NOISY_LOGGERS = ("cmdstanpy", "prophet", "prophet.models", "prophet.plot")
WEEKLY_FROM_DAYS = 14  # Prophet.set_auto_seasonalities


class UnknownHolidayCountry(Exception):
    """No holidays are known for this country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProphetCalendar:
    """Prophet's features over the history and the periods to be forecast.

    Attributes:
        calendar: which periods these are.
        setup: how Prophet is set up.
        known: T, length of the history; the first T rows of the features.
        features: Fourier terms and holidays (T + H, K), in Prophet's order of columns.
        prior_scales: of their coefficients (K,).
        is_weekly: columns of the season of the week (K,).
        is_yearly: columns of the season of the year (K,).
    """

    calendar: Calendar
    setup: ProphetSetup
    known: int
    features: Floats
    prior_scales: Floats
    is_weekly: np.typing.NDArray[np.bool_]
    is_yearly: np.typing.NDArray[np.bool_]

    def design(self, periods: Ints) -> tuple[Design, Floats]:
        """What series known in just these periods share, and its basis for the periods to come.

        Args:
            periods: at least two column numbers of the demand matrix, ascending.

        Returns:
            The design, and its basis (P + S, H) for the periods to be forecast.
        """
        first, span = periods[0], periods[-1] - periods[0]
        t = (periods - first) / span
        used = self._columns(periods)
        design = Design(
            t=t,
            changepoints=self._changepoints(t),
            features=np.ascontiguousarray(self.features[periods][:, used]),
            prior_scales=self.prior_scales[used],
            tau=self.setup.changepoint_prior_scale,
        )
        ahead = np.arange(self.known, len(self.features))
        return design, design.extended((ahead - first) / span, self.features[ahead][:, used])

    def _columns(self, periods: Ints) -> np.typing.NDArray[np.bool_]:
        """Seasons that Prophet would model on this history, and holidays that fell into it.

        A holiday outside it has a column of zeros, hence a coefficient of zero: left out.
        """
        step = self.calendar.step_days
        days = (periods[-1] - periods[0]) * step
        gap = int(np.diff(periods).min()) * step
        used: np.typing.NDArray[np.bool_] = (self.features[periods] != 0).any(axis=0)
        if days < WEEKLY_FROM_DAYS or gap >= 7:
            used &= ~self.is_weekly
        if days < self.setup.yearly_from_days:
            used &= ~self.is_yearly
        return used

    def _changepoints(self, t: Floats) -> Floats:
        """Evenly over the first part of the history (``Prophet.set_changepoints``)."""
        early = int(np.floor(len(t) * self.setup.changepoint_range))
        bends = min(self.setup.changepoints, early - 1)
        if bends <= 0:
            return np.zeros(1)  # as Prophet does; it is one with the slope
        return t[np.linspace(0, early - 1, bends + 1).round().astype(np.int64)[1:]]


@lru_cache(maxsize=32)
def prophet_calendar(
    calendar: Calendar, known: int, horizon: int, setup: ProphetSetup
) -> ProphetCalendar:
    """Let Prophet make the features of T known periods and H to come.

    Raises:
        UnknownHolidayCountry: if Prophet has no holidays of the country.
    """
    ends = pd.Series(calendar.ends(np.arange(1 - known, horizon + 1)), name="ds")
    model = _prophet(
        setup,
        holidays=_holidays(ends.iloc[0], ends.iloc[-1], calendar.step_days, setup.country),
        weekly=setup.weekly_order if calendar.step_days < 7 else 0,
        yearly=setup.yearly_order,
    )
    with quiet():
        frame = pd.DataFrame({"ds": ends, "y": np.arange(len(ends), dtype=np.float64)})
        model.preprocess(frame)
        features, prior_scales, _, _ = model.make_all_seasonality_features(frame)
    names = features.columns.str.partition("_delim_").get_level_values(0)
    values = features.to_numpy(np.float64)
    values.flags.writeable = False
    return ProphetCalendar(
        calendar=calendar,
        setup=setup,
        known=known,
        features=values,
        prior_scales=np.asarray(prior_scales, dtype=np.float64),
        is_weekly=np.asarray(names == "weekly"),
        is_yearly=np.asarray(names == "yearly"),
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence of Prophet's warnings: it uses what pandas has deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="prophet")
        yield


def new_prophet(
    setup: ProphetSetup,
    days: pd.DatetimeIndex,
    *,
    step_days: int,
    horizon: int = 1,
    **others: Any,
) -> "Prophet":
    """A real Prophet, set up for a history known on these days, and not yet fitted.

    Args:
        setup: how.
        days: last days of the known periods, ascending.
        step_days: length of a period.
        horizon: periods after them for which holidays are needed.
        others: arguments of ``Prophet`` that the setup does not name.
    """
    one = pd.Timedelta(days=step_days)
    passed = np.diff(days.to_numpy()) // np.timedelta64(1, "D")
    span, gap = (int(passed.sum()), int(passed.min())) if len(passed) > 0 else (0, step_days)
    return _prophet(
        setup,
        holidays=_holidays(days[0], days[-1] + horizon * one, step_days, setup.country),
        weekly=setup.weekly_order if span >= WEEKLY_FROM_DAYS and gap < 7 else 0,
        yearly=setup.yearly_order if span >= setup.yearly_from_days else 0,
        **others,
    )


def _prophet(
    setup: ProphetSetup, *, holidays: pd.DataFrame | None, weekly: int, yearly: int, **others: Any
) -> "Prophet":
    _silence()
    from prophet import Prophet  # noqa: PLC0415 - takes a second and 100 MB: only where needed

    return Prophet(
        n_changepoints=setup.changepoints,
        changepoint_range=setup.changepoint_range,
        changepoint_prior_scale=setup.changepoint_prior_scale,
        seasonality_prior_scale=setup.seasonality_prior_scale,
        holidays_prior_scale=setup.holidays_prior_scale,
        weekly_seasonality=weekly,
        yearly_seasonality=yearly,
        daily_seasonality=False,
        holidays=holidays,
        **{"uncertainty_samples": 0, **others},
    )


def _silence() -> None:
    """Before Prophet is loaded: even that it logs, for want of plotting libraries."""
    for name in NOISY_LOGGERS:
        logging.getLogger(name).disabled = True


def _holidays(
    first: pd.Timestamp, last: pd.Timestamp, step_days: int, country: str | None
) -> pd.DataFrame | None:
    """Holidays of the country as Prophet takes them, each moved to the end of its period."""
    if country is None:
        return None
    _silence()
    import holidays  # noqa: PLC0415 - comes with Prophet, and takes as long
    from prophet.make_holidays import make_holidays_df  # noqa: PLC0415

    if country not in holidays.list_supported_countries():
        raise UnknownHolidayCountry(
            f"there are no holidays of country {country!r}; use a two-letter code such as JP"
        )
    begin = first - pd.Timedelta(days=step_days - 1)
    with quiet():
        frame = make_holidays_df(list(range(begin.year, last.year + 1)), country)
    early = (first - frame["ds"]).dt.days % step_days
    return frame.assign(ds=frame["ds"] + pd.to_timedelta(early, unit="D")).drop_duplicates()
