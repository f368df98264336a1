"""What each kind of job does."""

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from app.domain.forecasting.boosted import LightGBMMissing
from app.domain.forecasting.prophet_calendar import UnknownHolidayCountry
from app.models import Job
from app.queries import jobs
from app.queries.forecast_partitions import RunIsOver
from app.services import campaigns, evaluation, sample
from app.services.forecasting import planning, running, runs
from app.services.imports import loading, outcome
from app.services.imports.csv_text import UnreadableFile
from app.services.imports.matching import UnusableColumns
from app.services.jobs import Progress, Sessions, Turn
from app.settings import Settings


class MissingFile(Exception):
    """The file to be imported is not where this worker looks for it."""


# Mistakes in what was sent, which the sender can mend: their sentence is the job's error.
TOLD_AS_THEY_ARE = (
    UnreadableFile,
    UnusableColumns,
    MissingFile,
    outcome.MostlyBad,
    outcome.NothingLoaded,
    evaluation.NothingToEvaluate,
    planning.NothingToForecast,
    running.NoDistributed,
    running.NoScheduler,
    running.WorkersKeepDying,
    UnknownHolidayCountry,
    RunIsOver,
    LightGBMMissing,
    campaigns.UnknownCampaign,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every job may use."""

    sessions: Sessions
    settings: Settings

    def today(self) -> date:
        return datetime.now(ZoneInfo(self.settings.timezone)).date()


async def _import(workshop: Workshop, progress: Progress, job: Job) -> dict[str, Any]:
    import_id = job.payload["import_id"]
    file = workshop.settings.uploads / job.payload["file"]
    try:
        summary = await loading.run_import(
            workshop.sessions,
            progress,
            import_id=import_id,
            file=file,
            today=workshop.today(),
            timezone=workshop.settings.timezone,
            size_limit=workshop.settings.upload_limit_mb * 2**20,
        )
    except FileNotFoundError as error:
        if file.exists():
            raise
        raise MissingFile(
            "the file is not in this worker's upload folder; service and worker must share"
            " ZAIKO_DATA_DIR"
        ) from error
    return {"import_id": import_id, **summary}


async def _evaluate(workshop: Workshop, progress: Progress, job: Job) -> dict[str, Any]:
    as_of = job.payload.get("as_of")
    return await evaluation.evaluate(
        workshop.sessions,
        progress,
        as_of=date.fromisoformat(as_of) if as_of else None,
        processes=workshop.settings.worker_processes,
        currency=await _currency(workshop),
        country=workshop.settings.country,
    )


async def _forecast(workshop: Workshop, progress: Progress, job: Job) -> dict[str, Any]:
    asked = job.payload
    as_of = asked.get("as_of")
    return await runs.forecast_demand(
        workshop.sessions,
        progress,
        today=workshop.today(),
        as_of=date.fromisoformat(as_of) if as_of else None,
        horizon_weeks=asked.get("horizon_weeks"),
        sku_ids=asked.get("sku_ids"),
        location_ids=asked.get("location_ids"),
        in_force=asked.get("in_force", True),
        workers=running.Workers(
            processes=asked.get("workers") or workshop.settings.worker_processes,
            scheduler=asked.get("scheduler"),
        ),
        country=workshop.settings.country,
    )


async def _currency(workshop: Workshop) -> str:
    """What the money in the database is: as set, else that of the sample, else yen."""
    if workshop.settings.currency:
        return workshop.settings.currency
    async with workshop.sessions() as session:
        is_sample = await jobs.has_succeeded(session, "sample")
    return sample.CURRENCY if is_sample else "JPY"


async def _measure(workshop: Workshop, progress: Progress, job: Job) -> dict[str, Any]:
    return await campaigns.measure(
        workshop.sessions, progress, campaign_id=job.payload["campaign_id"]
    )


async def _sample(workshop: Workshop, progress: Progress, _: Job) -> dict[str, Any]:
    return await sample.load(
        workshop.sessions,
        progress,
        uploads=workshop.settings.uploads_folder(),
        today=workshop.today(),
        timezone=workshop.settings.timezone,
        size_limit=workshop.settings.upload_limit_mb * 2**20,
        processes=workshop.settings.worker_processes,
        country=workshop.settings.country,
    )


Handler: TypeAlias = Callable[[Workshop, Progress, Job], Awaitable[dict[str, Any]]]

HANDLERS: dict[str, Handler] = {
    "import": _import,
    "evaluate": _evaluate,
    "forecast": _forecast,
    "measure": _measure,
    "sample": _sample,
}


# An evaluation that was asked for after a file was sent is about what is in the file, and of two
# files of a kind the later one has the last word.
TURNS = {
    "import": Turn(after=("import",), same="of"),
    "evaluate": Turn(after=("import", "sample", "evaluate", "forecast")),
    "forecast": Turn(after=("import", "sample", "evaluate", "forecast")),
    "measure": Turn(after=("import", "sample", "measure"), same="campaign_id"),
}


def clear_up(workshop: Workshop, job: Job) -> None:
    """Remove what a job that has ended needs no more."""
    if job.kind == "import":
        file = workshop.settings.uploads / job.payload["file"]
        file.unlink(missing_ok=True)
        shutil.rmtree(loading.scratch_of(file), ignore_errors=True)
