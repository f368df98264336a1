"""Campaigns: what was promoted, and whether it paid."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response, status

from app.auth import Scope
from app.database import Session
from app.models import Campaign
from app.queries import campaigns as queries
from app.routers.access import requires
from app.routers.paging import After, Limit, key_of, page_of
from app.schemas.campaigns import CampaignBody, CampaignEffectBody, CampaignRequest, EffectBody
from app.schemas.common import Page
from app.schemas.jobs import AcceptedBody
from app.schemas.problem import raises
from app.services import campaigns, jobs

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

CampaignId = Annotated[
    int,
    Path(ge=1, le=2**62, description="施策番号", openapi_examples={"sample": {"value": 1}}),
]


def _body(found: Campaign, sku_ids: list[str]) -> dict[str, Any]:
    fields = {n: getattr(found, n) for n in CampaignBody.model_fields if n != "sku_ids"}
    return {**fields, "sku_ids": sku_ids}


async def _known(session: Session, campaign_id: int) -> Campaign:
    found = await queries.campaign(session, campaign_id)
    if found is None:
        raise campaigns.UnknownCampaign(f"campaign {campaign_id} does not exist")
    return found


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=CampaignBody,
    openapi_extra=raises(campaigns.UnknownSkus),
    dependencies=[requires(Scope.CAMPAIGNS_WRITE)],
)
async def create_campaign(
    request: CampaignRequest, response: Response, session: Session
) -> dict[str, Any]:
    """Record a campaign 販促施策: its days, its depth, its SKUs, its cost."""
    found = await campaigns.create_campaign(session, **request.model_dump())
    response.headers["Location"] = f"/campaigns/{found.campaign_id}"
    return _body(found, sorted(set(request.sku_ids)))


@router.get(
    "",
    response_model=Page[CampaignBody],
    dependencies=[requires(Scope.CAMPAIGNS_READ)],
)
async def list_campaigns(
    session: Session, limit: Limit = 100, after: After = None
) -> dict[str, Any]:
    """Campaigns, the newest first."""
    key = key_of(after, "campaigns", int)
    rows = await queries.campaigns_page(session, limit=limit + 1, after=key[0] if key else None)
    page, following = page_of(rows, limit, lambda row: ("campaigns", row.campaign_id))
    skus = await queries.campaign_skus(session, [row.campaign_id for row in page])
    return {"items": [_body(row, skus[row.campaign_id]) for row in page], "next": following}


@router.get(
    "/{campaign_id}",
    response_model=CampaignBody,
    openapi_extra=raises(campaigns.UnknownCampaign),
    dependencies=[requires(Scope.CAMPAIGNS_READ)],
)
async def get_campaign(campaign_id: CampaignId, session: Session) -> dict[str, Any]:
    """One campaign with its days, its depth and its SKUs."""
    found = await _known(session, campaign_id)
    return _body(found, (await queries.campaign_skus(session, [campaign_id]))[campaign_id])


@router.post(
    "/{campaign_id}/measure",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=AcceptedBody,
    openapi_extra=raises(campaigns.UnknownCampaign),
    dependencies=[requires(Scope.CAMPAIGNS_WRITE)],
)
async def measure_campaign(
    campaign_id: CampaignId, response: Response, session: Session
) -> dict[str, Any]:
    """Measure a campaign's effect anew, as a job."""
    await _known(session, campaign_id)
    job = await jobs.submit(session, "measure", {"campaign_id": campaign_id})
    response.headers["Location"] = f"/jobs/{job.job_id}"
    return {"job_id": job.job_id, "import_id": None}


@router.get(
    "/{campaign_id}/effect",
    response_model=CampaignEffectBody,
    openapi_extra=raises(campaigns.UnknownCampaign, campaigns.CampaignUnmeasured),
    dependencies=[requires(Scope.CAMPAIGNS_READ)],
)
async def get_campaign_effect(campaign_id: CampaignId, session: Session) -> dict[str, Any]:
    """What the campaign brought, with interval and verdict 有効/不要な値引き/判定不能."""
    await _known(session, campaign_id)
    found = await queries.campaign_effect(session, campaign_id)
    if found is None:
        raise campaigns.CampaignUnmeasured(f"POST /campaigns/{campaign_id}/measure first")
    return {
        "campaign_id": campaign_id,
        "measured_at": found.measured_at,
        # What could not be measured was not stored.
        "effect": {**dict.fromkeys(EffectBody.model_fields), "doubts": [], **found.effect},
    }
