"""Policies: read what is in force, change it by adding a version."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.policy import Policy, with_overrides
from app.models import PolicyVersion
from app.queries.policies import latest_version

TENANT = "tenant"
SCOPES = (TENANT,)


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
    latest = await latest_version(session, TENANT)
    overrides = latest.overrides if latest else {}
    return PolicyInForce(
        version=latest.version if latest else 0,
        policy=with_overrides(overrides),
        overrides=overrides,
    )


async def change_policy(
    session: AsyncSession,
    *,
    scope: str,
    overrides: dict[str, Any],
    note: str | None,
    changed_by: str,
    expected_version: int | None,
) -> PolicyInForce:
    """Put a new version in force; a value left out goes back to its default.

    Raises:
        UnknownScope: if the scope is not kept.
        PolicyError: if a value is unknown or out of range.
        StalePolicy: if ``expected_version`` is given and is not the version in force.
    """
    if scope not in SCOPES:
        raise UnknownScope(f"scope '{scope}' is not kept; known: {', '.join(SCOPES)}")
    policy = with_overrides(overrides)
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
    return PolicyInForce(version=version + 1, policy=policy, overrides=overrides)
