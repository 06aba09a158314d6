"""A ticket's files for agents: as a stream, from any byte on, shown only where that is safe.

Whatever a citizen has sent could be made to harm whoever opens it. A browser shows only pictures,
sound and video, under a policy that lets nothing in them run; all else it saves to disk.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import structlog
from aiohttp import web
from sqlalchemy import BindParameter, bindparam, select

from gateway.intake.attachments import AttachmentDamaged, AttachmentMissing
from gateway.tickets import schema
from gateway.web.agents import ticket_number
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem

log = structlog.get_logger(__name__)
SHOWN: Final = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp",
    "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/ogg": "ogg", "audio/aac": "aac",
    "audio/x-wav": "wav", "audio/x-flac": "flac",
    "video/mp4": "mp4", "video/x-m4v": "m4v", "video/webm": "webm", "video/quicktime": "mov",
}  # fmt: skip
"""Types that browsers show without running anything, with the end of a file's name."""
_SAVED: Final = {"text/plain": "txt", "application/pdf": "pdf", "image/heic": "heic"}
_HEADERS: Final = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_files, _media = schema.attachments.c, schema.media.c
_OF: Final[BindParameter[str]] = bindparam("of")
_FILES: Final = (
    select(_files.address, _files.media_type).where(_files.ticket_id == _OF).order_by(_files.number)
)
_MEDIA: Final = (
    select(_media.address, _media.media_type, _media.derived)
    .where(_media.ticket_id == _OF)
    .order_by(_media.number)
)


class TicketFile(NamedTuple):
    """One file of a ticket: where it lies, and what it is."""

    address: str
    media_type: str


class Span(NamedTuple):
    """The bytes that are asked for, [start, end) of `size`."""

    start: int
    end: int
    size: int
    is_part: bool


async def show_file(request: web.Request) -> web.StreamResponse:
    """Send a file of the ticket, or the part of it that is asked for."""
    parts, ticket_id = request.app[PARTS], ticket_number(request)
    number, file = await _find(parts, ticket_id, request.match_info["address"])
    size = await parts.attachments.size(file.address)
    if size is None:
        raise _gone()
    span = _span(request, size)
    await parts.looking.tell(ticket_id, request[ACCOUNT])
    async with aclosing(parts.attachments.read(file.address, span.start)) as chunks:
        try:
            first = await anext(chunks, b"")
        except (AttachmentMissing, AttachmentDamaged):
            raise _gone() from None
        response = _response(f"{ticket_id}-{number}", file.media_type, span)
        await response.prepare(request)
        await _send(request, response, first, chunks, span.end - span.start)
    return response


async def files_of(parts: WebParts, ticket_id: str) -> list[TicketFile]:
    """Return the ticket's files, those made from them for people to look at included."""
    async with parts.database.read() as connection:
        files = (await connection.execute(_FILES, {"of": ticket_id})).all()
        media = (await connection.execute(_MEDIA, {"of": ticket_id})).all()
    found = [TicketFile(row.address, row.media_type) for row in files]
    for row in media:
        if row.address is not None:
            found.append(TicketFile(row.address, row.media_type or ""))
        found += [TicketFile(item["address"], item["media_type"]) for item in row.derived or ()]
    return list(dict.fromkeys(found))


async def _find(parts: WebParts, ticket_id: str, address: str) -> tuple[int, TicketFile]:
    files = await files_of(parts, ticket_id)
    for number, file in enumerate(files, 1):
        if file.address == address:
            return number, file
    raise _gone()


def _span(request: web.Request, size: int) -> Span:
    """Return what is asked for; a range that is none asks for all (RFC 9110, 14.2)."""
    whole = Span(0, size, size, is_part=False)
    try:
        asked = request.http_range
    except ValueError:
        return whole
    if (asked.start, asked.stop) == (None, None) or "If-Range" in request.headers:
        return whole
    start = asked.start or 0
    start = max(size + start, 0) if start < 0 else start
    end = min(asked.stop or size, size)
    if start >= end:
        raise Problem(
            "no-such-range", f"ask for bytes 0 to {size - 1}", f"请请求第 0 至 {size - 1} 字节",
            headers={"Content-Range": f"bytes */{size}"},
        )  # fmt: skip
    return Span(start, end, size, is_part=True)


def _response(name: str, media_type: str, span: Span) -> web.StreamResponse:
    shown = SHOWN.get(media_type)
    ending = shown or _SAVED.get(media_type, "bin")
    headers: dict[str, Any] = {
        **_HEADERS,
        # The citizen's own name for it is people's data, and could end in anything.
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{name}.{ending}"',
        "Content-Type": media_type if shown else "application/octet-stream",
        "Content-Length": str(span.end - span.start),
    }
    if span.is_part:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{span.size}"
    return web.StreamResponse(status=206 if span.is_part else 200, headers=headers)


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    first: bytes,
    chunks: AsyncIterator[bytes],
    left: int,
) -> None:
    """Send so many bytes; a file that turns out damaged is cut off: nobody takes it for whole."""
    chunk = first
    while chunk and left > 0:
        await response.write(chunk[:left])
        left -= len(chunk)
        if left <= 0:
            break
        try:
            chunk = await anext(chunks, b"")
        except (AttachmentMissing, AttachmentDamaged) as error:
            log.error("a file cannot be read to its end", error=type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
            return
    await response.write_eof()


def _gone() -> Problem:
    return Problem("not-found", "the ticket has no such file", "该工单没有这个文件")
