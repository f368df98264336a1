"""How good forecasts were where they were not fitted, as sums that can be added up.

By class of demand, by horizon and by model. Per-series measures are scaled by how much the series
itself changes from period to period, so that large and small sellers count alike; shares of total
units (WAPE, bias) let the large ones count for more.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from app.domain.demand import Floats, Ints
from app.domain.forecasting.calendar import Calendar
from app.domain.forecasting.pattern import CLASSES

MODELS = (
    "ensemble",
    "prophet",
    "top_down",
    "tsb",
    "adida",
    "mean28",
    "seasonal_naive",
    "plain_prophet",
)
BAND_DAYS = ((1, 7), (8, 14), (15, 28), (1, 28))  # first and last day ahead; the last one is all
MEASURES = ("series", "rmsse", "cells", "absolute", "excess", "units")


@dataclass(frozen=True, slots=True)
class AccuracySums:
    """Sums over the series of a data set; ``values`` (models, classes, bands, measures)."""

    values: Floats
    calendar: Calendar

    @classmethod
    def none(cls, calendar: Calendar) -> Self:
        """Of no series at all."""
        shape = (len(MODELS), len(CLASSES), len(BAND_DAYS), len(MEASURES))
        return cls(np.zeros(shape), calendar)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.values + other.values, self.calendar)

    def rows(self) -> list[dict[str, Any]]:
        """One dict for each model, class (and ``all``) and horizon that holds any series."""
        answer = []
        for m, model in enumerate(MODELS):
            for name in (*CLASSES, "all"):
                for b, (first, last) in enumerate(BAND_DAYS):
                    block = self.values[m, :, b]
                    sums = block.sum(axis=0) if name == "all" else block[CLASSES.index(name)]
                    found = dict(zip(MEASURES, sums.tolist(), strict=True))
                    if found["cells"]:
                        answer.append(
                            {
                                "model": model,
                                "demand_class": name,
                                "first_day": first,
                                "last_day": last,
                                **_measures(found),
                            }
                        )
        return answer


def add_accuracy(
    sums: AccuracySums, model: str, code: Ints, actual: Floats, mean: Floats, scale: Floats
) -> None:
    """Add what one model forecast of some series, in place."""
    m = MODELS.index(model)
    for b, (first, last) in enumerate(BAND_DAYS):
        step = sums.calendar.step_days
        at = slice((first - 1) // step, last // step)
        error = (np.broadcast_to(mean, actual.shape) - actual)[:, at]
        squared = (error**2).mean(axis=1) if error.shape[1] else np.zeros(len(actual))
        scaled = (scale > 0) & (error.shape[1] > 0)
        rmsse = np.sqrt(np.divide(squared, scale, out=np.zeros_like(squared), where=scaled))
        for column, value in enumerate(
            (
                scaled.astype(np.float64),
                rmsse,
                np.full(len(actual), float(error.shape[1])),
                np.abs(error).sum(axis=1),
                error.sum(axis=1),
                actual[:, at].sum(axis=1),
            )
        ):
            rows = code >= 0
            sums.values[m, :, b, column] += np.bincount(
                code[rows], weights=value[rows], minlength=len(CLASSES)
            )


def _measures(found: dict[str, float]) -> dict[str, float | None]:
    units, series = found["units"], found["series"]
    return {
        "series": series,
        "rmsse": found["rmsse"] / series if series else None,
        "wape": found["absolute"] / units if units else None,
        "bias": found["excess"] / units if units else None,
    }
