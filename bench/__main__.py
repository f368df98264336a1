"""``python -m bench [name]``: one JSON object a line; the last says whether all figures hold."""

import os
import sys
import traceback
from importlib import import_module
from json import dumps, loads
from pathlib import Path

# Before numpy is loaded: one thread, as in a worker process; threads would measure the machine.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

MODULES = {
    "import": "bench.importing",
    "api": "bench.api",
    "ltv": "bench.ltv",
    "evaluate": "bench.evaluate",
    "views": "bench.views",
    "prophet": "bench.prophet",
    "demand": "bench.demand bench.demand_run",  # how good, and how fast through the database
}
RESULTS = Path(__file__).resolve().parent / "results.json"


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        known = ", ".join(MODULES)
        print(f"bench: '{unknown[0]}' is not known; known: {known}", file=sys.stderr)
        return 2
    kept = loads(RESULTS.read_text()) if RESULTS.exists() else {}
    is_ok = True
    for name in names or MODULES:
        try:
            modules = [import_module(module) for module in MODULES[name].split()]
            lines = [result.line() for module in modules for result in module.results()]
        except Exception:  # noqa: BLE001 - the others are to be measured all the same
            traceback.print_exc()
            is_ok, lines = False, []  # what was found some other time is not shown for it
        for line in lines:
            print(dumps(line, ensure_ascii=False), flush=True)
            is_ok = is_ok and all(line["checks"].values())
        kept[name] = lines
        RESULTS.write_text(dumps(kept, ensure_ascii=False, indent=2) + "\n")
    print(dumps({"ok": is_ok}))
    return 0 if is_ok else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
