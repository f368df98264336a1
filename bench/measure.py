"""How a benchmark measures: against peers in the same run, in pairs, under the load it states."""

import gc
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What both sides showed in each round, in the same unit."""

    ours: list[float]
    peer: list[float]
    more_is_better: bool = False

    @property
    def ratios(self) -> list[float]:
        """By how much ours is better, round by round."""
        pairs = zip(self.ours, self.peer, strict=True)
        return [a / b if self.more_is_better else b / a for a, b in pairs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of output; ``checks`` holds each figure that was asked for, and whether it holds."""

    name: str
    unit: str
    peer_name: str
    pairs: Pairs
    checks: dict[str, bool] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """As it is printed. ``ratio`` is the median of the paired ratios, not that of medians."""
        ratios = self.pairs.ratios
        return _rounded(
            {
                "name": self.name,
                "ours": statistics.median(self.pairs.ours),
                "peer": statistics.median(self.pairs.peer),
                "peer_name": self.peer_name,
                "ratio": statistics.median(ratios),
                "unit": self.unit,
                "ratio_min": min(ratios),
                "rounds": len(ratios),
                "checks": self.checks,
                **self.details,
                **machine(),
            }
        )


def machine() -> dict[str, Any]:
    """Under what the figures came about; the load is ours and that of whoever shares it."""
    return {
        "load_average": list(os.getloadavg()),
        "processors": os.cpu_count(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes; garbage of the work before it is not on its account."""
    gc.collect()
    started = perf_counter()
    work()
    return perf_counter() - started


def paired(
    ours: Callable[[], float], peer: Callable[[], float], *, rounds: int, more_is_better: bool
) -> Pairs:
    """Measure both sides alternately; who begins changes from round to round."""
    pairs = Pairs(ours=[], peer=[], more_is_better=more_is_better)
    for number in range(rounds):
        sides = [(pairs.ours, ours), (pairs.peer, peer)]
        for found, measure in sides if number % 2 == 0 else reversed(sides):
            found.append(measure())
        say(f"round {number + 1} of {rounds}: {pairs.ours[-1]:.4g} against {pairs.peer[-1]:.4g}")
    return pairs


def say(sentence: str) -> None:
    """Tell whoever watches; the results alone go to the standard output."""
    print(sentence, file=sys.stderr, flush=True)


def processor_seconds(pid: int) -> float:
    """Processor time a process has used, all its threads together (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def descendants(pid: int) -> Iterator[int]:
    """A process, all that it has started, and what those have started (Linux).

    A child that has not yet become another program is left out: until then it looks at the
    memory of its parent, which must not count twice.
    """
    yield pid
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for thread in threads for c in (thread / "children").read_text().split()]
    except OSError:  # it has just ended
        return
    for child in children:
        try:
            is_copy = Path(f"/proc/{child}/cmdline").read_bytes() == command
        except OSError:
            continue
        if not is_copy:
            yield from descendants(child)


def memory(pid: int) -> tuple[str, int, int]:
    """A process's name, its resident bytes, and how many of these may be shared with others."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:  # it has just ended
        return "", 0, 0
    return name, int(resident) * PAGE, int(shared) * PAGE


def proportional_memory(pid: int) -> int:
    """Resident bytes of a process, of each shared page only its part (PSS); slow to find out."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _rounded(value: Any) -> Any:
    """Five digits that count: more are noise."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
