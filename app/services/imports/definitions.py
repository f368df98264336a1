"""Mapping profiles as JSON: written by people, so every mistake is named with its place."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, TypeAlias

from app.services.imports.kinds import KINDS, Column, ColumnType, Kind
from app.services.imports.profiles import FILLED, KEEP, TODAY, Made, Needed, Profile

LONGEST = 200  # characters of a name or word
LONGEST_REASON = 500
MOST = 500  # entries of a part
DAYS = {ColumnType.DATE, ColumnType.MOMENT}
NUMBERS = {ColumnType.MONEY, ColumnType.NUMBER, ColumnType.INTEGER}
ONLY_FOR = {  # a rule of its own: the kinds it means something for
    "cancellation_prefix": {"sales", "receipts"},
    "price_above_zero": {"sales"},
    "drop_exact_repeats": {"sales"},
    "daily_totals": {"sales"},
    "negative_stock": {"stock"},
    "unsigned_counts": {"stock"},
}


class ProfileError(Exception):
    """The mapping profile does not say how to read a file."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"definition{'.' if place else ''}{place}: {why}")


def profile_of(
    name: str, kind: str, definition: Any, *, version: int = 0, note: str | None = None
) -> Profile:
    """The profile that a definition describes.

    Raises:
        ProfileError: naming the field, and what is wrong with it.
    """
    if kind not in KINDS:
        raise ProfileError("", f"kind '{kind}' is not one of {', '.join(KINDS)}")
    parts = _Parts(KINDS[kind])
    given = parts.table(definition, "")
    for part in given:
        if part not in READERS:
            raise ProfileError(part, f"is no part of a profile{_near(part, READERS)}")
        if kind not in ONLY_FOR.get(part, {kind}):
            raise ProfileError(part, f"means nothing for {kind}")
    read = {part: READERS[part](parts, value, part) for part, value in given.items()}
    read.setdefault("columns", {})
    for ours in read.get("made", {}):
        if ours in read["columns"].values():
            raise ProfileError(f"made.{ours}", f"a column is mapped to '{ours}' already")
    for theirs in read.get("leave_out_within", {}):
        if theirs not in read.get("leave_out", {}):
            raise ProfileError(f"leave_out_within.{theirs}", "leave_out leaves out no row by it")
    return Profile(name=name, kind=kind, version=version, source=note or "", **read)


def definition_of(profile: Profile) -> dict[str, Any]:
    """What ``profile_of`` reads; of parts that say nothing, nothing is told."""
    told: dict[str, Any] = {
        "columns": profile.columns,
        "defaults": profile.defaults,
        "units": {ours: {"multiply": factor} for ours, factor in profile.units.items()},
        "values": profile.values,
        "made": {ours: _made_as_told(way) for ours, way in profile.made.items()},
        "leave_out": {theirs: list(words) for theirs, words in profile.leave_out.items()},
        "leave_out_within": profile.leave_out_within,
        "required_theirs": {
            theirs: {
                "reason_ja": need.reason_ja,
                "reason_en": need.reason_en,
                **({"within": need.within} if need.within else {}),
            }
            for theirs, need in profile.required_theirs.items()
        },
        **{part: getattr(profile, part) for part in ONLY_FOR},
    }
    return {part: value for part, value in told.items() if value}


def _made_as_told(way: Made) -> dict[str, Any]:
    if way.separator is None:
        return {"first_of": list(way.columns)}
    optional = {"optional": list(way.optional)} if way.optional else {}
    return {"columns": list(way.columns), "separator": way.separator, **optional}


def _near(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


class _Parts:
    """Readers of the parts of a definition for one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._columns = {column.name: column for column in kind.columns}

    def table(self, value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ProfileError(place, "must be an object")
        if len(value) > MOST:
            raise ProfileError(place, f"has {len(value)} entries; {MOST} are the most")
        for name in value:
            self.word(name, place)
        return value

    def word(self, value: Any, place: str, *, longest: int = LONGEST) -> str:
        if not isinstance(value, str):
            raise ProfileError(place, "must be a text")
        if len(value) > longest:
            raise ProfileError(place, f"is longer than {longest} characters")
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ProfileError(place, "holds a character that cannot be stored")
        return value

    def words(self, value: Any, place: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or len(value) > MOST:
            raise ProfileError(place, f"must be a list of 1 to {MOST} texts")
        return tuple(self.word(word, place) for word in value)

    def ours(self, name: str, place: str) -> Column:
        if name not in self._columns:
            near = _near(name, self._columns)
            raise ProfileError(place, f"'{name}' is no column of {self._kind.name}{near}")
        return self._columns[name]

    def by_ours(self, value: Any, place: str) -> list[tuple[Column, Any, str]]:
        """Column of ours, what is said of it, and where."""
        entries = self.table(value, place).items()
        return [(self.ours(name, place), said, f"{place}.{name}") for name, said in entries]

    def columns(self, value: Any, place: str) -> dict[str, str | None]:
        read: dict[str, str | None] = {}
        for theirs, ours in self.table(value, place).items():
            where = f"{place}.{theirs}"
            read[theirs] = None if ours is None else self.ours(self.word(ours, where), where).name
        return read

    def defaults(self, value: Any, place: str) -> dict[str, str]:
        read = {}
        for column, said, where in self.by_ours(value, place):
            if said == TODAY and column.type not in DAYS:
                raise ProfileError(where, f"'{TODAY}' is for days only")
            read[column.name] = self.word(said, where)
        return read

    def units(self, value: Any, place: str) -> dict[str, float]:
        return {
            column.name: self._factor(column, said, where)
            for column, said, where in self.by_ours(value, place)
        }

    def _factor(self, column: Column, said: Any, place: str) -> float:
        if column.type not in NUMBERS:
            raise ProfileError(place, f"'{column.name}' is no amount and has no unit")
        if not isinstance(said, dict) or len(said) != 1 or not said.keys() <= UNITS:
            raise ProfileError(place, 'must be {"multiply": 1000} or {"tax_included": 0.10}')
        [(unit, number)] = said.items()
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ProfileError(f"{place}.{unit}", "must be a number")
        if unit == "tax_included":
            if column.type is not ColumnType.MONEY:
                raise ProfileError(place, f"'{column.name}' is no money; nothing is taxed")
            if not 0 <= number < 1:
                raise ProfileError(f"{place}.{unit}", "must be a share from 0 to below 1: 0.10")
            return 1 / (1 + number)
        if not 0 < number <= 1e6:
            raise ProfileError(f"{place}.{unit}", "must be above 0 and at most 1,000,000")
        if column.type is ColumnType.INTEGER and number != int(number):
            raise ProfileError(f"{place}.{unit}", f"'{column.name}' is whole; so must this be")
        return float(number)

    def values(self, value: Any, place: str) -> dict[str, dict[str, str | None]]:
        read = {}
        for column, said, where in self.by_ours(value, place):
            words = self.table(said, where)
            read[column.name] = {
                theirs: None if word is None else self._choice(column, word, f"{where}.{theirs}")
                for theirs, word in words.items()
            }
        return read

    def _choice(self, column: Column, said: Any, place: str) -> str:
        word = self.word(said, place)
        known = {*column.choices, *column.spellings}
        if column.choices and known.isdisjoint({word, word.lower()}):
            raise ProfileError(place, f"'{word}' is none of {', '.join(column.choices)}")
        return word

    def made(self, value: Any, place: str) -> dict[str, Made]:
        return {
            column.name: self._made(said, where)
            for column, said, where in self.by_ours(value, place)
        }

    def _made(self, said: Any, place: str) -> Made:
        way = self.table(said, place)
        if way.keys() == {"first_of"}:
            return Made(columns=self.words(way["first_of"], f"{place}.first_of"))
        if not {"columns", "separator"} <= way.keys() <= {"columns", "separator", "optional"}:
            raise ProfileError(
                place, 'must be {"columns": […], "separator": "-"} or {"first_of": […]}'
            )
        columns = self.words(way["columns"], f"{place}.columns")
        optional = self.words(way["optional"], f"{place}.optional") if "optional" in way else ()
        if not set(optional) < set(columns):
            raise ProfileError(f"{place}.optional", "must name some of the columns, and not all")
        separator = self.word(way["separator"], f"{place}.separator")
        return Made(columns=columns, separator=separator, optional=optional)

    def leave_out(self, value: Any, place: str) -> dict[str, tuple[str, ...]]:
        entries = self.table(value, place).items()
        read = {theirs: self.words(words, f"{place}.{theirs}") for theirs, words in entries}
        for theirs, words in read.items():
            if FILLED in words and len(words) > 1:
                raise ProfileError(
                    f"{place}.{theirs}", f"'{FILLED}' is filled with anything and stands alone"
                )
        return read

    def leave_out_within(self, value: Any, place: str) -> dict[str, str]:
        entries = self.table(value, place).items()
        return {theirs: self.word(within, f"{place}.{theirs}") for theirs, within in entries}

    def required_theirs(self, value: Any, place: str) -> dict[str, Needed]:
        read = {}
        for theirs, said in self.table(value, place).items():
            where = f"{place}.{theirs}"
            need = self.table(said, where)
            if not {"reason_ja", "reason_en"} <= need.keys() <= REASON:
                raise ProfileError(where, "must have reason_ja and reason_en, and may have within")
            told = {
                name: self.word(text, f"{where}.{name}", longest=LONGEST_REASON)
                for name, text in need.items()
            }
            read[theirs] = Needed(**told)
        return read

    def yes_or_no(self, value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise ProfileError(place, "must be true or false")
        return value

    def prefix(self, value: Any, place: str) -> str:
        if not self.word(value, place):
            raise ProfileError(place, "must not be empty")
        return str(value)

    def keep(self, value: Any, place: str) -> str:
        if value != KEEP:
            raise ProfileError(place, f"must be '{KEEP}', or left out")
        return KEEP


UNITS = {"multiply", "tax_included"}
REASON = {"reason_ja", "reason_en", "within"}
Reader: TypeAlias = Callable[[_Parts, Any, str], Any]
READERS: dict[str, Reader] = {
    "columns": _Parts.columns,
    "defaults": _Parts.defaults,
    "units": _Parts.units,
    "values": _Parts.values,
    "made": _Parts.made,
    "leave_out": _Parts.leave_out,
    "leave_out_within": _Parts.leave_out_within,
    "required_theirs": _Parts.required_theirs,
    "cancellation_prefix": _Parts.prefix,
    "price_above_zero": _Parts.yes_or_no,
    "drop_exact_repeats": _Parts.yes_or_no,
    "daily_totals": _Parts.yes_or_no,
    "negative_stock": _Parts.keep,
    "unsigned_counts": _Parts.yes_or_no,
}
