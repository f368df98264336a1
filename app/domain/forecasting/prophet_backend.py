"""Real Prophet with our solver inside, and real Prophet as the judge of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from app.domain.demand import Floats
from app.domain.forecasting.batched_prophet import fits
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.prophet_calendar import new_prophet, quiet
from app.domain.forecasting.prophet_map import Design, maximise, negative_log_posterior, objective
from app.domain.forecasting.settings import ProphetSetup

if TYPE_CHECKING:
    from prophet import Prophet

LINEAR = 0  # prophet.models.TrendIndicator
TOLERANCE = 1e-6


class NotSolvedExactly(Exception):
    """The exact solver does not cover this model: only linear trend and additive terms."""


class ExactBackend:
    """Takes CmdStan's place in a Prophet: ``model.stan_backend = ExactBackend()`` before ``fit``.

    Whatever Prophet does with parameters then works: predict, components, plots, JSON.
    """

    stan_fit = None
    newton_fallback = False

    @staticmethod
    def get_type() -> str:
        """Name among Prophet's backends."""
        return "EXACT"

    def set_options(self, **_: Any) -> None:
        """There are none."""

    def cleanup(self) -> None:
        """Nothing is left behind."""

    def fit(self, stan_init: dict[str, Any], stan_data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Parameters as Prophet keeps them, from what it would have handed to Stan.

        Raises:
            NotSolvedExactly: unless trend is linear and all terms are additive.
        """
        del stan_init
        y = np.asarray(stan_data["y"], dtype=np.float64)[None]
        periods = np.arange(y.shape[1])
        optima = maximise(y, stan_design(stan_data), rows=np.array([0]), columns=periods)
        return {  # in units of the scale, which is 1: Prophet has scaled y already
            "k": optima.k[:, None],
            "m": optima.m[:, None],
            "delta": optima.delta,
            "beta": optima.beta,
            "sigma_obs": optima.sigma[:, None],
        }

    def sampling(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Not what this backend is for.

        Raises:
            NotSolvedExactly: always.
        """
        raise NotSolvedExactly("the exact solver finds the maximum; it draws no samples")


def stan_design(stan_data: dict[str, Any]) -> Design:
    """The model that Prophet hands to Stan, as the exact solver takes it.

    Raises:
        NotSolvedExactly: unless trend is linear and all terms are additive.
    """
    if stan_data["trend_indicator"] != LINEAR or np.any(stan_data["s_m"]):
        raise NotSolvedExactly("the exact solver covers linear trends and additive terms only")
    return Design(
        t=np.asarray(stan_data["t"], dtype=np.float64),
        changepoints=np.asarray(stan_data["t_change"], dtype=np.float64),
        features=np.asarray(stan_data["X"], dtype=np.float64),
        prior_scales=np.asarray(stan_data["sigmas"], dtype=np.float64),
        tau=float(stan_data["tau"]),
    )


def fitted_prophet(
    demand: Floats, *, calendar: Calendar, setup: ProphetSetup, horizon: int, **others: Any
) -> "Prophet":
    """A real Prophet that holds the exact solution of one series.

    Args:
        demand: demand of one series (T,), NaN where unknown; at least two known periods.
        calendar: its periods.
        setup: how Prophet is set up.
        horizon: periods for which it must know the holidays.
        others: arguments of ``Prophet`` that the setup does not name.
    """
    model, history = _history(demand, calendar, setup, horizon=horizon, **others)
    model.stan_backend = cast("Any", ExactBackend())
    with quiet():
        return model.fit(history)


@dataclass(frozen=True, slots=True)
class Audit:
    """How the exact solver compares with CmdStan; that of two samples together is their sum.

    Attributes:
        excess: by how much our f is above CmdStan's, series by series; below zero, ours is the
            higher posterior.
        failed: how many more series CmdStan could not fit, or not in time.
    """

    excess: tuple[float, ...] = ()
    failed: int = 0

    def __add__(self, other: "Audit") -> "Audit":
        return Audit(self.excess + other.excess, self.failed + other.failed)

    @property
    def worse(self) -> int:
        """Of how many series our f is above CmdStan's by more than 1e-6."""
        return sum(e > TOLERANCE for e in self.excess)

    def told(self) -> dict[str, float | int | None]:
        """Series compared, failed and worse, and the median and the largest excess."""
        return {
            "series": len(self.excess),
            "failed": self.failed,
            "worse": self.worse,
            "median_excess": float(np.median(self.excess)) if self.excess else None,
            "largest_excess": max(self.excess, default=None),
        }


def audit(
    demand: Floats, *, calendar: Calendar, setup: ProphetSetup, timeout: float = 20.0
) -> Audit:
    """Fit a sample with real Prophet on CmdStan as well, and compare the posteriors.

    Prophet makes its own features and changepoints anew here, so these are compared, too. Series
    that never change are left out: Prophet itself does not fit them.

    Args:
        demand: demand matrix of the sample (n, T); about 0.1 s each.
        calendar: its periods.
        setup: as in the run.
        timeout: seconds that one optimisation may take.
    """
    excess, failed = [], 0
    for rows, periods, optima in fits(demand, calendar=calendar, setup=setup):
        y = demand[rows][:, periods] / optima.scale[:, None]
        ours = objective(y, optima)
        for row, scaled, f in zip(rows, y, ours, strict=True):
            if scaled.min() == scaled.max():
                continue
            theirs = stan_objective(demand[row], calendar, setup, timeout=timeout)
            if theirs is None:
                failed += 1
            else:
                excess.append(float(f) - theirs)
    return Audit(tuple(excess), failed)


def stan_objective(
    demand: Floats, calendar: Calendar, setup: ProphetSetup, **options: Any
) -> float | None:
    """The f of real Prophet on CmdStan for one series; None where CmdStan gives up."""
    model, history = _history(demand, calendar, setup)
    blank, _ = _history(demand, calendar, setup)
    try:
        with quiet():
            data = vars(blank.preprocess(history.copy()))
            params = model.fit(history, **options).params
    except (RuntimeError, TimeoutError):
        return None
    finally:
        if model.stan_backend is not None:
            model.stan_backend.cleanup()  # CmdStan leaves files behind at every fit
    design = stan_design(data)
    row = {
        name: np.asarray(value, dtype=np.float64).reshape(1, -1) for name, value in params.items()
    }
    y = np.asarray(data["y"], dtype=np.float64)[None]
    f = negative_log_posterior(
        y, design, row["k"][:, 0], row["m"][:, 0], row["delta"], row["beta"], row["sigma_obs"][:, 0]
    )
    return float(f[0])


def _history(
    demand: Floats, calendar: Calendar, setup: ProphetSetup, **others: Any
) -> tuple["Prophet", pd.DataFrame]:
    known = np.flatnonzero(~np.isnan(demand))
    days = calendar.ends(known - (len(demand) - 1))
    model = new_prophet(setup, days, step_days=calendar.step_days, **others)
    return model, pd.DataFrame({"ds": days, "y": demand[known]})
