"""``python -m bench.prophet_alone FILE LAST_DAY REPEATS``: batched Prophet in a process of its own.

Prints one JSON object: the seconds from the start of the interpreter's first import to the last
quantile, those of the forecasts alone, what the processor spent (less than the clock shows where
others share the core), and the largest memory the process ever had.
"""

import json
import sys
from datetime import date
from pathlib import Path
from time import perf_counter, process_time

STARTED = perf_counter()


def peak_memory() -> int:
    """Largest resident bytes of this program; ``ru_maxrss`` would count its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    import numpy as np  # noqa: PLC0415 - on the clock

    from bench.prophet import forecast  # noqa: PLC0415

    demand = np.load(sys.argv[1])
    last = date.fromisoformat(sys.argv[2])
    begun = perf_counter()
    series = 0
    for _ in range(int(sys.argv[3])):
        series += len(forecast(demand, last)[0])
    ended = perf_counter()
    print(
        json.dumps(
            {
                "series": series,
                "seconds": ended - STARTED,
                "forecast_seconds": ended - begun,
                "processor_seconds": process_time(),
                "memory_gb": peak_memory() / 1e9,
            }
        )
    )


if __name__ == "__main__":
    main()
