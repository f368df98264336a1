"""The dry run of an import."""

import json
from copy import deepcopy
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request

from app.auth import Scope
from app.routers.access import requires
from app.routers.imports import FILE_BODY, Encoding, FileName, Kind, Mapping
from app.routers.parameters import invalid
from app.routers.uploads import NoRoom, UploadTooLarge, WrongUpload, receive_file
from app.schemas.mappings import PreviewBody
from app.schemas.problem import raises
from app.services.imports.csv_text import UnreadableFile
from app.services.imports.definitions import ProfileError, profile_of
from app.services.imports.loading import scratch_of
from app.services.imports.mappings import UnknownProfile, find_profile
from app.services.imports.matching import UnusableColumns
from app.services.imports.preview import Preview, preview
from app.services.imports.profiles import Profile
from app.settings import Settings

router = APIRouter(
    prefix="/imports", tags=["imports"], dependencies=[requires(Scope.IMPORTS_WRITE)]
)
DRAFT = "draft"
PREVIEW_BODY: dict[str, Any] = deepcopy(FILE_BODY)
PREVIEW_BODY["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["profile"] = {
    "type": "string",
    "description": "A definition as of `PUT /mappings/{name}`, as JSON, to try before it is stored",
}


@router.post(
    "/{kind}/preview",
    response_model=PreviewBody,
    openapi_extra=PREVIEW_BODY
    | raises(
        UnknownProfile,
        ProfileError,
        UnreadableFile,
        UnusableColumns,
        UploadTooLarge,
        WrongUpload,
        NoRoom,
    ),
)
async def preview_import(
    kind: Kind,
    request: Request,
    encoding: Encoding = None,
    mapping: Mapping = None,
    file_name: FileName = "upload",
) -> Preview:
    """Show how the first 20 rows of a file would be read; nothing is stored, the file is removed.

    Of each of our columns it says where it comes from, and of each row what its values would be,
    or why it would be rejected. What shows only across rows (duplicates, repeats, what the whole
    file lacks) is found by the import alone. A CSV is looked at for its first 4 MB, its encoding
    too; `looked_at` says so.
    """
    settings: Settings = request.app.state.settings
    limit = settings.upload_limit_mb * 2**20
    folder = settings.uploads_folder()
    path, _, texts = await receive_file(request, folder, limit, name=file_name)
    try:
        if "profile" in texts and mapping:
            raise invalid("query", "mapping", why="stands beside a profile; send one of them")
        if "profile" in texts:
            profile: Profile | None = _draft(kind, texts["profile"])
        else:
            async with request.app.state.sessions() as session:
                profile = await find_profile(session, mapping or None, kind)
        return await preview(
            path,
            kind=kind,
            profile=profile,
            encoding=encoding,
            scratch=scratch_of(path),
            today=datetime.now(ZoneInfo(settings.timezone)).date(),
            timezone=settings.timezone,
        )
    finally:
        path.unlink(missing_ok=True)


def _draft(kind: str, text: str) -> Profile:
    try:
        definition = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid("body", "profile", why=f"is no JSON: {error}") from error
    return profile_of(DRAFT, kind, definition)
