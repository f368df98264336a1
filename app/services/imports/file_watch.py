"""What a file says about itself while its rows go by: its layout, what is left out, what lacks.

Row by row nothing may be wrong and yet the file be: another layout begins half-way, sizes have no
code of their own. A merchandiser is told in a sentence where that begins.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from app.services.imports.csv_text import ROW
from app.services.imports.matching import WARNINGS, Reading, UnusableColumns
from app.services.imports.profiles import FILLED, KEEP
from app.services.imports.translating import left_out

SHORTEST_STRETCH = 100  # rows; in a shorter one chance may be at work
RARE = 0.05  # elsewhere, for a stretch to tell of another layout
EXAMPLES = 3
STATES = {"": "empty", FILLED: "filled"}


@dataclass(slots=True)
class _Stretch:
    """The longest unbroken stretch of marked rows, and how many are marked in all."""

    marked: int = 0
    longest: int = 0
    first: int = 0  # rows of the file
    last: int = 0
    open_length: int = 0  # of the stretch that reaches to the last row seen
    open_first: int = 0

    def see(self, is_marked: NDArray[np.bool_], rows: NDArray[np.int64]) -> None:
        self.marked += int(is_marked.sum())
        edges = np.flatnonzero(
            np.diff(np.concatenate(([False], is_marked, [False])).astype(np.int8))
        )
        starts, ends = edges[::2], edges[1::2]
        if not len(starts) or starts[0] > 0:
            self.open_length = 0
        for at in self._worth_a_look(starts, ends):
            start, end = int(starts[at]), int(ends[at])
            goes_on = start == 0 and self.open_length > 0
            length = end - start + (self.open_length if goes_on else 0)
            first = self.open_first if goes_on else int(rows[start])
            if length > self.longest:
                self.longest, self.first, self.last = length, first, int(rows[end - 1])
            if end == len(rows):
                self.open_length, self.open_first = length, first
        if not len(ends) or ends[-1] < len(rows):
            self.open_length = 0

    def _worth_a_look(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[int]:
        """The first stretch and the last, which may go on beyond the batch, and the longest."""
        if not len(starts):
            return []
        return sorted({0, int(np.argmax(ends - starts)), len(starts) - 1})


@dataclass(slots=True)
class FileWatch:
    """Sees the rows of a file go by."""

    columns: list[str]
    reading: Reading
    _rows: int = 0
    _first: int = 0
    _last: int = 0
    _empty: dict[str, _Stretch] = field(default_factory=dict)
    _bad: dict[tuple[str, str], _Stretch] = field(default_factory=dict)
    _out: dict[tuple[str, str | None], int] = field(default_factory=dict)
    _gone: dict[str, set[str]] = field(default_factory=dict)
    _negative: int = 0
    _lacking: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def of_this_kind(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The batch without rows that the profile leaves out."""
        kept, counts = left_out(batch, self.reading, self._gone)
        for name, number in counts.items():
            self._out[name] = self._out.get(name, 0) + number
        return kept

    def see(self, batch: pl.DataFrame, good: pl.DataFrame, rejects: pl.DataFrame) -> None:
        """Look at a batch as it came, and at what was made of it."""
        if batch.is_empty():
            return
        rows = batch[ROW].to_numpy()
        for name in self.columns:
            cells = batch[name]
            if cells.null_count() or (cells == "").any():
                is_empty = (cells.is_null() | (cells.str.strip_chars() == "")).to_numpy()
            elif name in self._empty:
                is_empty = np.zeros(len(batch), dtype=np.bool_)
            else:
                continue
            self._empty.setdefault(name, _Stretch()).see(is_empty, rows)
        self._see_rejects(rejects, rows)
        if self.reading.profile:
            self._see_as_profiled(batch, good)
        self._first = self._first or int(rows[0])
        self._last = int(rows[-1])
        self._rows += len(batch)

    def _see_rejects(self, rejects: pl.DataFrame, rows: NDArray[np.int64]) -> None:
        found = rejects.filter(pl.col("code") != "missing") if len(rejects) else rejects
        for name, code in found.select("column_name", "code").unique().iter_rows():
            self._bad.setdefault((name, code), _Stretch())
        for key, stretch in self._bad.items():
            is_of_it = (pl.col("column_name") == key[0]) & (pl.col("code") == key[1])
            bad = found.filter(is_of_it)["row_no"].to_numpy() if len(found) else rows[:0]
            stretch.see(np.isin(rows, bad), rows)

    def _see_as_profiled(self, batch: pl.DataFrame, good: pl.DataFrame) -> None:
        profile = self.reading.profile
        assert profile is not None
        if profile.negative_stock == KEEP and "on_hand" in good.columns:
            self._negative += int((good["on_hand"] < 0).sum())
        for name, need in profile.required_theirs.items():
            if need.within in batch.columns:
                code = pl.col(name).str.strip_chars().fill_null("")
                group = pl.col(need.within).str.strip_chars().alias("group")
                counted = batch.filter(group.fill_null("") != "").group_by(group)
                seen = counted.agg(pl.len().alias("rows"), (code == "").sum().alias("without"))
                self._lacking.setdefault(name, []).append(seen)

    def refuse_what_lacks(self) -> None:
        """Raises UnusableColumns if rows that share a code lack what tells them apart."""
        profile = self.reading.profile
        for name, seen in self._lacking.items():
            assert profile is not None
            groups = pl.concat(seen).group_by("group", maintain_order=True).sum()
            bad = groups.filter((pl.col("rows") > 1) & (pl.col("without") > 0))
            if len(bad):
                need = profile.required_theirs[name]
                examples = ", ".join(bad["group"].head(EXAMPLES))
                raise UnusableColumns(
                    f"{need.reason_ja} / {need.reason_en} ('{name}' is empty in"
                    f" {bad['without'].sum()} rows that share their '{need.within}' with others:"
                    f" {examples})"
                )

    @property
    def warnings(self) -> list[str]:
        """What is to be told of the file as a whole."""
        told = [self._left_out(*name, number) for name, number in self._out.items()]
        if self._negative:
            told.append(f"{self._negative} rows with on_hand below zero were kept")
        stretches = [self._empty_stretch(name, found) for name, found in self._empty.items()]
        stretches += [self._bad_stretch(*name, found) for name, found in self._bad.items()]
        return [*told, *[text for text in stretches if text][:WARNINGS]]

    def _left_out(self, name: str, word: str | None, number: int) -> str:
        if word is None:
            assert self.reading.profile is not None
            shared = self.reading.profile.leave_out_within[name]
            which = f"that share their '{shared}' with rows left out for their '{name}'"
        else:
            state = STATES.get(word, f"'{word}'")
            which = f"in which '{name}' is {state}"
        return f"{number} rows {which} were left out, as the mapping says"

    def _is_telling(self, found: _Stretch) -> bool:
        """Whether the mark is on all rows of a stretch and on hardly any outside it."""
        outside = self._rows - found.longest
        is_all = outside < SHORTEST_STRETCH
        is_long = found.longest >= max(SHORTEST_STRETCH, self._rows // 100)
        return is_long and not is_all and found.marked - found.longest <= RARE * outside

    def _empty_stretch(self, name: str, found: _Stretch) -> str | None:
        if not self._is_telling(found):
            return None
        share = 1 - (found.marked - found.longest) / (self._rows - found.longest)
        return (
            f"column '{name}' is empty in all rows {found.first} to {found.last} and filled in"
            f" {share:.1%} of the others: the file has another layout there"
        )

    def _bad_stretch(self, name: str, code: str, found: _Stretch) -> str | None:
        if not self._is_telling(found):
            return None
        return (
            f"all rows {found.first} to {found.last} are rejected with {code} in"
            f" '{name or 'the row'}', and hardly any others: do columns shift there?"
        )
