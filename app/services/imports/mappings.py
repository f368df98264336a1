"""Mapping profiles by name: the built-in ones, and the retailer's own in versions."""

import re
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import MappingProfile
from app.queries.mappings import mapping_version, newest_mappings
from app.services.imports.built_in import PROFILES
from app.services.imports.definitions import profile_of
from app.services.imports.profiles import Profile

NAME = re.compile(r"(?P<name>[^@]+)(?:@(?P<version>[0-9]{1,9}))?")
TOLD = 20  # names known, in an error


class UnknownProfile(Exception):
    """No mapping profile of this name is made for this kind of file."""


class UnknownMapping(Exception):
    """No mapping profile has this name and version."""


class BuiltInMapping(Exception):
    """A built-in mapping profile cannot be changed."""


class OtherKind(Exception):
    """The mapping profile is for another kind of file."""


class StaleMapping(Exception):
    """The mapping profile has been changed by somebody else since it was read."""


async def find_profile(session: AsyncSession, mapping: str | None, kind: str) -> Profile | None:
    """The profile that an import names as ``name`` or ``name@version``; None if it names none.

    Raises:
        UnknownProfile: if there is none, or it is for another kind.
    """
    if mapping is None:
        return None
    profile = PROFILES.get(mapping) or await _stored(session, mapping)
    if profile is None or profile.kind != kind:
        stored = [found.name for found in await newest_mappings(session, kind=kind, limit=TOLD)]
        built_in = [found.name for found in PROFILES.values() if found.kind == kind]
        known = ", ".join([*built_in, *stored]) or "none"
        raise UnknownProfile(f"mapping '{mapping}' is not known for {kind}; known: {known}")
    return profile


async def _stored(session: AsyncSession, mapping: str) -> Profile | None:
    named = NAME.fullmatch(mapping)
    if named is None:
        return None
    version = int(named["version"]) if named["version"] else None
    found = await mapping_version(session, named["name"], version)
    return None if found is None else profile_in(found)


def profile_in(stored: MappingProfile) -> Profile:
    """The profile that a stored version holds."""
    return profile_of(
        stored.name, stored.kind, stored.definition, version=stored.version, note=stored.note
    )


async def keep_mapping(
    session: AsyncSession,
    *,
    name: str,
    kind: str,
    definition: dict[str, Any],
    note: str | None,
    created_by: str,
    expected_version: int | None,
) -> MappingProfile:
    """Store a new version of a profile; imports that name an older one keep it.

    Args:
        session: in whose transaction it is stored.
        name: of the profile, new or known.
        kind: of the files it reads; the same in all its versions.
        definition: as ``definitions.profile_of`` reads it.
        note: why, in the writer's words.
        created_by: who.
        expected_version: refuse if another one is the newest; 0: if there is any.

    Raises:
        BuiltInMapping: if the name is taken.
        ProfileError: if the definition does not say how to read a file.
        StaleMapping: if ``expected_version`` is given and is not the newest.
        OtherKind: if the profile is known for another kind.
    """
    if name in PROFILES:
        raise BuiltInMapping(f"'{name}' is built in; store yours under a name of its own")
    profile_of(name, kind, definition)
    # Two writers at once must see one another: versions are counted under a lock.
    await session.execute(text("LOCK TABLE mapping_profile IN EXCLUSIVE MODE"))
    newest = await mapping_version(session, name, None)
    version = newest.version if newest else 0
    if expected_version is not None and expected_version != version:
        raise StaleMapping(f"version {version} is the newest, not {expected_version}")
    if newest and newest.kind != kind:
        raise OtherKind(f"'{name}' is for {newest.kind}, not {kind}; take another name")
    stored = MappingProfile(
        name=name,
        version=version + 1,
        kind=kind,
        definition=definition,
        note=note,
        created_by=created_by,
    )
    session.add(stored)
    await session.flush()
    return stored
