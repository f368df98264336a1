"""Mapping profiles, and the dry run of an import."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.common import Body, Text

KindName = Literal[
    "products",
    "locations",
    "customers",
    "sales",
    "stock",
    "receipts",
    "prices",
    "suppliers",
    "sourcing",
    "campaigns",
]
MappingName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
DEFINITION: Any = {
    "columns": {
        "品番": "style_id",
        "色": "color",
        "サイズ": "size",
        "上代": "list_price",
        "備考": None,
    },
    "made": {"sku_id": {"columns": ["品番", "色", "サイズ"], "separator": "-"}},
    "units": {"list_price": {"tax_included": 0.10}},
    "values": {"item_class": {"通年": "staple"}},
    "leave_out": {"品番": ["送料"]},
}


class MappingBody(Body):
    name: str
    kind: str
    version: int = Field(description="0: built in")
    is_builtin: bool
    definition: dict[str, Any]
    note: str | None
    source: str | None = Field(description="Of a built-in one: who confirms the file's columns")
    created_by: str | None
    created_at: datetime | None


class MappingRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "products", "definition": DEFINITION, "note": "POS, 2026"}]
        },
    )

    kind: KindName = Field(description="Of the files it reads")
    definition: dict[str, Any] = Field(
        description=(
            "`columns`: theirs to ours, null = known and left out; `defaults`: ours to a text,"
            " `today` for a day; `units`: ours to `{multiply: 1000}` or `{tax_included: 0.10}`;"
            " `values`: ours to their words and what we say; `made`: ours of"
            " `{columns, separator, optional}` or `{first_of}`; `leave_out`: theirs to the words of"
            ' rows that do not count, `[""]` empty, `["*"]` filled with anything;'
            " `leave_out_within`: theirs in it to the column whose value other rows share with"
            " such a row, and go with it; `required_theirs`: theirs to `{reason_ja, reason_en,"
            " within}`; rules `cancellation_prefix`, `price_above_zero`, `drop_exact_repeats`,"
            " `daily_totals`, `negative_stock: keep`, `unsigned_counts`"
        )
    )
    note: Text | None = Field(default=None, max_length=500)


class OriginBody(Body):
    name: str = Field(description="Our column")
    type: str
    is_required: bool
    comes_from: Literal["column", "made", "default", "nothing"]
    file_columns: list[str] = Field(description="Theirs that feed it")
    default: str | None


class ReasonBody(Body):
    column_name: str
    code: str
    value: str | None
    reason_ja: str
    reason_en: str


class PreviewRowBody(Body):
    row_no: int = Field(description="Data row in the file, from 1")
    values: dict[str, Any] | None = Field(description="As it would be read; null: rejected")
    rejects: list[ReasonBody]


class PreviewBody(Body):
    encoding: str
    separator: str | None
    file_columns: list[str]
    mapping: str | None = Field(description="The profile it was read under")
    columns: list[OriginBody]
    rows: list[PreviewRowBody]
    warnings: list[str]
    looked_at: str = Field(description="How much of the file this rests on")
