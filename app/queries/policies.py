"""Policy versions."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import PolicyVersion

BELOW = """
    SELECT EXISTS (
        SELECT FROM sku WHERE category = :path OR starts_with(category, :path || '/')
    )
"""


async def latest_version(session: AsyncSession, scope: str) -> PolicyVersion | None:
    """The version in force; None while nobody has changed a default."""
    statement = (
        select(PolicyVersion)
        .where(PolicyVersion.scope == scope)
        .order_by(PolicyVersion.version.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def latest_versions(session: AsyncSession) -> Mapping[str, PolicyVersion]:
    """The version in force of every scope that has one, in the order of the scopes."""
    statement = (
        select(PolicyVersion)
        .ext(distinct_on(PolicyVersion.scope))
        .order_by(PolicyVersion.scope, PolicyVersion.version.desc())
    )
    return {version.scope: version for version in await session.scalars(statement)}


async def has_category(session: AsyncSession, path: str) -> bool:
    """Whether some SKU lies in the category or below it."""
    return bool(await session.scalar(text(BELOW), {"path": path}))


async def has_season(session: AsyncSession, season_code: str) -> bool:
    statement = text("SELECT EXISTS (SELECT FROM sku WHERE season_code = :season_code)")
    found: Any = await session.scalar(statement, {"season_code": season_code})
    return bool(found)
