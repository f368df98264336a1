"""Evaluations: value the customers, forecast, decide, all anew."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, ConfigDict, Field

from app.auth import Scope, requires
from app.database import Session
from app.schemas.jobs import AcceptedBody
from app.schemas.problem import problems
from app.services import jobs

router = APIRouter(prefix="/evaluations", tags=["jobs"])


class EvaluationRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    as_of: date | None = Field(default=None, description="Default: the last day with sales")


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=AcceptedBody,
    responses=problems(401, 403, 422),
    dependencies=[requires(Scope.FORECAST_WRITE)],
)
async def create_evaluation(
    request: EvaluationRequest, response: Response, session: Session
) -> dict[str, Any]:
    """Start an evaluation, or point at the one that is running."""
    payload = {"as_of": request.as_of.isoformat() if request.as_of else None}
    job = await jobs.submit_once(session, "evaluate", payload)
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return {"job_id": job.job_id, "import_id": None}
