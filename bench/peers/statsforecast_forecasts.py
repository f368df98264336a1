"""Forecasts of statsforecast, run by .venv-bench: ``statsforecast_forecasts.py IN.npz OUT.npz``.

In: ``demand`` (n, T) with NaN before the first sale, ``horizon``, ``season``, ``levels``
(probabilities), ``models`` (names). Out: for each model ``NAME`` (n, H), ``NAME_quantiles``
(n, H, levels) where it has intervals of its own, and ``NAME_seconds``.
"""

import sys
import time

import numpy as np
from statsforecast.models import ADIDA, IMAPA, TSB, AutoETS, CrostonSBA


def main(source: str, target: str) -> None:
    given = np.load(source)
    demand, horizon, season = given["demand"], int(given["horizon"]), int(given["season"])
    levels = given["levels"]
    made = {
        "AutoETS": lambda: AutoETS(season_length=season),
        "TSB": lambda: TSB(0.1, 0.1),
        "IMAPA": IMAPA,
        "ADIDA": ADIDA,
        "CrostonSBA": CrostonSBA,
    }
    answer = {}
    for name in given["models"].tolist():
        mean = np.zeros((len(demand), horizon))
        quantiles = np.zeros((len(demand), horizon, len(levels)))
        started = time.perf_counter()
        for row, series in enumerate(demand):
            sold = series[~np.isnan(series)]
            mean[row], quantiles[row] = forecast(made[name](), sold, horizon, levels)
        answer[f"{name}_seconds"] = time.perf_counter() - started
        answer[name] = mean
        if name == "AutoETS":
            answer[f"{name}_quantiles"] = quantiles
    np.savez(target, **answer)


def forecast(model, sold, horizon, levels):
    """Mean and quantiles; where the model fails, the mean of the last four seasons."""
    nothing = np.full((horizon, len(levels)), np.nan)
    if not isinstance(model, AutoETS):
        return model.forecast(y=sold, h=horizon)["mean"], nothing
    width = [round(100 * abs(2 * p - 1), 6) for p in levels if p != 0.5]
    try:
        found = model.forecast(y=sold, h=horizon, level=sorted(set(width)))
    except Exception as error:  # noqa: BLE001 - AutoETS refuses some short series
        print(f"AutoETS: {error}", file=sys.stderr)
        mean = np.full(horizon, sold[-28:].mean())
        return mean, np.repeat(mean[:, None], len(levels), axis=1)
    columns = []
    for p in levels:
        if p == 0.5:
            columns.append(found["mean"])
        else:
            side = "lo" if p < 0.5 else "hi"
            wanted = round(100 * abs(2 * p - 1), 6)
            key = next(k for k in found if k.startswith(side) and abs(float(k[3:]) - wanted) < 1e-6)
            columns.append(found[key])
    return found["mean"], np.stack(columns, axis=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
