"""Whether a file tells the same thing twice, watched while it is read."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.queries.targets import TARGETS

MOST_WATCHED = 30_000_000  # rows, of 8 bytes each; of more the database has to find out


class KeyWatch:
    """Sees all keys of a file go by, as hashes: equal keys have equal ones.

    Attributes:
        are_missing: some lines have no number; the database has to count them.
    """

    def __init__(self, kind: str) -> None:
        self._key = TARGETS[kind].key
        self._seen: list[NDArray[np.uint64]] = []
        self._rows = 0
        self.are_missing = False

    def see(self, rows: pl.DataFrame) -> None:
        height = len(rows)
        if "line_key" in self._key:
            rows = rows.filter(pl.col("line_key").is_not_null())
            self.are_missing = self.are_missing or len(rows) < height
        self._rows += len(rows)
        if self._rows <= MOST_WATCHED:
            self._seen.append(rows.select(self._key).hash_rows(seed=0).to_numpy())

    @property
    def may_repeat(self) -> bool:
        """Whether any two rows may have the same key; if not, it is certain that none have."""
        if self._rows > MOST_WATCHED or (self.are_missing and self._rows):
            return True
        hashes = np.sort(np.concatenate([np.empty(0, np.uint64), *self._seen]))
        return bool((hashes[1:] == hashes[:-1]).any())
