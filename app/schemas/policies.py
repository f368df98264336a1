"""Policy values."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.common import Body, Number, Text

PolicyName = Annotated[Text, Field(max_length=100)]


class PolicyValueBody(Body):
    name: str
    value: float | list[float]
    default: float | list[float]
    low: float
    high: float
    unit: str
    ja: str
    en: str
    comes_from: str = Field(description="'default', or the version that set it and its scope")
    source: str = Field(description="Where the default comes from")
    by_item: bool = Field(description="Whether a category or a season may have its own")


class PolicyBody(Body):
    scope: str
    version: int = Field(description="0: nobody has changed a default yet")
    values: list[PolicyValueBody]
    scopes: list[str] = Field(
        description="Categories and seasons that have values of their own",
        examples=[["category:Ladies/Coats", "season:2026SS"]],
    )


class PolicyRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "overrides": {"cpm_amount": 560, "holding_rate": 0.3},
                    "note": "rent went up",
                }
            ]
        },
    )

    overrides: dict[PolicyName, Number | Annotated[list[Number], Field(max_length=20)]] = Field(
        max_length=100, description="All values that differ from the default"
    )
    note: Text | None = Field(default=None, max_length=500)
    expected_version: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=2**31 - 1,
        description="Refuse if another version is in force (412)",
    )
