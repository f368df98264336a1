"""Imports: files in, summaries out."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response, status

from app.auth import Scope
from app.database import Session
from app.models import ImportBatch
from app.queries import imports
from app.routers.access import requires
from app.routers.missing import UnknownImport
from app.routers.uploads import NoRoom, UploadTooLarge, WrongUpload, receive_file
from app.schemas.common import Text
from app.schemas.jobs import AcceptedBody, ImportBody
from app.schemas.problem import raises
from app.services import jobs
from app.services.imports import loading
from app.services.imports.kinds import KINDS, KindName
from app.services.imports.mappings import UnknownProfile, find_profile
from app.settings import Settings

router = APIRouter(
    prefix="/imports", tags=["imports"], dependencies=[requires(Scope.IMPORTS_WRITE)]
)

FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "format": "binary",
                            "description": "CSV (UTF-8 or cp932), gzip of it, or Parquet",
                        }
                    },
                }
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": (
                    "order_id,sku_id,sold_at,quantity,unit_price\nA-1,85123A,2011-12-09,2,2.95\n"
                ),
            },
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary", "description": "The file itself"}
            },
        },
    }
}
KIND = "What the file holds, row by row; its columns, bold where they are needed:\n\n" + "\n".join(
    f"* `{kind.name}`: {kind.told()}" for kind in KINDS.values()
)
Kind = Annotated[KindName, Path(description=KIND, examples=["sales"])]
Encoding = Annotated[Literal["utf-8", "cp932"] | None, Query(description="Default: recognised")]
Mapping = Annotated[
    Text | None,
    Query(
        description="A profile for files with columns of others (`GET /mappings`): `name`,"
        " `name@2`",
        openapi_examples={"our columns": {"value": ""}},
    ),
]
FileName = Annotated[
    str,
    Query(
        max_length=1000,
        description="To know the file by; a form brings its own",
        examples=["sales.csv"],
    ),
]
Force = Annotated[
    bool, Query(description="Load the good rows even if more than half of all are bad")
]
ImportId = Annotated[
    int,
    Path(
        ge=1,
        le=2**62,
        description="The number that the import was answered with",
        openapi_examples={"sample": {"value": 1}},
    ),
]


@router.post(
    "/{kind}",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=AcceptedBody,
    openapi_extra=FILE_BODY | raises(UnknownProfile, UploadTooLarge, WrongUpload, NoRoom),
)
async def create_import(
    kind: Kind,
    request: Request,
    response: Response,
    session: Session,
    encoding: Encoding = None,
    mapping: Mapping = None,
    file_name: FileName = "upload",
    force: Force = False,
) -> dict[str, Any]:
    """Take a file in; a job reads it, checks it row by row and loads what is good.

    Columns stand in any order under a header; which, is told at `kind`.

    Days are `YYYY-MM-DD`, `YYYY/MM/DD` or `YYYYMMDD`; times `YYYY-MM-DD HH:MM[:SS]` by the shop's
    clock, or with their zone (RFC 3339). A negative quantity is a return. A row known by its key
    is corrected, in the columns that the file has; the same file twice changes nothing. Keys:
    order and `line_no` (without it: the SKU and its how-manieth line in the order, returns apart,
    so an order belongs into one file); SKU, location and day; SKU. Rows that cannot be loaded are
    kept as rejects, the others are loaded; but of a file more than half bad nothing is loaded
    unless `force` says so. Repeats, and rows that the mapping turns away, are not bad. The columns
    `zaiko_…` of a file of rejected rows are no data; leave them as they are.
    """
    settings: Settings = request.app.state.settings
    mapping = mapping or None
    limit = settings.upload_limit_mb * 2**20
    if mapping:  # told before the file is sent, on a connection that does not wait for it
        async with request.app.state.sessions() as early:
            await find_profile(early, mapping, kind)
    path, name, _ = await receive_file(request, settings.uploads_folder(), limit, name=file_name)
    try:
        batch = await loading.receive(
            session, kind=kind, file_name=name, encoding=encoding, mapping=mapping, force=force
        )
        payload = {"import_id": batch.import_id, "file": path.name, "of": kind}
        job = await jobs.submit(session, "import", payload)
        batch.job_id = job.job_id
        await session.flush()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return {"job_id": job.job_id, "import_id": batch.import_id}


async def known_import(session: Session, import_id: int) -> ImportBatch:
    batch = await imports.import_batch(session, import_id)
    if batch is None:
        raise UnknownImport(f"import {import_id} does not exist")
    return batch


@router.get("/{import_id}", response_model=ImportBody, openapi_extra=raises(UnknownImport))
async def get_import(import_id: ImportId, session: Session) -> ImportBatch:
    """What an import read, changed and turned away.

    `read` = `new` + `changed` + `same` + `rejected` + `held_back`. The last are the good rows of a
    file more than half bad, of which nothing is loaded; else 0. A row may be rejected for several
    reasons and is then counted under each of them. How the job ended, and why, is told by `/jobs`.
    """
    return await known_import(session, import_id)
