"""Lists as files."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse

from app.schemas.sheet import Sheet

CSV_TOO: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


async def csv_of(
    columns: list[str], chunks: AsyncIterator[list[dict[str, Any]]], *, encoding: str, name: str
) -> StreamingResponse:
    """A list as the CSV file ``name``: a header, and the rows as in JSON."""
    sheet = Sheet(columns, encoding)
    try:
        async for rows in chunks:
            sheet.add(rows)
    except BaseException:
        sheet.close()
        raise
    size = sheet.size
    return StreamingResponse(
        sheet.parts(),
        media_type=f"text/csv; charset={'shift_jis' if encoding == 'cp932' else 'utf-8'}",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(size),
        },
    )
