"""Policies: the assumptions behind the answers, and their history."""

from dataclasses import fields
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import AfterValidator
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import Caller, Scope
from app.database import Session
from app.domain.policy import DEFAULT, Policy
from app.domain.policy_scopes import TENANT, kept_as
from app.domain.policy_value import PolicyError
from app.routers.access import requires
from app.schemas.common import Id
from app.schemas.policies import PolicyBody, PolicyRequest
from app.schemas.problem import raises
from app.services import policies

router = APIRouter(prefix="/policies", tags=["policies"])


ScopeName = Annotated[
    Id,
    AfterValidator(kept_as),
    Path(
        description="`tenant` 全社, `category:` and a path カテゴリ, `season:` and a code シーズン",
        openapi_examples={
            "all": {"value": "tenant"},
            "a category and all below it": {"value": "category:Ladies/Coats"},
            "a season": {"value": "season:2026SS"},
        },
    ),
]


async def _body(session: AsyncSession, scope: str) -> dict[str, Any]:
    found = await policies.values_in(session, scope)
    values = [
        {
            "name": field.name,
            "value": found.values[field.name][0],
            "default": getattr(DEFAULT, field.name),
            "comes_from": found.values[field.name][1],
            **field.metadata,
        }
        for field in fields(Policy)
        if field.name in found.values
    ]
    return {"scope": scope, "version": found.version, "values": values, "scopes": found.scopes}


@router.get(
    "",
    response_model=PolicyBody,
    dependencies=[requires(Scope.POLICY_READ)],
)
async def list_policies(session: Session) -> dict[str, Any]:
    """Every policy value in force for all, its default, its range, and where it comes from."""
    return await _body(session, TENANT)


@router.get(
    "/{scope:path}",
    response_model=PolicyBody,
    openapi_extra=raises(policies.UnknownScope),
    dependencies=[requires(Scope.POLICY_READ)],
)
async def get_policy(scope: ScopeName, session: Session) -> dict[str, Any]:
    """The values that hold in a category or a season, and where each of them comes from.

    Only those that an item's category or season may have of its own; for all others `tenant`
    holds. Of an item's scopes the season comes first, then its category, then what lies above that.
    """
    return await _body(session, scope)


@router.put(
    "/{scope:path}",
    response_model=PolicyBody,
    openapi_extra=raises(policies.UnknownScope, PolicyError, policies.StalePolicy),
)
async def put_policy(
    scope: ScopeName,
    request: PolicyRequest,
    session: Session,
    caller: Annotated[Caller, requires(Scope.POLICY_WRITE)],
) -> dict[str, Any]:
    """Put a new version in force; a value left out goes back to where it came from.

    That is the default, for a category or season what lies around it. Order lists and measurements
    follow at once, verdicts and the list of sell-outs at the next evaluation.
    """
    await policies.change_policy(
        session,
        scope=scope,
        overrides=dict(request.overrides),
        note=request.note,
        changed_by=caller.name,
        expected_version=request.expected_version,
    )
    return await _body(session, scope)
