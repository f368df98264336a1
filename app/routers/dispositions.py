"""All verdicts: the merchandiser's work list."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.auth import Scope
from app.database import Session
from app.queries import dispositions
from app.routers.access import requires
from app.routers.conditional import ETAG_HEADER, NOT_MODIFIED, IfNoneMatch, answer_if_changed
from app.routers.paging import After, Limit, key_of, page_of
from app.routers.parameters import LocationId
from app.schemas.common import Page
from app.schemas.sku import DecisionName, DispositionBody

router = APIRouter(tags=["dispositions"])


@router.get(
    "/dispositions",
    response_model=Page[DispositionBody],
    responses={200: {"headers": ETAG_HEADER}, **NOT_MODIFIED},
    dependencies=[requires(Scope.DISPOSITION_READ)],
)
async def list_dispositions(
    session: Session,
    decision: Annotated[
        DecisionName | None, Query(description="Only these verdicts", examples=["sell"])
    ] = None,
    location_id: LocationId = None,
    limit: Limit = 100,
    after: After = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Verdicts of the last evaluation, most money at stake first."""
    key = key_of(after, "dispositions", float, str, str)
    day = await dispositions.last_evaluated_on(session)
    rows = []
    if day is not None:
        rows = await dispositions.dispositions_page(
            session,
            evaluated_on=day,
            decision=decision,
            location_id=location_id,
            limit=limit + 1,
            after=(key[0], key[1], key[2]) if key else None,
        )
    page, following = page_of(rows, limit, lambda row: ("dispositions", *row[1:]))
    # Each answer is stored as JSON already: joined, not parsed and written again.
    items = ",".join(row[0] for row in page)
    body = f'{{"items":[{items}],"next":{json.dumps(following)}}}'
    return answer_if_changed(body.encode(), if_none_match)
