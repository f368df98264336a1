"""Stored mapping profiles."""

from sqlalchemy import collate, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import MappingProfile


async def mapping_version(
    session: AsyncSession, name: str, version: int | None
) -> MappingProfile | None:
    """This version of a profile, or its newest; None where there is none."""
    statement = select(MappingProfile).where(MappingProfile.name == name)
    if version is not None:
        statement = statement.where(MappingProfile.version == version)
    return await session.scalar(statement.order_by(MappingProfile.version.desc()).limit(1))


async def newest_mappings(
    session: AsyncSession, *, kind: str | None, limit: int | None = None, after: str | None = None
) -> list[MappingProfile]:
    """The newest version of each profile, by name in the order of its characters' numbers."""
    newest = (
        select(MappingProfile.name, func.max(MappingProfile.version).label("version"))
        .group_by(MappingProfile.name)
        .subquery()
    )
    by_name = collate(MappingProfile.name, "C")
    statement = (
        select(MappingProfile)
        .join(
            newest,
            (MappingProfile.name == newest.c.name) & (MappingProfile.version == newest.c.version),
        )
        .order_by(by_name)
        .limit(limit)
    )
    if kind is not None:
        statement = statement.where(MappingProfile.kind == kind)
    if after is not None:
        statement = statement.where(by_name > after)
    return list(await session.scalars(statement))
