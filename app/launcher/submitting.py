"""Handing work to the queue from the command line."""

import shutil
from datetime import date
from pathlib import Path
from uuid import uuid4

from app.database import Sessions
from app.services import jobs
from app.services.imports import loading


async def submit_import(
    sessions: Sessions,
    uploads: Path,
    *,
    kind: str,
    file: Path,
    encoding: str | None,
    mapping: str | None,
    force: bool,
) -> int:
    """Copy a file to where workers look for it, and submit its import; return the job."""
    copy = uploads / uuid4().hex
    try:
        shutil.copyfile(file, copy)
        async with sessions.begin() as session:
            batch = await loading.receive(
                session,
                kind=kind,
                file_name=file.name,
                encoding=encoding,
                mapping=mapping,
                force=force,
            )
            payload = {"import_id": batch.import_id, "file": copy.name, "of": kind}
            job = await jobs.submit(session, "import", payload)
            batch.job_id = job.job_id
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return job.job_id


async def submit_forecast(
    sessions: Sessions, *, as_of: date | None, workers: int | None, scheduler: str | None
) -> int:
    """Submit a forecast of everything, or find the same one waiting already; return the job."""
    payload = {
        "as_of": as_of.isoformat() if as_of else None,
        "workers": workers,
        "scheduler": scheduler,
    }
    async with sessions.begin() as session:
        return (await jobs.submit_once(session, "forecast", payload)).job_id


async def submit_evaluation(sessions: Sessions, *, as_of: date | None) -> int:
    """Submit an evaluation, or find the same one waiting already; return the job."""
    payload = {"as_of": as_of.isoformat() if as_of else None}
    async with sessions.begin() as session:
        return (await jobs.submit_once(session, "evaluate", payload)).job_id
