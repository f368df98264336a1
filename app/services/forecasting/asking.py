"""Ask for a forecast run, such that a request may be sent again."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Job
from app.queries import jobs as stored
from app.queries import queue
from app.services import jobs
from app.services.ordering import IdempotencyConflict

KIND = "forecast"
KEY = "idempotency_key"  # in the job's payload


async def ask_for_run(
    session: AsyncSession, wanted: dict[str, Any], *, idempotency_key: str | None
) -> Job:
    """Submit a run, or find the one that this key brought, or that is the same and waits.

    The same key with the same request answers its job, also when that has ended long ago; with a
    key, nobody else's job is answered.

    Raises:
        IdempotencyConflict: if the key came with another request before.
    """
    if idempotency_key is None:
        return await jobs.submit_once(session, KIND, wanted)
    payload = wanted | {KEY: idempotency_key}
    await queue.submit_alone(session, KIND)  # whoever sends the key at the same time waits here
    known = await stored.job_with(session, KIND, KEY, idempotency_key)
    if known is None:
        return await jobs.submit(session, KIND, payload)
    if known.payload != payload:
        raise IdempotencyConflict("send a new Idempotency-Key for another request")
    return known
