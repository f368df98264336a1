"""Bar codes that do not check: told as a warning, since the code on the shelf may be just that."""

from dataclasses import dataclass

import polars as pl

from app.domain.gtin import is_valid

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchecked:
    """Bar codes that are no JAN, UPC or GTIN by length, digits or check digit.

    Attributes:
        rows: how many rows have such a code.
        examples: the first of them, each once.
    """

    rows: int = 0
    examples: tuple[str, ...] = ()

    def __add__(self, later: "Unchecked") -> "Unchecked":
        """Those of two batches."""
        examples = dict.fromkeys((*self.examples, *later.examples))
        return Unchecked(rows=self.rows + later.rows, examples=tuple(examples)[:EXAMPLES])

    @property
    def warning(self) -> str | None:
        """What the import's summary says of them, if there are any."""
        if not self.rows:
            return None
        return (
            f"jan is no valid code in {self.rows} rows (8, 12, 13 or 14 digits, the last of which"
            f" checks): {', '.join(self.examples)}"
        )


def unchecked(good: pl.DataFrame) -> Unchecked:
    """The codes in column ``jan`` of rows found good that do not check; empty ones are no codes."""
    wrong = good["jan"].filter(~is_valid(good["jan"]))
    examples = wrong.unique(maintain_order=True).head(EXAMPLES)
    return Unchecked(rows=len(wrong), examples=tuple(examples))
