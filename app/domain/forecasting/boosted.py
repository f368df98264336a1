"""One boosted model for all series (LightGBM), an optional member of the ensemble.

It needs the extra ``ml`` and must be asked for: it takes most of the time of a run. A single model
forecasts every series and period directly: what the series sold lately, on the same weekday, how
long ago it last sold and how far ahead the period lies. It learns from a random sample of the
series, at past origins only, with the Tweedie loss, which bears many zeros and a long tail.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.compiled import compiled
from app.domain.forecasting.settings import ForecastSettings

WINDOW_DAYS = (7, 28, 56, 182)
CAP = 400  # periods; beyond, age and idleness tell no more
ORIGINS = 6  # past origins that are learnt from, each as long as a forecast
PARAMETERS: dict[str, Any] = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.1,
    "learning_rate": 0.05,
    "num_leaves": 63,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.8,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 1,
    "verbosity": -1,
}
TREES = 150


class LightGBMMissing(Exception):
    """LightGBM is asked for but not installed."""


def installed_lightgbm() -> Any:
    """The package LightGBM.

    Raises:
        LightGBMMissing: if there is none.
    """
    try:
        import lightgbm  # noqa: PLC0415 - an extra; only who asks for it waits for its import
    except ImportError as error:
        raise LightGBMMissing(
            "LightGBM is not installed: pip install 'ltv-zaiko[ml]' wherever forecasts are made,"
            " or set the policy value forecast_lightgbm to 0"
        ) from error
    return lightgbm


@dataclass(frozen=True, slots=True)
class Boosted:
    """A trained model, as text that can be pickled, and how many periods it was trained for."""

    model: str
    horizon: int


def train_boosted(sample: Floats, known: int, horizon: int, calendar: Calendar) -> Boosted | None:
    """Learn from the first ``known`` periods of some series.

    Args:
        sample: demand matrix (n, T) of a random sample of the series, NaN up to each first sale.
        known: periods that are looked at.
        horizon: periods to forecast from an origin.
        calendar: of the whole matrix.

    Returns:
        The model; None where the history is too short to learn from.

    Raises:
        LightGBMMissing: see `installed_lightgbm`.
    """
    lightgbm = installed_lightgbm()
    windows, week = _windows(calendar)
    rows, targets = [], []
    for back in range(1, ORIGINS + 1):
        origin = known - back * horizon
        if origin < windows[1]:
            break
        on_sale = ~np.isnan(sample[:, origin - 1])
        made = _features(sample[on_sale], origin, horizon, windows, week)
        rows.append(made.reshape(-1, made.shape[2]))
        targets.append(sample[on_sale, origin : origin + horizon].reshape(-1))
    target = np.concatenate(targets) if targets else np.zeros(0)
    if not (target > 0).any():
        return None
    data = lightgbm.Dataset(np.concatenate(rows), label=target, params={"verbosity": -1})
    model = lightgbm.train(PARAMETERS, data, num_boost_round=TREES)
    return Boosted(model.model_to_string(), horizon)


def sampled_series(series: int, settings: ForecastSettings) -> Ints:
    """Numbers of the series that are learnt from, in order: the same for the same count of series.

    Args:
        series: how many there are.
        settings: ``lightgbm_series``, as many as are drawn where there are more.
    """
    drawn = np.random.default_rng(0).permutation(series)[: settings.lightgbm_series]
    return np.sort(drawn)


def boosted_mean(
    boosted: Boosted, demand: Floats, known: int, horizon: int, calendar: Calendar
) -> Floats:
    """Mean units (n, H) after the first ``known`` periods; beyond its horizon the last week again.

    Args:
        boosted: as from `train_boosted`.
        demand: demand matrix (n, T), NaN up to each first sale.
        known: periods that are looked at.
        horizon: H.
        calendar: of the whole matrix.
    """
    windows, week = _windows(calendar)
    made = _features(demand, known, boosted.horizon, windows, week)
    mean = np.zeros((len(demand), boosted.horizon))
    if len(demand):
        model = installed_lightgbm().Booster(model_str=boosted.model)
        flat = np.asarray(model.predict(made.reshape(-1, made.shape[2]), num_threads=1))
        mean = np.maximum(flat.reshape(mean.shape), 0.0)
    last = min(week, boosted.horizon)
    ahead = np.arange(horizon)
    beyond = boosted.horizon - last + (ahead - boosted.horizon) % last
    answer: Floats = mean[:, np.where(ahead < boosted.horizon, ahead, beyond)]
    return answer


def boosted_models(
    sample: Floats | None,
    known: tuple[int, ...],
    calendar: Calendar,
    settings: ForecastSettings,
) -> tuple[Boosted | None, ...]:
    """A model for each of these moments, where LightGBM is asked for; else none."""
    if sample is None or not settings.lightgbm:
        return (None,) * len(known)
    step = calendar.periods(settings.origin_days)
    return tuple(train_boosted(sample, k, step, calendar) for k in known)


def _windows(calendar: Calendar) -> tuple[Floats, int]:
    windows = np.array([calendar.periods(days) for days in WINDOW_DAYS])
    return windows, 7 if calendar.step_days == 1 else 1


@compiled
def _features(demand: Floats, known: int, horizon: int, windows: Floats, week: int) -> Floats:
    """What the model sees of each series and period ahead (n, H, features)."""
    n, count = len(demand), len(windows)
    answer = np.zeros((n, horizon, count + 7))
    for i in range(n):
        first = known
        for t in range(known):
            if not np.isnan(demand[i, t]):
                first = t
                break
        idle = 0
        while known - idle > first and not demand[i, known - idle - 1] > 0:
            idle += 1
        for h in range(horizon):
            row = answer[i, h]
            for w in range(count):
                since = max(known - windows[w], first)
                total, busy = 0.0, 0
                if h == 0:
                    for t in range(since, known):
                        total += demand[i, t]
                        busy += demand[i, t] > 0
                    row[w] = total / max(known - since, 1)
                    if w == 1:
                        row[count] = busy / max(known - since, 1)
                else:
                    row[w] = answer[i, 0, w]
            row[count] = answer[i, 0, count]
            row[count + 1] = min(idle, CAP)
            row[count + 2] = min(known - first, CAP)
            row[count + 3] = h
            row[count + 4] = (known + h) % week
            for weeks in range(2):  # the same weekday of the last 4 and of the last 8 weeks
                total, seen = 0.0, 0
                for back in range(1, 4 * (weeks + 1) + 1):
                    t = known + h % week - back * week
                    if t >= first:
                        total += demand[i, t]
                        seen += 1
                row[count + 5 + weeks] = total / max(seen, 1)
    return answer
