"""Liveness and readiness, for orchestrators and load balancers."""

from typing import Any

from alembic.script import ScriptDirectory
from fastapi import APIRouter, Request, Response, status
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Sessions
from app.migrations import config
from app.queries.dispositions import last_evaluated_on
from app.queries.jobs import is_worker_alive
from app.schemas.health import LivenessBody, ReadinessBody

router = APIRouter(prefix="/health", tags=["health"])

WORKER_SEEN_WITHIN_SECONDS = 15.0


@router.get("/live", response_model=LivenessBody)
async def get_liveness() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get(
    "/ready",
    response_model=ReadinessBody,
    responses={
        503: {"model": ReadinessBody, "description": "Not ready; the checks say why"},
    },
)
async def get_readiness(request: Request, response: Response) -> dict[str, Any]:
    """Whether database, migrations and worker are in order."""
    sessions: Sessions = request.app.state.sessions
    checks = {"database": False, "migrations": False, "worker": False, "evaluated": False}
    try:
        async with sessions() as session:
            checks["database"] = await session.scalar(text("SELECT 1")) == 1
            checks["migrations"] = await _at_head(session)
            checks["worker"] = await is_worker_alive(
                session, within_seconds=WORKER_SEEN_WITHIN_SECONDS
            )
            checks["evaluated"] = await last_evaluated_on(session) is not None
    except (SQLAlchemyError, OSError):
        pass  # what was not reached stays false
    # A fresh shop has nothing to evaluate yet and is ready all the same.
    is_ready = checks["database"] and checks["migrations"] and checks["worker"]
    if not is_ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return {"ready": is_ready, "checks": checks}


async def _at_head(session: AsyncSession) -> bool:
    head = ScriptDirectory.from_config(config()).get_current_head()
    current = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return bool(current == head)
