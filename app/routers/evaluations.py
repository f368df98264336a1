"""Evaluations: value the customers, forecast, decide, all anew."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from app.auth import Scope
from app.database import Session
from app.routers.access import requires
from app.routers.parameters import invalid
from app.schemas.common import Day
from app.schemas.jobs import AcceptedBody
from app.services import jobs
from app.settings import Settings

router = APIRouter(prefix="/evaluations", tags=["jobs"])


class EvaluationRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    as_of: Day | None = Field(
        default=None, description="Not after today; default: the last day with sales"
    )


ALL_DEFAULTS = EvaluationRequest()


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=AcceptedBody,
    dependencies=[requires(Scope.FORECAST_WRITE)],
)
async def create_evaluation(
    http: Request,
    response: Response,
    session: Session,
    request: Annotated[EvaluationRequest, Body()] = ALL_DEFAULTS,
) -> dict[str, Any]:
    """Evaluate anew: value the customers, forecast, decide.

    It begins when all imports sent before it have ended. The same evaluation asked for again
    while it waits is answered with the job that waits.
    """
    settings: Settings = http.app.state.settings
    if request.as_of and request.as_of > datetime.now(ZoneInfo(settings.timezone)).date():
        raise invalid("body", "as_of", why=f"{request.as_of} lies in the future")
    payload = {"as_of": request.as_of.isoformat() if request.as_of else None}
    job = await jobs.submit_once(session, "evaluate", payload)
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return {"job_id": job.job_id, "import_id": None}
