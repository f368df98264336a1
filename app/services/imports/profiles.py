"""Mapping profiles: how the files of others are read.

A profile maps somebody's own columns to ours and states, as data, the cleaning that file needs;
every row it turns away is reported with its reason.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from unicodedata import normalize

TODAY = "today"  # as a default of a day: the shop's day on which the file came in
KEEP = "keep"
FILLED = "*"  # as a word of ``leave_out``: filled with anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A column of ours that is made of several of theirs.

    Attributes:
        columns: theirs, in order.
        separator: what stands between them; None takes the first that is filled.
        optional: those that may be empty, or not there at all.
    """

    columns: tuple[str, ...]
    separator: str | None = None
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Why a file without a column of theirs is refused.

    Attributes:
        within: rows that share a value of this column of theirs must each have the needed one;
            None: only the column has to be there.
    """

    reason_ja: str
    reason_en: str
    within: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a foreign file is read.

    Attributes:
        version: 0 for a built-in one.
        columns: their column name to ours; columns mapped to None are known and left out.
        defaults: values for columns of ours that the file does not have; ``today`` for a day.
        units: what a number of theirs is multiplied by to be in our unit.
        values: by column of ours, their words and what we say; None is nothing.
        made: columns of ours that are made of several of theirs.
        leave_out: by column of theirs, the words of rows that are not of this kind; "" is empty,
            "*" is filled with anything.
        leave_out_within: by column of theirs in ``leave_out``, the column whose value other rows
            share with a row left out; they go with it, where only the first row of an order tells.
        required_theirs: columns of theirs without which the file must be refused.
        cancellation_prefix: order ids that start so are returns; a line with a quantity of
            the wrong sign for its order is not a sale.
        price_above_zero: lines without a positive price are write-offs, not sales.
        drop_exact_repeats: the file repeats whole lines by mistake, not by purchase.
        daily_totals: a row is what one place sold of a SKU on a day, not a line of an order.
        negative_stock: ``keep`` where counts below zero are real; otherwise they are rejected.
        unsigned_counts: a count with a sign (+5, -3) is a change of stock, not a count.
        source: where the file and the need for these rules come from.
    """

    name: str
    kind: str
    columns: dict[str, str | None]
    version: int = 0
    defaults: dict[str, str] = field(default_factory=dict)
    units: dict[str, float] = field(default_factory=dict)
    values: dict[str, dict[str, str | None]] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    leave_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    leave_out_within: dict[str, str] = field(default_factory=dict)
    required_theirs: dict[str, Needed] = field(default_factory=dict)
    cancellation_prefix: str | None = None
    price_above_zero: bool = False
    drop_exact_repeats: bool = False
    daily_totals: bool = False
    negative_stock: str | None = None
    unsigned_counts: bool = False
    source: str = ""

    @property
    def label(self) -> str:
        """By which an import names it: ``name``, or ``name@version`` of a stored one."""
        return self.name if self.version == 0 else f"{self.name}@{self.version}"

    def on(self, day: date) -> "Profile":
        """The profile for a file that came in on a day of the shop."""
        if TODAY not in self.defaults.values():
            return self
        told = {ours: day.isoformat() if w == TODAY else w for ours, w in self.defaults.items()}
        return replace(self, defaults=told)

    def for_file(self, columns: list[str]) -> "Profile":
        """The profile under the names that the file's columns have.

        Systems and spreadsheets differ in whether brackets and letters are of full or half width;
        such names are one.
        """
        there = set(columns)
        plain = {normalize("NFKC", name): name for name in columns}

        def known(name: str) -> str:
            return name if name in there else plain.get(normalize("NFKC", name), name)

        def all_known(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(map(known, names))

        return replace(
            self,
            columns={known(name): ours for name, ours in self.columns.items()},
            made={
                ours: replace(way, columns=all_known(way.columns), optional=all_known(way.optional))
                for ours, way in self.made.items()
            },
            leave_out={known(name): words for name, words in self.leave_out.items()},
            leave_out_within={
                known(name): known(within) for name, within in self.leave_out_within.items()
            },
            required_theirs={
                known(name): replace(need, within=known(need.within) if need.within else None)
                for name, need in self.required_theirs.items()
            },
        )
