"""Answers that a client may hold on to, and ask whether they still stand."""

import hashlib
from typing import Annotated, Any

from fastapi import Header, Response, status

IfNoneMatch = Annotated[
    str | None,
    Header(
        max_length=8000,
        description="An ETag seen before; 304 while the answer is still the same",
        openapi_examples={"none seen yet": {"value": '"none"'}},
    ),
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not changed since the ETag given"}
}
ETAG_HEADER = {"ETag": {"description": "Names this answer", "schema": {"type": "string"}}}


def answer_if_changed(body: bytes, if_none_match: str | None) -> Response:
    """The JSON with its ETag, or 304 when the client has it already (RFC 9110, 13.1.2)."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=60"}
    if if_none_match is not None:
        seen = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
        if etag in seen or "*" in seen:
            return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
