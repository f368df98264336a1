"""``python statsforecast_seconds.py SERIES.npy``: how long statsforecast takes, as often as asked.

Each line of the standard input names a model and how many of the series; the answer is a line with
the seconds. The models are called one series after the other, without data frames around them.
"""

import json
import sys
import warnings
from time import perf_counter

import numpy as np
from statsforecast.models import TSB, AutoETS

HORIZON = 28
MODELS = {
    "AutoETS": lambda: AutoETS(season_length=7),
    "TSB": lambda: TSB(alpha_d=0.1, alpha_p=0.1),
}


def main() -> None:
    warnings.simplefilter("ignore")
    demand = np.load(sys.argv[1])
    known = [row[~np.isnan(row)] for row in demand]
    for line in sys.stdin:
        name, count = line.split()
        started = perf_counter()
        for y in known[: int(count)]:
            MODELS[name]().forecast(y=y, h=HORIZON)
        print(json.dumps(perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
