"""Whether a file tells the same thing twice, watched while it is read."""

import numpy as np
import polars as pl

from app.queries.targets import TARGETS

MOST_WATCHED = 30_000_000  # rows, of 8 bytes each; of more the database has to find out


class KeyWatch:
    """Sees all keys of a file go by, as hashes: equal keys have equal ones.

    Args:
        kind: of the file.
        rows: at least how many rows it has.

    Attributes:
        are_missing: some lines have no number; the database has to count them.
        are_reserved: some lines stand for rejected ones.
    """

    def __init__(self, kind: str, rows: int) -> None:
        self._key = TARGETS[kind].key
        self._hashes = np.empty(min(rows, MOST_WATCHED), np.uint64)
        self._seen = 0
        self.are_missing = False
        self.are_reserved = False

    def see(self, rows: pl.DataFrame) -> None:
        known = rows.select(self._key)
        if "line_key" in self._key:
            known = known.filter(pl.col("line_key").is_not_null())
            self.are_missing = self.are_missing or len(known) < len(rows)
        end = self._seen + len(known)
        if end <= len(self._hashes):
            self._hashes[self._seen : end] = known.hash_rows(seed=0).to_numpy()
        self._seen = end

    def reserve(self, lines: pl.DataFrame) -> None:
        """See lines that were turned away, and only keep their places."""
        self.are_reserved = self.are_reserved or not lines.is_empty()
        self.are_missing = self.are_missing or bool(lines["line_key"].null_count())

    @property
    def may_repeat(self) -> bool:
        """Whether any two rows may have the same key; if not, it is certain that none have."""
        if self._seen > len(self._hashes) or (self.are_missing and self._seen):
            return True
        hashes = self._hashes[: self._seen]
        hashes.sort()
        return bool((hashes[1:] == hashes[:-1]).any())
