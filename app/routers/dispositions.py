"""All verdicts: the merchandiser's work list."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.auth import Scope, requires
from app.database import Session
from app.queries import dispositions
from app.routers.paging import After, Limit, cursor, key_of
from app.schemas.common import Page
from app.schemas.problem import problems
from app.schemas.sku import DecisionName, DispositionBody

router = APIRouter(tags=["dispositions"])


@router.get(
    "/dispositions",
    response_model=Page[DispositionBody],
    responses=problems(401, 403, 422),
    dependencies=[requires(Scope.DISPOSITION_READ)],
)
async def list_dispositions(
    session: Session,
    decision: Annotated[DecisionName | None, Query(description="Only these verdicts")] = None,
    location_id: Annotated[str | None, Query(description="Only this location 拠点")] = None,
    limit: Limit = 100,
    after: After = None,
) -> Response:
    """Verdicts of the last evaluation, most money at stake first."""
    key = key_of(after, float, str, str)
    day = await dispositions.last_evaluated_on(session)
    rows = []
    if day is not None:
        rows = await dispositions.dispositions_page(
            session,
            evaluated_on=day,
            decision=decision,
            location_id=location_id,
            limit=limit,
            after=(key[0], key[1], key[2]) if key else None,
        )
    following = f'"{cursor(tuple(rows[-1][1:]))}"' if len(rows) == limit else "null"
    # Each answer is stored as JSON already: joined, not parsed and written again.
    body = f'{{"items":[{",".join(row[0] for row in rows)}],"next":{following}}}'
    return Response(body.encode(), media_type="application/json")
