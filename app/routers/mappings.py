"""Mapping profiles: how the files of others are read."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response

from app.auth import Caller, Scope
from app.database import Session
from app.models import MappingProfile
from app.queries.mappings import mapping_version, newest_mappings
from app.routers.access import requires
from app.routers.paging import After, Limit, key_of, page_of
from app.schemas.common import Page, Text
from app.schemas.mappings import KindName, MappingBody, MappingName, MappingRequest
from app.schemas.problem import raises
from app.services.imports.built_in import PROFILES
from app.services.imports.definitions import ProfileError, definition_of
from app.services.imports.mappings import (
    BuiltInMapping,
    OtherKind,
    StaleMapping,
    UnknownMapping,
    keep_mapping,
)
from app.services.imports.profiles import Profile

router = APIRouter(prefix="/mappings", tags=["imports"])
LIST = "mappings"
ETAG = {"ETag": {"description": "The version, for If-Match", "schema": {"type": "string"}}}
Name = Annotated[
    MappingName,
    Path(openapi_examples={"built in": {"value": "yahoo_quantity"}}, description="名称"),
]


def _built_in(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "kind": profile.kind,
        "version": 0,
        "is_builtin": True,
        "definition": definition_of(profile),
        "note": None,
        "source": profile.source,
        "created_by": None,
        "created_at": None,
    }


def _stored(found: MappingProfile) -> dict[str, Any]:
    fields = ("name", "kind", "version", "definition", "note", "created_by", "created_at")
    told = {field: getattr(found, field) for field in fields}
    return {**told, "is_builtin": False, "source": None}


@router.get("", response_model=Page[MappingBody], dependencies=[requires(Scope.IMPORTS_WRITE)])
async def list_mappings(
    session: Session,
    kind: Annotated[
        KindName | None, Query(description="Only for this kind of file", examples=["stock"])
    ] = None,
    limit: Limit = 100,
    after: After = None,
) -> dict[str, Any]:
    """Mapping profiles by name: the built-in ones and your own in their newest version."""
    key = key_of(after, LIST, str)
    last = key[0] if key else None
    stored = await newest_mappings(session, kind=kind, limit=limit + 1, after=last)
    built_in = [
        _built_in(profile)
        for profile in PROFILES.values()
        if kind in {None, profile.kind} and (last is None or profile.name > last)
    ]
    found = sorted([*built_in, *map(_stored, stored)], key=lambda mapping: mapping["name"])
    page, following = page_of(found[: limit + 1], limit, lambda mapping: (LIST, mapping["name"]))
    return {"items": page, "next": following}


@router.get(
    "/{name}",
    response_model=MappingBody,
    responses={200: {"headers": ETAG}},
    openapi_extra=raises(UnknownMapping),
    dependencies=[requires(Scope.IMPORTS_WRITE)],
)
async def get_mapping(
    name: Name,
    session: Session,
    response: Response,
    version: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**31 - 1,
            description="Default: the newest; built-in ones have version 0 only",
            examples=[0],
        ),
    ] = None,
) -> dict[str, Any]:
    """One mapping profile with its definition, as an import with `mapping=name` uses it."""
    if name in PROFILES and not version:
        return _built_in(PROFILES[name])
    found = await mapping_version(session, name, version)
    if found is None:
        of = f" in version {version}" if version is not None else ""
        raise UnknownMapping(f"mapping '{name}' does not exist{of}")
    response.headers["ETag"] = f'"{found.version}"'
    return _stored(found)


@router.put(
    "/{name}",
    response_model=MappingBody,
    responses={200: {"headers": ETAG}},
    openapi_extra=raises(ProfileError, BuiltInMapping, OtherKind, StaleMapping),
)
async def put_mapping(
    name: Annotated[
        MappingName,
        Path(
            openapi_examples={"own": {"value": "pos-products"}}, description="名称, yours to choose"
        ),
    ],
    request: MappingRequest,
    session: Session,
    response: Response,
    caller: Annotated[Caller, requires(Scope.IMPORTS_WRITE)],
    if_match: Annotated[
        Text | None,
        Header(
            pattern=r'^"?[0-9]{1,9}"?$',
            description="Refuse if another version is the newest (412); 0: if there is any",
            openapi_examples={"first": {"value": '"0"'}},
        ),
    ] = None,
) -> dict[str, Any]:
    """Store a mapping profile as a new version; imports under an older version keep theirs.

    Try it first: `POST /imports/{kind}/preview` takes a definition beside the file, and shows how
    the first rows would be read.
    """
    stored = await keep_mapping(
        session,
        name=name,
        kind=request.kind,
        definition=request.definition,
        note=request.note,
        created_by=caller.name,
        expected_version=int(if_match.strip('"')) if if_match else None,
    )
    await session.refresh(stored)
    response.headers["ETag"] = f'"{stored.version}"'
    return _stored(stored)
