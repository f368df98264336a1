"""How good forecasts were where they were not fitted, as sums that can be added up.

By model, class of demand and horizon. Per-series measures are scaled by how much the series itself
changes from period to period, so that large and small sellers count alike; shares of total units
(WAPE, bias) let the large ones count for more. Of lead times, which stock has to last for, the
totals are judged as such. A period whose demand nobody knows (NaN) is left out of all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.compiled import compiled
from app.domain.forecasting.pattern import CLASSES

MODELS = (
    "ensemble",
    "prophet",
    "top_down",
    "tsb",
    "imapa",
    "lightgbm",
    "seasonal_naive",
    "moving_average",  # of the last 28 days
    "plain_prophet",
)
BAND_DAYS = ((1, 7), (8, 14), (15, 28), (1, 28))  # first and last day ahead; the last one is all
LEAD_DAYS = (7, 14, 28)
LEAD_LEVELS = (0.9, 0.95, 0.98)
SERIES, RMSSE, SCALED, PINBALL, CELLS, ABSOLUTE, EXCESS, UNITS, HELD = range(9)  # measures
LEAD_SERIES, LEAD_HELD, LEAD_PINBALL, LEAD_STOCK, LEAD_UNITS = range(5)


@dataclass(frozen=True, slots=True)
class Scales:
    """How much each series changes from one period to the next (n,), 0 where it never does.

    Attributes:
        squared: mean squared change, the scale of RMSSE.
        absolute: mean absolute change, the scale of the pinball loss.
    """

    squared: Floats
    absolute: Floats


@dataclass(frozen=True, slots=True)
class AccuracySums:
    """Sums over the series of a data set.

    Attributes:
        calendar: whose grain the bands are cut to.
        levels: probabilities of the quantiles.
        values: (models, classes, bands, measures and one more for each level but the first).
        lead_time: of the ensemble, (classes, lead times, levels, measures).
    """

    calendar: Calendar
    levels: tuple[float, ...]
    values: Floats
    lead_time: Floats

    @classmethod
    def none(cls, calendar: Calendar, levels: Sequence[float]) -> Self:
        """Of no series at all."""
        measures = HELD + len(levels)
        return cls(
            calendar,
            tuple(levels),
            np.zeros((len(MODELS), len(CLASSES), len(BAND_DAYS), measures)),
            np.zeros((len(CLASSES), len(LEAD_DAYS), len(LEAD_LEVELS), LEAD_UNITS + 1)),
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.calendar,
            self.levels,
            self.values + other.values,
            self.lead_time + other.lead_time,
        )

    def add(
        self,
        model: str,
        code: Ints,
        actual: Floats,
        mean: Floats,
        quantiles: Floats,
        scales: Scales,
    ) -> None:
        """Add what one model forecast of some series, in place.

        Args:
            model: one of ``MODELS``.
            code: class (n,), -1 for series that the model has no forecast of.
            actual: units sold (n, H), NaN where that cannot be judged.
            mean: units forecast (n, H), or (n, 1) where every period has the same.
            quantiles: of them (n, H or 1, levels).
            scales: of the series' histories.
        """
        n, horizon = actual.shape
        step = self.calendar.step_days
        bands = np.array([((first - 1) // step, last // step) for first, last in BAND_DAYS])
        _add(
            self.values[MODELS.index(model)],
            code,
            actual,
            np.broadcast_to(mean, (n, horizon)),
            np.broadcast_to(quantiles, (n, horizon, len(self.levels))),
            scales.squared,
            scales.absolute,
            np.minimum(bands, horizon),
            np.array(self.levels),
        )

    def add_lead_time(self, lead: int, code: Ints, total: Floats, stock: Floats) -> None:
        """Add how much of a lead time's demand the stock for it would have met, in place.

        Args:
            lead: which of ``LEAD_DAYS``.
            code: class (n,), -1 for series that do not count.
            total: units sold over the lead time (n,), NaN where that cannot be judged.
            stock: units held for each of ``LEAD_LEVELS`` (n, levels).
        """
        rows = (code >= 0) & ~np.isnan(total)
        level = np.array(LEAD_LEVELS)
        gap = total[rows, None] - stock[rows]
        found = np.empty((*gap.shape, LEAD_UNITS + 1))
        found[..., LEAD_SERIES] = 1.0
        found[..., LEAD_HELD] = gap <= 0
        found[..., LEAD_PINBALL] = np.maximum(level * gap, (level - 1) * gap)
        found[..., LEAD_STOCK] = stock[rows]
        found[..., LEAD_UNITS] = total[rows, None]
        np.add.at(self.lead_time[:, lead], code[rows], found)

    def rows(self) -> list[dict[str, Any]]:
        """One dict for each model, class (and ``all``) and horizon that holds any series.

        ``model``, ``demand_class``, ``first_day``, ``last_day``; ``series`` that have a scale;
        ``rmsse`` and ``scaled_pinball``, means over them; ``wape`` and ``bias``, shares of the
        units sold; ``coverage``, by level the share of periods that stayed at or below the
        quantile. None where there is nothing to divide by.

        Source:
            M5 Competitors' Guide (2020), both tracks.
        """
        answer = []
        for m, model in enumerate(MODELS):
            for name, block in _with_all(self.values[m]):
                for (first, last), sums in zip(BAND_DAYS, block, strict=True):
                    if sums[CELLS]:
                        place = {"model": model, "demand_class": name}
                        days = {"first_day": first, "last_day": last}
                        answer.append({**place, **days, **_measures(sums, self.levels)})
        return answer

    def lead_time_rows(self) -> list[dict[str, Any]]:
        """One dict for each class (and ``all``), lead time and level.

        ``demand_class``, ``days``, ``level``; ``series``; ``coverage``, the share of them whose
        total the stock would have met; per series ``pinball`` loss, ``stock`` and ``units`` sold.
        """
        answer = []
        for name, block in _with_all(self.lead_time):
            for days, levels in zip(LEAD_DAYS, block, strict=True):
                for level, sums in zip(LEAD_LEVELS, levels, strict=True):
                    n = float(sums[LEAD_SERIES])
                    if n:
                        answer.append(
                            {
                                "demand_class": name,
                                "days": days,
                                "level": level,
                                "series": int(n),
                                "coverage": float(sums[LEAD_HELD]) / n,
                                "pinball": float(sums[LEAD_PINBALL]) / n,
                                "stock": float(sums[LEAD_STOCK]) / n,
                                "units": float(sums[LEAD_UNITS]) / n,
                            }
                        )
        return answer


@compiled
def scales_of(demand: Floats, known: int) -> tuple[Floats, Floats]:
    """Mean squared and mean absolute change (n,) within the first ``known`` periods.

    From one period to the next where both are known; 0 where that is nowhere so.
    """
    squared, absolute = np.zeros(len(demand)), np.zeros(len(demand))
    for i in range(len(demand)):
        count = 0
        for t in range(1, known):
            change = demand[i, t] - demand[i, t - 1]
            if not np.isnan(change):
                count += 1
                squared[i] += change * change
                absolute[i] += abs(change)
        if count:
            squared[i] /= count
            absolute[i] /= count
    return squared, absolute


def _with_all(values: Floats) -> list[tuple[str, Floats]]:
    return [*zip(CLASSES, values, strict=True), ("all", values.sum(axis=0))]


def _measures(sums: Floats, levels: tuple[float, ...]) -> dict[str, Any]:
    def share(value: int, of: int) -> float | None:
        return float(sums[value] / sums[of]) if sums[of] > 0 else None

    return {
        "series": int(sums[SERIES]),
        "rmsse": share(RMSSE, SERIES),
        "scaled_pinball": share(PINBALL, SCALED),
        "wape": share(ABSOLUTE, UNITS),
        "bias": share(EXCESS, UNITS),
        "coverage": {level: share(HELD + i, CELLS) for i, level in enumerate(levels)},
    }


@compiled
def _add(
    values: Floats,
    code: Ints,
    actual: Floats,
    mean: Floats,
    quantiles: Floats,
    squared_scale: Floats,
    absolute_scale: Floats,
    bands: Ints,
    levels: Floats,
) -> None:
    for i in range(len(actual)):
        if code[i] < 0:
            continue
        for b in range(len(bands)):
            start, end = bands[b]
            if end <= start:
                continue
            into = values[code[i], b]
            squared = pinball = 0.0
            judged = 0
            for t in range(start, end):
                if np.isnan(actual[i, t]):
                    continue
                judged += 1
                error = mean[i, t] - actual[i, t]
                squared += error * error
                into[ABSOLUTE] += abs(error)
                into[EXCESS] += error
                into[UNITS] += actual[i, t]
                for q in range(len(levels)):
                    gap = actual[i, t] - quantiles[i, t, q]
                    pinball += max(levels[q] * gap, (levels[q] - 1) * gap)
                    into[HELD + q] += gap <= 0
            if judged == 0:
                continue
            into[CELLS] += judged
            if squared_scale[i] > 0:
                into[SERIES] += 1
                into[RMSSE] += np.sqrt(squared / judged / squared_scale[i])
            if absolute_scale[i] > 0:
                into[SCALED] += 1
                into[PINBALL] += pinball / judged / len(levels) / absolute_scale[i]
