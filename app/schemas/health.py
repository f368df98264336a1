"""Health answers."""

from typing import Literal

from pydantic import Field

from app.schemas.common import Body


class LivenessBody(Body):
    status: Literal["ok"]


class ChecksBody(Body):
    database: bool
    migrations: bool = Field(description="At the newest revision")
    worker: bool = Field(description="Some worker gave a sign of life within 15 s")
    evaluated: bool = Field(description="At least one evaluation is stored; not needed to be ready")


class ReadinessBody(Body):
    ready: bool
    checks: ChecksBody
