"""Policy versions."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import PolicyVersion


async def latest_version(session: AsyncSession, scope: str) -> PolicyVersion | None:
    """The version in force; None while nobody has changed a default."""
    statement = (
        select(PolicyVersion)
        .where(PolicyVersion.scope == scope)
        .order_by(PolicyVersion.version.desc())
        .limit(1)
    )
    return await session.scalar(statement)
