"""Which column of a file feeds which of ours, and what a profile says about it."""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any
from unicodedata import normalize

from app.services.imports.kinds import Kind
from app.services.imports.profiles import KEEP, Made, Profile

WARNINGS = 20
MADE = "\x1fmade "  # before the name of a column that ``translating`` adds to a file's own


class UnusableColumns(Exception):
    """The file lacks columns that its kind needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which column of the file feeds which of ours, and what is left aside."""

    kind: Kind
    profile: Profile | None
    source_of: dict[str, str]
    warnings: list[str]

    @property
    def given(self) -> set[str]:
        """Our columns that the file, or its profile, says something about."""
        return set(self.source_of) | set(self.profile.defaults if self.profile else ())


def match_columns(columns: list[str], kind: Kind, profile: Profile | None) -> Reading:
    """Find our columns in the file's header.

    Raises:
        UnusableColumns: naming every required column that is missing, and what the file has; or
            why a profile refuses the file.
    """
    profile = profile.for_file(columns) if profile else None
    if profile:
        _expect_theirs(columns, profile)
    mapping = profile.columns if profile else {}
    made = profile.made if profile else {}
    kind = _as_profiled(kind, profile)
    ours = {column.name for column in kind.columns}
    mapped = {target: name for name, target in mapping.items() if target and name in columns}
    source_of: dict[str, str] = {}
    unknown = []
    parts = {name for way in made.values() for name in way.columns}
    for name in columns:
        target = mapping.get(name, name)
        if target in ours and target not in made and mapped.get(target, name) == name:
            source_of[target] = name
        elif target is not None and name not in parts:
            unknown.append(name)
    source_of |= {target: f"{MADE}{target}" for target, way in made.items() if can(way, columns)}
    _expect_required(columns, kind, profile, source_of, unknown)
    return Reading(
        kind=kind,
        profile=profile,
        source_of=source_of,
        warnings=_left_aside(unknown, sorted(ours - set(source_of))),
    )


def can(way: Made, columns: list[str]) -> bool:
    """Whether a file with these columns has what a column of ours is made of."""
    if way.separator is None:
        return not set(way.columns).isdisjoint(columns)
    return set(way.columns) - set(way.optional) <= set(columns)


def _expect_theirs(columns: list[str], profile: Profile) -> None:
    for name, need in profile.required_theirs.items():
        if name not in columns:
            raise UnusableColumns(
                f"{need.reason_ja} / {need.reason_en} (missing column '{name}'; the file has:"
                f" {', '.join(columns)[:500]})"
            )


def _expect_required(
    columns: list[str],
    kind: Kind,
    profile: Profile | None,
    source_of: dict[str, str],
    unknown: list[str],
) -> None:
    given = set(source_of) | set(profile.defaults if profile else ())
    missing = [
        column
        for column in kind.required
        if column.name not in given and not (column.instead and given.issuperset(column.instead))
    ]
    if not missing:
        return
    theirs: dict[str, tuple[str, ...]] = {}
    if profile:
        theirs = {target: (name,) for name, target in profile.columns.items() if target}
        theirs |= {target: way.columns for target, way in profile.made.items()}
    # A profile that maps what stands in for a column of ours is told of its own column.
    asked = [next((n for n in (c.name, *c.instead) if n in theirs), c.name) for c in missing]
    wanted = [name for target in asked for name in theirs.get(target, (target,))]
    absent = [name for name in wanted if name not in columns]
    named = ", ".join(f"'{name}'{_hint(name, unknown)}" for name in absent)
    raise UnusableColumns(
        f"missing column {named} for {kind.name}; the file has: {', '.join(columns)[:500]}"
    )


def _as_profiled(kind: Kind, profile: Profile | None) -> Kind:
    """The kind without what rows under this profile are not asked for."""
    if not profile:
        return kind
    changes: dict[str, dict[str, Any]] = {}
    if profile.daily_totals:
        changes["order_id"] = {"required": False}
    if profile.negative_stock == KEEP or profile.unsigned_counts:
        changes["on_hand"] = {"at_least": None}
    columns = (replace(column, **changes.get(column.name, {})) for column in kind.columns)
    return replace(kind, columns=tuple(columns)) if changes else kind


def _hint(name: str, candidates: list[str]) -> str:
    by_plain_name = {_plain_name(candidate): candidate for candidate in candidates}
    near = get_close_matches(_plain_name(name), by_plain_name, n=1)
    return f" (did you mean '{by_plain_name[near[0]]}'?)" if near else ""


def _plain_name(name: str) -> str:
    """In half width and lower case: for hints alone, columns are found by their exact names."""
    return normalize("NFKC", name).lower()


def _left_aside(unknown: list[str], free: list[str]) -> list[str]:
    told = [
        f"column '{name}' is not known and was left aside{_hint(name, free)}"
        for name in unknown[:WARNINGS]
    ]
    more = len(unknown) - WARNINGS
    return [*told, f"so were {more} more columns"] if more > 0 else told
