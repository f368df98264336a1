"""Imports: files in, rejects out."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from app.auth import Scope
from app.database import Session, Sessions
from app.models import ImportBatch, ImportReject
from app.queries import imports
from app.routers.access import requires
from app.routers.missing import UnknownImport
from app.routers.paging import After, key_of, page_of
from app.routers.uploads import NoRoom, UploadTooLarge, WrongUpload, receive_file
from app.schemas.common import Page, Text
from app.schemas.csv import csv_text, encoded
from app.schemas.jobs import AcceptedBody, ImportBody, RejectBody
from app.schemas.problem import raises
from app.services import jobs
from app.services.imports import loading
from app.services.imports.mappings import UnknownProfile, find_profile
from app.services.imports.reasons import explain
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
CSV_PAGE = 10_000
REJECTS_CSV = (
    "row_no,column_name,code,value,reason_ja,reason_en\r\n"
    "3,quantity,zero_quantity,0,数量が0です,the quantity is zero\r\n"
)
Kind = Annotated[
    Literal["sales", "stock", "products"], Path(description="What the file holds, row by row")
]
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
) -> dict[str, Any]:
    """Take a file in; a job reads it, checks it row by row and loads what is good.

    Columns, in any order under a header. Sales: `order_id, sku_id, sold_at, quantity,
    unit_price`, optionally `line_no, sku_name, location_id, customer_id`; stock: `sku_id,
    location_id, counted_on, on_hand`, optionally `on_order, allocated, last_received_on,
    is_derived`; products: `sku_id`, optionally `style_id, name, color, size, category,
    item_class` (`staple`, `seasonal`, `service`), `list_price, unit_cost, is_price_derived,
    is_cost_derived, sales_end_on`.

    Days are `YYYY-MM-DD`, `YYYY/MM/DD` or `YYYYMMDD`; times `YYYY-MM-DD HH:MM[:SS]` by the shop's
    clock, or with their zone (RFC 3339). A negative quantity is a return. A row known by its key
    is corrected, in the columns that the file has; the same file twice changes nothing. Keys:
    order and `line_no` (without it: the SKU and its how-manieth line in the order, returns apart,
    so an order belongs into one file); SKU, location and day; SKU. Rows that cannot be loaded are
    kept as rejects, the others are loaded.
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
            session, kind=kind, file_name=name, encoding=encoding, mapping=mapping
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


async def _known(session: Session, import_id: int) -> ImportBatch:
    batch = await imports.import_batch(session, import_id)
    if batch is None:
        raise UnknownImport(f"import {import_id} does not exist")
    return batch


@router.get("/{import_id}", response_model=ImportBody, openapi_extra=raises(UnknownImport))
async def get_import(import_id: ImportId, session: Session) -> ImportBatch:
    """What an import read, changed and turned away.

    `read` = `new` + `changed` + `same` + `rejected`. A row may be rejected for several reasons
    and is then counted under each of them. How the job ended, and why, is told by `/jobs`.
    """
    return await _known(session, import_id)


@router.get(
    "/{import_id}/rejects",
    response_model=Page[RejectBody],
    responses={
        200: {"content": {"text/csv": {"example": REJECTS_CSV}}},
    },
    openapi_extra=raises(UnknownImport),
)
async def list_rejects(
    import_id: ImportId,
    request: Request,
    session: Session,
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["json", "csv"], Query(description="CSV holds all rejects, JSON a page of them")
    ] = "json",
    limit: Annotated[int, Query(ge=1, le=10_000, description="Rejects a page, JSON only")] = 100,
    after: After = None,
) -> Any:
    """Every rejected row: which row, which column, what stood there, why it cannot be loaded."""
    await _known(session, import_id)
    list_name = f"rejects of import {import_id}"
    key = key_of(after, list_name, int, str, str)
    if format == "csv":
        return StreamingResponse(
            _csv(request.app.state.sessions, import_id),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="rejects-{import_id}.csv"'},
        )
    rejects = await imports.rejects_page(session, import_id, limit=limit + 1, after=key)
    page, following = page_of(rejects, limit, lambda row: (list_name, *_key(row)))
    return {"items": [_explained(reject) for reject in page], "next": following}


def _key(reject: ImportReject) -> tuple[int, str, str]:
    return reject.row_no, reject.column_name, reject.code


def _explained(reject: ImportReject) -> dict[str, Any]:
    ja, en = explain(reject.code, reject.column_name, reject.value)
    return {
        "row_no": reject.row_no,
        "column_name": reject.column_name,
        "code": reject.code,
        "value": reject.value,
        "reason_ja": ja,
        "reason_en": en,
    }


async def _csv(sessions: Sessions, import_id: int) -> AsyncIterator[bytes]:
    """The rejects page by page, since there may be as many as rows."""
    columns = list(RejectBody.model_fields)
    yield encoded(csv_text(columns, []), "utf-8")
    after = None
    while True:
        async with sessions() as session:
            page = await imports.rejects_page(session, import_id, limit=CSV_PAGE, after=after)
        if not page:
            return
        text = csv_text(columns, [_explained(reject) for reject in page])
        yield text.partition("\r\n")[2].encode()  # the header has gone before
        after = _key(page[-1])
