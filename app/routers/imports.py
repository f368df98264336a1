"""Imports: files in, rejects out."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response, status

from app.auth import Scope, requires
from app.database import Session
from app.models import ImportBatch
from app.queries import imports
from app.routers.missing import UnknownImport
from app.routers.paging import After, cursor, key_of
from app.routers.uploads import receive_file
from app.schemas.common import Page
from app.schemas.csv import csv_text, encoded
from app.schemas.jobs import AcceptedBody, ImportBody, RejectBody
from app.schemas.problem import problems
from app.services import importing, jobs
from app.services.import_kinds import explain
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
        },
    }
}
ImportId = Annotated[int, Path(ge=1, le=2**62, openapi_examples={"sample": {"value": 1}})]


@router.post(
    "/{kind}",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=AcceptedBody,
    responses=problems(400, 401, 403, 413, 422),
    openapi_extra=FILE_BODY,
)
async def create_import(
    kind: Literal["sales", "stock", "products"],
    request: Request,
    response: Response,
    session: Session,
    encoding: Annotated[
        Literal["utf-8", "cp932"] | None, Query(description="Default: recognised")
    ] = None,
    mapping: Annotated[
        str | None, Query(description="A profile for files with other columns")
    ] = None,
) -> dict[str, Any]:
    """Take a file in; a job reads, checks and loads it, row by row.

    Columns — sales: `order_id, sku_id, sold_at, quantity, unit_price` and optionally
    `line_no, sku_name, location_id, customer_id`; stock: `sku_id, location_id, counted_on,
    on_hand` and optionally `on_order, allocated, last_received_on, is_derived`; products:
    `sku_id` and optionally `style_id, name, color, size, category, item_class, list_price,
    unit_cost, sales_end_on`. A negative quantity is a return. The same file twice changes
    nothing.
    """
    settings: Settings = request.app.state.settings
    importing.check_profile(mapping, kind)
    path, name = await receive_file(request, settings.uploads, settings.upload_limit_mb * 2**20)
    batch = await importing.receive(
        session, kind=kind, file_name=name, encoding=encoding, mapping=mapping
    )
    job = await jobs.submit(session, "import", {"import_id": batch.import_id, "file": path.name})
    batch.job_id = job.job_id
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return {"job_id": job.job_id, "import_id": batch.import_id}


async def _known(session: Session, import_id: int) -> ImportBatch:
    batch = await imports.import_batch(session, import_id)
    if batch is None:
        raise UnknownImport(f"import {import_id} does not exist")
    return batch


@router.get("/{import_id}", response_model=ImportBody, responses=problems(401, 403, 404, 422))
async def get_import(import_id: ImportId, session: Session) -> ImportBatch:
    """What an import read, changed and turned away."""
    return await _known(session, import_id)


@router.get(
    "/{import_id}/rejects",
    response_model=Page[RejectBody],
    responses={200: {"content": {"text/csv": {}}}, **problems(401, 403, 404, 422)},
)
async def list_rejects(
    import_id: ImportId,
    session: Session,
    format: Annotated[Literal["json", "csv"], Query()] = "json",  # noqa: A002 - the contract's name
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    after: After = None,
) -> Any:
    """Every rejected row: which row, which column, what stood there, why it cannot be loaded."""
    await _known(session, import_id)
    key = key_of(after, int, str, str)
    rejects = await imports.rejects_page(
        session, import_id, limit=limit, after=(key[0], key[1], key[2]) if key else None
    )
    rows = []
    for reject in rejects:
        ja, en = explain(reject.code, reject.column_name, reject.value)
        rows.append(
            {
                "row_no": reject.row_no,
                "column_name": reject.column_name,
                "code": reject.code,
                "value": reject.value,
                "reason_ja": ja,
                "reason_en": en,
            }
        )
    last = rejects[-1] if len(rejects) == limit else None
    following = cursor((last.row_no, last.column_name, last.code)) if last else None
    if format == "json":
        return {"items": rows, "next": following}
    text = csv_text(list(RejectBody.model_fields), rows)
    headers = {"X-Next": following} if following else {}
    return Response(encoded(text, "utf-8"), media_type="text/csv", headers=headers)
