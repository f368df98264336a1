"""Why an import came to nothing, in a sentence for whoever sent the file."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.queries import imports
from app.services.imports.reasons import explain
from app.services.imports.rejecting import EXPECTED

REASONS_TOLD = 3


class NothingLoaded(Exception):
    """No row of the file could be loaded."""


class MostlyBad(Exception):
    """More than half of the file's rows are bad, so none was loaded."""


async def complain(session: AsyncSession, import_id: int, summary: dict[str, Any]) -> None:
    """Say what is wrong with a file of which nothing was loaded.

    Raises:
        MostlyBad: its good rows were held back, since more than half of all are bad.
        NothingLoaded: it has no good row.
    """
    if summary.get("held_back"):
        raise MostlyBad(await _why_held_back(session, import_id, summary["read"]))
    if summary["new"] + summary["changed"] + summary["same"] == 0:
        raise NothingLoaded(await _why_nothing(session, import_id, summary["read"]))


async def _why_held_back(session: AsyncSession, import_id: int, read: int) -> str:
    bad = await imports.rejected_rows(session, import_id, leaving_out=EXPECTED)
    reasons = await imports.frequent_reasons(
        session, import_id, leaving_out=EXPECTED, limit=REASONS_TOLD
    )
    told = []
    for reject, rows in reasons:
        _, reason = explain(reject.code, reject.column_name, reject.value)
        told.append(f"{reject.code} in {rows} (row {reject.row_no}: {reason})")
    return (
        f"{bad} of {read} rows are bad, more than half, so nothing was loaded;"
        f" most often {', '.join(told)}. See /imports/{import_id}/rejects, or send the file again"
        " with force=true (zaiko import --force) to load its good rows all the same"
    )


async def _why_nothing(session: AsyncSession, import_id: int, read: int) -> str:
    if read == 0:
        return "the file has a header but no rows"
    rejects = await imports.rejects_page(session, import_id, limit=1, after=None)
    if not rejects:
        return f"none of the {read} rows holds anything"
    [first] = rejects
    _, reason = explain(first.code, first.column_name, first.value)
    return (
        f"all {read} rows were rejected; the first: row {first.row_no}, {reason}."
        f" See /imports/{import_id}/rejects"
    )
