"""Policy values that differ by what an item is: those of its season, its category, or of all.

A scope is `tenant` (全社), `category:` with a path (カテゴリ), or `season:` with a season's code
(シーズン). Of an item's categories the deepest counts, `category:Ladies/Coats` before
`category:Ladies`. A season comes before every category, since what is said of one season is said of
less; both come before the tenant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from app.domain.category_path import category_path
from app.domain.policy import Policy, with_overrides
from app.domain.policy_value import PolicyError

TENANT = "tenant"
CATEGORY, SEASON = "category:", "season:"
BY_ITEM = tuple(f.name for f in fields(Policy) if f.metadata["by_item"])


def check_scoped(overrides: Mapping[str, Any]) -> None:
    """Make sure that a category or a season may have these values of its own.

    Raises:
        PolicyError: if it may not, or a value is unknown or out of range.
    """
    with_overrides(dict(overrides))
    for name in overrides:
        if name not in BY_ITEM:
            raise PolicyError(f"{name} holds for all; by item: {', '.join(BY_ITEM)}")


def kept_as(scope: str) -> str:
    """The scope under the name it is kept by; a category's levels may be separated by > as well."""
    if not scope.startswith(CATEGORY):
        return scope
    return CATEGORY + category_path(scope.removeprefix(CATEGORY))


def within(scope: str) -> list[str]:
    """The scope itself and those around it, the nearest first, without the tenant's."""
    if not scope.startswith(CATEGORY):
        return [scope] if scope != TENANT else []
    levels = scope.removeprefix(CATEGORY).split("/")
    return [CATEGORY + "/".join(levels[:depth]) for depth in range(len(levels), 0, -1)]


def chain(category: str | None, season_code: str | None) -> list[str]:
    """The scopes of an item, of which the first that has a value counts, without the tenant's."""
    season = [f"{SEASON}{season_code}"] if season_code else []
    return [*season, *(within(f"{CATEGORY}{category}") if category else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedPolicies:
    """All values in force: those of the tenant, and by scope what differs from them."""

    tenant: Policy
    scoped: Mapping[str, Mapping[str, Any]]

    def value(self, name: str, category: str | None, season_code: str | None) -> float:
        """What holds for an item of this category and season (None: it has none)."""
        for scope in chain(category, season_code):
            if name in self.scoped.get(scope, {}):
                return float(self.scoped[scope][name])
        return float(getattr(self.tenant, name))
