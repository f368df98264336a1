"""What imports turned away: why, row by row, and the rows themselves to be corrected."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from app.auth import Scope
from app.database import Session, Sessions
from app.models import ImportBatch, ImportReject, ImportRejectRow
from app.queries import imports
from app.queries.targets import TARGETS
from app.routers.access import requires
from app.routers.imports import ImportId, known_import
from app.routers.missing import RowsNotKept, UnknownImport
from app.routers.paging import After, key_of, page_of
from app.schemas.common import Page
from app.schemas.csv import csv_lines, csv_text, encoded
from app.schemas.jobs import RejectBody
from app.schemas.problem import raises
from app.services.imports.reasons import explain
from app.services.imports.rejecting import cells_of, line_of
from app.services.imports.resending import BESIDE, RAW_LINE

router = APIRouter(
    prefix="/imports", tags=["imports"], dependencies=[requires(Scope.IMPORTS_WRITE)]
)

REASONS_PAGE = 10_000
ROWS_PAGE = 1000  # of as many columns as the file has
REJECTS_CSV = (
    "row_no,column_name,code,value,reason_ja,reason_en\r\n"
    "3,quantity,zero_quantity,0,数量が0です,the quantity is zero\r\n"
)


@router.get(
    "/{import_id}/rejects",
    response_model=Page[RejectBody],
    responses={
        200: {"content": {"text/csv": {"example": REJECTS_CSV}}},
    },
    openapi_extra=raises(UnknownImport, RowsNotKept),
)
async def list_rejects(
    import_id: ImportId,
    request: Request,
    session: Session,
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["json", "csv", "file"],
        Query(
            description=(
                "`json`: a page of the reasons; `csv`: all of them;"
                " `file`: the rows themselves, to be corrected and sent again"
            )
        ),
    ] = "json",
    limit: Annotated[int, Query(ge=1, le=10_000, description="Rejects a page, JSON only")] = 100,
    after: After = None,
) -> Any:
    """Every rejected row: which row, which column, what stood there, why it cannot be loaded.

    With `format=file` the rejected rows as they stood, as CSV under the file's own columns, in its
    own encoding and separator (of Parquet: UTF-8, commas). Columns at the end say which row it was
    (`zaiko_row`), what is wrong with it (`zaiko_reason_ja`, `zaiko_reason_en`), and as which line
    of its order it counts (`zaiko_line_no`). Correct the cells and send the file to
    `POST /imports/{kind}` with these columns as they are. A sale without `line_no` then takes the
    place among the lines of its order that was kept for it, and corrects no other line, whether it
    comes alone or once more with the whole file.

    A line that could not be split into cells stands whole in `zaiko_line`, a column that is there
    only if it is needed, and the row's own cells are empty: fill in the cells, or mend the line.
    Rows for which another row of the file stands (`exact_repeat`, `duplicate_key`) are not in the
    file: nothing in them is to be corrected.
    """
    batch = await known_import(session, import_id)
    list_name = f"rejects of import {import_id}"
    key = key_of(after, list_name, int, str, str)
    sessions: Sessions = request.app.state.sessions
    if format == "csv":
        return _download(_reasons(sessions, import_id), "utf-8", f"rejects-{import_id}.csv")
    if format == "file":
        source = batch.source
        if source is None:
            raise RowsNotKept(f"the file of import {import_id} has not been read, or could not be")
        ending = "tsv" if source["separator"] == "\t" else "csv"
        name = f"rejected-rows-{import_id}.{ending}"
        return _download(_rows(sessions, batch, source), source["encoding"], name)
    rejects = await imports.rejects_page(session, import_id, limit=limit + 1, after=key)
    page, following = page_of(rejects, limit, lambda row: (list_name, *_key(row)))
    return {"items": [_explained(reject) for reject in page], "next": following}


def _download(content: AsyncIterator[bytes], encoding: str, name: str) -> StreamingResponse:
    return StreamingResponse(
        content,
        media_type=f"text/csv; charset={'shift_jis' if encoding == 'cp932' else 'utf-8'}",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


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


async def _reasons(sessions: Sessions, import_id: int) -> AsyncIterator[bytes]:
    """The rejects page by page, since there may be as many as rows."""
    columns = list(RejectBody.model_fields)
    yield encoded(csv_text(columns, []), "utf-8")
    after = None
    while True:
        async with sessions() as session:
            page = await imports.rejects_page(session, import_id, limit=REASONS_PAGE, after=after)
        if not page:
            return
        yield csv_lines(list(_explained(reject).values()) for reject in page).encode()
        after = _key(page[-1])


async def _rows(
    sessions: Sessions, batch: ImportBatch, source: dict[str, Any]
) -> AsyncIterator[bytes]:
    """The rejected rows page by page, under the file's header."""
    columns, separator, encoding = source["columns"], source["separator"], source["encoding"]
    import_id, is_numbered = batch.import_id, TARGETS[batch.kind].numbered is not None
    async with sessions() as session:
        has_lines = await imports.has_kept_lines(session, import_id)
    header = [*columns, *BESIDE, *([RAW_LINE] if has_lines else [])]
    # What was read from cp932 can be written in it; what a reason or a name shows instead of a
    # character may not, and is not worth a failed download.
    first = csv_lines([header], separator=separator)
    yield first.encode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
    after = 0
    while True:
        async with sessions() as session:
            page = await imports.kept_rows_page(session, import_id, limit=ROWS_PAGE, after=after)
        if not page:
            return
        rows = [
            _row(row, rejects, width=len(columns), has_lines=has_lines, is_numbered=is_numbered)
            for row, rejects in page
        ]
        yield csv_lines(rows, separator=separator).encode(encoding, "replace")
        after = page[-1][0].row_no


def _row(
    row: ImportRejectRow,
    rejects: list[ImportReject],
    *,
    width: int,
    has_lines: bool,
    is_numbered: bool,
) -> list[Any]:
    """A row with what stands beside it.

    Where it cannot be read whose line it is, its number is one that no other line can have.
    """
    reasons = [explain(reject.code, reject.column_name, reject.value) for reject in rejects]
    japanese, english = ("; ".join(told) for told in zip(*reasons, strict=True))
    cells = cells_of(row) or [""] * width
    line = [line_of(row)] if has_lines else []
    number = row.line_key or (f"{row.import_id}.{row.row_no}" if is_numbered else "")
    return [*cells, row.row_no, japanese, english, number, *line]
