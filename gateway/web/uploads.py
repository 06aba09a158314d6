"""Uploads that go on after a broken line: tus 1.0 (https://tus.io), core and creation.

Left out of tus: OPTIONS, since there is nothing to discover, and lengths that are not known.
"""

import base64
import binascii
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel, Field

from gateway.intake.uploads import PIECE_BYTES, NoSuchUpload, OffsetConflict, Upload, Uploads
from gateway.web.accepting import unavailable
from gateway.web.body import Pace, malformed, too_large
from gateway.web.parts import PARTS
from gateway.web.problems import Problem

VERSION: Final = "1.0.0"
_HEADERS: Final = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
_PIECES: Final = "application/offset+octet-stream"
_DIGITS: Final = 15


def _header(name: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": schema}


_BYTES: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
_RESUMABLE: Final = _header("Tus-Resumable", type="string", enum=[VERSION])
_METADATA: Final = _header("Upload-Metadata", type="string", pattern="^filename [A-Za-z0-9+/]{4,}$")
TUS_PARAMETERS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "begin": (_RESUMABLE, _header("Upload-Length", required=True, **_BYTES), _METADATA),
    "show": (_RESUMABLE,),
    "append": (_RESUMABLE, _header("Upload-Offset", required=True, **_BYTES)),
}
"""The headers of tus that each request has, for the description of the interface."""


class BegunUpload(BaseModel):
    """An upload that has been begun."""

    upload: str = Field(description="its token: keep it, and name it in `uploads` when filing")


async def begin_upload(request: web.Request) -> web.Response:
    """Begin an upload; its token is the last part of `Location`."""
    parts = request.app[PARTS]
    _check_version(request)
    length = _number(request, "Upload-Length")
    if length > parts.settings.max_file:
        raise too_large("Upload-Length", parts.settings.max_file)
    await parts.limits.check_upload(parts.limits.address_of(request))
    try:
        token = await parts.uploads.begin(_name(request), length)
    except OSError:
        raise unavailable() from None
    headers = {**_HEADERS, "Location": f"/api/v1/uploads/{token}"}
    body = orjson.dumps({"upload": token})
    return web.Response(status=201, body=body, content_type="application/json", headers=headers)


async def show_upload(request: web.Request) -> web.Response:
    """Tell how far an upload has come."""
    _check_version(request)
    return _progress(await _find(request), 200)


async def append_to_upload(request: web.Request) -> web.Response:
    """Take the next stretch; what has come when the line breaks is kept."""
    _check_version(request)
    if request.content_type != _PIECES:
        raise Problem(
            "unsupported-media-type",
            f"Content-Type: send {_PIECES}",
            f"Content-Type:请使用 {_PIECES}",
        )
    upload = await _find(request)
    if _number(request, "Upload-Offset") != upload.offset:
        raise _conflict(upload.offset)
    if (request.content_length or 0) > upload.length - upload.offset:
        raise too_large("body", upload.length - upload.offset)
    try:
        return _progress(await _append(request, upload), 204)
    except OffsetConflict as conflict:
        raise _conflict(conflict.offset) from None
    except NoSuchUpload:
        raise _no_such_upload() from None
    except OSError:
        raise unavailable() from None


async def _append(request: web.Request, upload: Upload) -> Upload:
    parts = request.app[PARTS]
    pace, waiting = Pace(parts), bytearray()
    try:
        while chunk := await pace.chunk(request.content.readany()):
            waiting += chunk
            if len(waiting) > upload.length - upload.offset:
                raise too_large("body", upload.length - upload.offset)
            while len(waiting) >= PIECE_BYTES:
                upload = await parts.uploads.append(upload, bytes(waiting[:PIECE_BYTES]))
                del waiting[:PIECE_BYTES]
    except BaseException as error:
        # The line broke, the sender fell silent or the service ends: what has come stays.
        if not (isinstance(error, Problem) and error.kind == "too-large"):
            await _keep_rest(parts.uploads, upload, waiting)
        raise
    return await _keep_rest(parts.uploads, upload, waiting)


async def _keep_rest(uploads: Uploads, upload: Upload, waiting: bytearray) -> Upload:
    return await uploads.append(upload, bytes(waiting)) if waiting else upload


async def _find(request: web.Request) -> Upload:
    try:
        return await request.app[PARTS].uploads.find(request.match_info["token"])
    except NoSuchUpload:
        raise _no_such_upload() from None


def _check_version(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable", VERSION) != VERSION:
        raise Problem(
            "unknown-tus-version",
            f"Tus-Resumable: send {VERSION}",
            f"Tus-Resumable:请使用 {VERSION}",
            headers={"Tus-Version": VERSION},
        )


def _number(request: web.Request, name: str) -> int:
    given = request.headers.get(name, "")
    if not (given.isascii() and given.isdecimal() and len(given) <= _DIGITS):
        raise malformed(f"{name}: send a number of bytes", f"{name}:请提供字节数")
    return int(given)


def _name(request: web.Request) -> str:
    """Return the file's name as tus gives it: `filename` and its UTF-8 in base64."""
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                raise malformed(
                    "Upload-Metadata: send filename and its UTF-8 in base64",
                    "Upload-Metadata:filename 之后请提供文件名的 UTF-8 Base64",
                ) from None
    return "file"


def _progress(upload: Upload, status: int) -> web.Response:
    headers = {
        **_HEADERS, "Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length),
    }  # fmt: skip
    return web.Response(status=status, content_type="application/json", headers=headers)


def _no_such_upload() -> Problem:
    return Problem(
        "no-such-upload",
        "begin it anew: an upload is kept for 24 hours",
        "请重新上传:上传内容保留 24 小时",
    )


def _conflict(offset: int) -> Problem:
    return Problem(
        "upload-offset",
        f"go on at {offset}: send what begins there, with that Upload-Offset",
        f"请从第 {offset} 字节继续上传",
        headers={"Upload-Offset": str(offset)},
    )
