"""Receiving a file: streamed to disk, stopped at the limit, in a form or as the body itself."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from anyio import open_file
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.database import is_out_of_room

NAME_LENGTH = 100
FORM = "multipart/form-data"
TEXTS = (b"profile",)  # fields that a form may bring beside its file
LONGEST_TEXT = 1 << 18  # bytes of each


class UploadTooLarge(Exception):
    """The upload is larger than this service accepts."""


class NoRoom(Exception):
    """There is no room left on the disk."""


class WrongUpload(Exception):
    """The request carries no file."""


class Received(NamedTuple):
    """Where a file is, what it is called, and the texts that its form brings beside it."""

    path: Path
    name: str
    texts: dict[str, str]


async def receive_file(request: Request, folder: Path, limit: int, *, name: str) -> Received:
    """Store the request's file in the folder.

    Args:
        request: a form with the file in its field ``file``, or with the file as its body.
        folder: where to store it.
        limit: bytes that the request may have.
        name: what the file is called where no form says it.

    Raises:
        UploadTooLarge: at the first byte over the limit, or at once when the header says so.
        WrongUpload: when there is no file, or nothing in it.
        NoRoom: when the disk is full; what had come of the file is removed.
    """
    form = _form_of(request)
    path = folder / uuid4().hex
    try:
        async with (
            await open_file(path, "wb") as target,
            aclosing(_limited(request, limit)) as chunks,
        ):
            async for chunk in chunks:
                await target.write(form.file_in(chunk) if form else chunk)
        if form:
            form.expect_whole()
        _expect_content(path)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if is_out_of_room(error):
            raise NoRoom("the disk is full; nothing of the upload was kept") from error
        raise
    name = form.file_name if form and form.file_name else name
    name = re.sub(r"[^\w.\- ()]", "_", name)[-NAME_LENGTH:]
    return Received(path, name, form.texts if form else {})


async def _limited(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body, which ends with an error at the limit, whatever its header promised."""
    declared = request.headers.get("content-length", "")
    seen = int(declared[:20]) if declared.isdecimal() else 0
    if seen <= limit:
        seen = 0
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                seen += len(chunk)
                if seen > limit:
                    break
                yield chunk
    if seen > limit:
        raise UploadTooLarge(
            f"the upload is larger than {limit // 2**20} MB; split it, gzip it, or raise"
            " ZAIKO_UPLOAD_LIMIT_MB"
        )


def _expect_content(path: Path) -> None:
    if path.stat().st_size == 0:
        raise WrongUpload("the file is empty")


def _form_of(request: Request) -> "_Form | None":
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith(FORM):
        return None
    boundary = parse_options_header(kind)[1].get(b"boundary")
    if not boundary:
        raise WrongUpload("the form cannot be read: its Content-Type names no boundary")
    return _Form(boundary)


class _Form:
    """The file in a form's field ``file``, taken out of the chunks in which the form comes.

    Attributes:
        file_name: what the form calls the file; None before it has begun.
    """

    def __init__(self, boundary: bytes) -> None:
        self.file_name: str | None = None
        self._is_whole = self._is_inside = False
        self._found = bytearray()
        self._texts: dict[bytes, bytearray] = {}
        self._text: bytearray | None = None  # the one that is being read
        self._header = self._value = self._disposition = b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_to_header,
                    "on_header_value": self._add_to_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._look_at_headers,
                    "on_part_data": self._take,
                    "on_part_end": self._end_part,
                },
            )
        except FormParserError as error:
            raise WrongUpload(f"the form cannot be read: {error}") from error

    def file_in(self, chunk: bytes) -> bytes:
        """What the next chunk of the form holds of the file."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise WrongUpload(f"the form cannot be read: {error}") from error
        found = bytes(self._found)
        self._found.clear()
        return found

    @property
    def texts(self) -> dict[str, str]:
        """The form's fields beside its file; of bytes that are no UTF-8 a mark stands there."""
        return {name.decode(): text.decode(errors="replace") for name, text in self._texts.items()}

    def expect_whole(self) -> None:
        if self.file_name is None:
            raise WrongUpload("the form has no file in its field 'file'")
        if not self._is_whole:
            raise WrongUpload("the form ends before its file does")

    def _begin_part(self) -> None:
        self._disposition = b""

    def _add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _look_at_headers(self) -> None:
        options = parse_options_header(self._disposition)[1]
        self._is_inside = options.get(b"name") == b"file" and b"filename" in options
        if self._is_inside:
            if self.file_name is not None:
                raise WrongUpload("the form has more than one file; send each by itself")
            self.file_name = _decoded(options[b"filename"])
        named = options.get(b"name", b"")
        is_text = named in TEXTS and not self._is_inside
        self._text = self._texts.setdefault(named, bytearray()) if is_text else None

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._is_inside:
            self._found += data[start:end]
        elif self._text is not None:
            self._text += data[start:end]
            if len(self._text) > LONGEST_TEXT:
                raise WrongUpload(f"a field of the form is larger than {LONGEST_TEXT // 2**10} kB")

    def _end_part(self) -> None:
        self._is_whole = self._is_whole or self._is_inside
        self._is_inside = False


def _decoded(name: bytes) -> str:
    """A file name, of which forms do not say how it is written: by Windows' tools in cp932."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp932", errors="replace")
