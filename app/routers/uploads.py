"""Receiving a file: streamed to disk, stopped at the limit, multipart or as the body itself."""

import re
from pathlib import Path
from uuid import uuid4

from anyio import open_file
from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

CHUNK = 1 << 20


class UploadTooLarge(Exception):
    """The upload is larger than this service accepts."""


class WrongUpload(Exception):
    """The request carries no file."""


class _Limited:
    """A request's body that ends with an error at the limit, whatever its header promised."""

    def __init__(self, request: Request, limit: int) -> None:
        self._receive = request.receive
        self._limit = limit
        self._seen = 0

    async def receive(self) -> dict[str, object]:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise UploadTooLarge(_too_large(self._limit))
        return dict(message)


def _too_large(limit: int) -> str:
    return (
        f"the upload is larger than {limit // 2**20} MB; split it, gzip it, or raise"
        " ZAIKO_UPLOAD_LIMIT_MB"
    )


async def receive_file(request: Request, folder: Path, limit: int) -> tuple[Path, str]:
    """Store the request's file in the folder; return where, and the name it came with.

    Raises:
        UploadTooLarge: at the first byte over the limit, or at once when the header says so.
        WrongUpload: when a form has no field ``file``.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise UploadTooLarge(_too_large(limit))
    limited = Request(request.scope, _Limited(request, limit).receive)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / uuid4().hex
    try:
        name = await _store(limited, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, re.sub(r"[^\w.\- ]", "_", name)[:100]


async def _store(request: Request, path: Path) -> str:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with await open_file(path, "wb") as target:
            async for chunk in request.stream():
                await target.write(chunk)
        return request.query_params.get("file_name", "upload")
    try:
        form = await request.form(max_files=1, max_fields=10)
    except MultiPartException as error:
        raise WrongUpload(f"the form cannot be read: {error.message}") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise WrongUpload("the form has no field 'file'")
        async with await open_file(path, "wb") as target:
            while chunk := await file.read(CHUNK):
                await target.write(chunk)
        return file.filename or "upload"
    finally:
        await form.close()
