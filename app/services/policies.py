"""Policies: read what is in force, change it by adding a version."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.policy import DEFAULT, Policy, with_overrides
from app.domain.policy_scopes import (
    BY_ITEM,
    CATEGORY,
    SEASON,
    TENANT,
    ScopedPolicies,
    check_scoped,
    within,
)
from app.domain.policy_value import Value
from app.models import PolicyVersion
from app.queries.policies import has_category, has_season, latest_version, latest_versions


class UnknownScope(Exception):
    """No policy is kept for this scope."""


class StalePolicy(Exception):
    """The policy has been changed by somebody else since it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInForce:
    version: int  # 0: the defaults
    policy: Policy
    overrides: dict[str, Any]


async def policy_in_force(session: AsyncSession) -> PolicyInForce:
    """The defaults of this product with what the merchant has changed."""
    return _in_force(await latest_version(session, TENANT))


def _in_force(latest: PolicyVersion | None) -> PolicyInForce:
    overrides = latest.overrides if latest else {}
    return PolicyInForce(
        version=latest.version if latest else 0,
        policy=with_overrides(overrides),
        overrides=overrides,
    )


async def scoped_policies(session: AsyncSession) -> ScopedPolicies:
    """The policy in force with what categories and seasons have of their own."""
    latest = await latest_versions(session)
    return ScopedPolicies(
        tenant=_in_force(latest.get(TENANT)).policy,
        scoped={scope: version.overrides for scope, version in latest.items() if scope != TENANT},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeValues:
    """What holds in a scope, and where each value comes from: by name, ``(value, origin)``."""

    version: int  # of the scope's own; 0: it has none
    values: dict[str, tuple[Value, str]]
    scopes: list[str]  # categories and seasons that have values of their own


async def values_in(session: AsyncSession, scope: str) -> ScopeValues:
    """The values that hold in a scope; in a category or season only those it may set itself.

    Raises:
        UnknownScope: if the scope is not kept.
    """
    await require_scope(session, scope)
    latest = await latest_versions(session)
    chain = [latest[name] for name in [*within(scope), TENANT] if name in latest]
    names = [f.name for f in fields(Policy)] if scope == TENANT else BY_ITEM
    values: dict[str, tuple[Value, str]] = {}
    for name in names:
        own = next((version for version in chain if name in version.overrides), None)
        policy = with_overrides(own.overrides) if own else DEFAULT
        values[name] = getattr(policy, name), _origin(own, scope)
    return ScopeValues(
        version=latest[scope].version if scope in latest else 0,
        values=values,
        scopes=[name for name, kept in latest.items() if name != TENANT and kept.overrides],
    )


def _origin(version: PolicyVersion | None, scope: str) -> str:
    if version is None:
        return "default"
    told = f"version {version.version}"
    return told if version.scope == scope else f"{version.scope} {told}"


async def require_scope(session: AsyncSession, scope: str) -> None:
    """Make sure that a scope is one: the tenant, or a category or season of some SKU.

    Raises:
        UnknownScope: if it is not.
    """
    kind, _, name = scope.partition(":")
    if scope == TENANT:
        return
    if f"{kind}:" == CATEGORY and name and await has_category(session, name):
        return
    if f"{kind}:" == SEASON and name and await has_season(session, name):
        return
    if f"{kind}:" in (CATEGORY, SEASON):
        raise UnknownScope(f"scope '{scope}' is not kept; no SKU is of {kind} '{name}'")
    raise UnknownScope(f"scope '{scope}' is not kept; known: {TENANT}, {CATEGORY}…, {SEASON}…")


async def change_policy(
    session: AsyncSession,
    *,
    scope: str,
    overrides: dict[str, Any],
    note: str | None,
    changed_by: str,
    expected_version: int | None,
) -> None:
    """Put a new version in force; a value left out goes back to where it came from.

    Raises:
        UnknownScope: if the scope is not kept.
        PolicyError: if a value is unknown, out of range, or not the scope's to set.
        StalePolicy: if ``expected_version`` is given and is not the version in force.
    """
    await require_scope(session, scope)
    if scope == TENANT:
        with_overrides(overrides)
    else:
        check_scoped(overrides)
    # Two writers at once must see one another: versions are counted under a lock.
    await session.execute(text("LOCK TABLE policy_version IN EXCLUSIVE MODE"))
    latest = await latest_version(session, scope)
    version = latest.version if latest else 0
    if expected_version is not None and expected_version != version:
        raise StalePolicy(f"version {version} is in force, not {expected_version}")
    session.add(
        PolicyVersion(
            scope=scope,
            version=version + 1,
            overrides=overrides,
            note=note,
            created_by=changed_by,
        )
    )
    await session.flush()
