"""How fast a step of a job goes, and how long it will still take."""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

WINDOW_SECONDS = 30.0  # a step that slows down is seen to within this time
FEWEST_UNITS = 10  # fewer count stages, which are unlike one another


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of a step's speed.

    Attributes:
        rate: units a second.
        seconds_left: until the step's total is reached.
    """

    rate: float | None = None
    seconds_left: float | None = None


def pace(changes: Sequence[tuple[float, int]], total: int, *, now: float) -> Pace:
    """The speed from the first change of a step's count to the last, and what follows for the rest.

    A count stands still between two changes; only once the next one is overdue does that make the
    step slower. A step that has reached its total, and goes on, will take nobody knows how long.

    Args:
        changes: when the count came to stand where, by any clock in seconds, the oldest first.
        total: where the count ends.
        now: by the same clock.
    """
    if len(changes) < 2 or total < FEWEST_UNITS:
        return Pace()
    (began, first), (last, done) = changes[0], changes[-1]
    between = (last - began) / (len(changes) - 1)
    seconds = max(last, now - between) - began
    if seconds <= 0 or done <= first:
        return Pace()
    rate = (done - first) / seconds
    return Pace(rate, (total - done) / rate if total > done else None)


class Watch:
    """Somebody who looks at a job now and then, and remembers when its count changed."""

    def __init__(self) -> None:
        self._seen: tuple[Hashable, int] | None = None
        self._changes: deque[tuple[float, int]] = deque()

    def look(self, step: Hashable, done: int, total: int, *, now: float) -> Pace:
        """The pace of the present step, as far as this and earlier looks tell."""
        seen, self._seen = self._seen, (step, done)
        if seen is None:  # since when the count has stood there is not known
            return Pace()
        if seen != self._seen:
            if step != seen[0] or done < seen[1]:
                self._changes.clear()
            self._changes.append((now, done))
            while len(self._changes) > 2 and self._changes[1][0] <= now - WINDOW_SECONDS:
                self._changes.popleft()
        return pace(self._changes, total, now=now)
