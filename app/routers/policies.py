"""Policies: the assumptions behind the answers, and their history."""

from dataclasses import fields
from typing import Annotated, Any

from fastapi import APIRouter, Path

from app.auth import Caller, Scope
from app.database import Session
from app.domain.policy import DEFAULT, Policy, PolicyError
from app.routers.access import requires
from app.schemas.common import Id
from app.schemas.policies import PolicyBody, PolicyRequest
from app.schemas.problem import raises
from app.services import policies
from app.services.policies import PolicyInForce

router = APIRouter(prefix="/policies", tags=["policies"])


def _body(in_force: PolicyInForce) -> dict[str, Any]:
    values = []
    for field in fields(Policy):
        is_set = field.name in in_force.overrides
        values.append(
            {
                "name": field.name,
                "value": getattr(in_force.policy, field.name),
                "default": getattr(DEFAULT, field.name),
                "comes_from": f"version {in_force.version}" if is_set else "default",
                **field.metadata,
            }
        )
    return {"scope": policies.TENANT, "version": in_force.version, "values": values}


@router.get(
    "",
    response_model=PolicyBody,
    dependencies=[requires(Scope.POLICY_READ)],
)
async def list_policies(session: Session) -> dict[str, Any]:
    """Every policy value in force, its default, its range, and where it comes from."""
    return _body(await policies.policy_in_force(session))


@router.put(
    "/{scope}",
    response_model=PolicyBody,
    openapi_extra=raises(policies.UnknownScope, PolicyError, policies.StalePolicy),
)
async def put_policy(
    scope: Annotated[
        Id, Path(description="`tenant` 全社", openapi_examples={"sample": {"value": "tenant"}})
    ],
    request: PolicyRequest,
    session: Session,
    caller: Annotated[Caller, requires(Scope.POLICY_WRITE)],
) -> dict[str, Any]:
    """Put a new version in force; a value left out goes back to its default.

    Order lists and measurements follow at once, verdicts at the next evaluation.
    """
    in_force = await policies.change_policy(
        session,
        scope=scope,
        overrides=dict(request.overrides),
        note=request.note,
        changed_by=caller.name,
        expected_version=request.expected_version,
    )
    return _body(in_force)
