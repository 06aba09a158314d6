"""Reading bodies with bounds: bytes are counted as they come, and they must keep coming."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Final, TypeVar

import aiohttp
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from pydantic import BaseModel

from channels.body import read_strictly
from channels.errors import MalformedAppeal
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem, field_problem

_LEAST_BYTES_PER_SECOND: Final = 8 * 1024
T = TypeVar("T")
Body = TypeVar("Body", bound=BaseModel)


class Pace:
    """A body has `body_timeout` seconds, and one more for each 8 KiB that have come."""

    def __init__(self, parts: WebParts) -> None:
        self._clock = parts.clock
        self._started = parts.clock.monotonic()
        self._allowed = parts.settings.body_timeout
        self._bytes = 0

    async def chunk(self, reading: Awaitable[bytes]) -> bytes:
        """Return the chunk, and allow time for as much more; raise a `Problem` as `keep` does."""
        chunk = await self.keep(reading)
        self._bytes += len(chunk)
        return chunk

    async def keep(self, reading: Awaitable[T]) -> T:
        """Return what is read; raise a `Problem` where it does not come in time or at all."""
        elapsed = self._clock.monotonic() - self._started
        left = self._allowed + self._bytes / _LEAST_BYTES_PER_SECOND - elapsed
        try:
            return await asyncio.wait_for(reading, max(left, 0.001))
        except TimeoutError:
            raise Problem(
                "too-slow",
                "send the whole body at once; on a bad line try again with a smaller one",
                "请一次性发送全部内容;网络不佳时请减少内容后重试",
                headers={"Connection": "close"},
            ) from None
        except (aiohttp.ClientPayloadError, HttpProcessingError, RequestPayloadError, ValueError):
            raise malformed("send the body as its headers say", "请求内容与其头部不符") from None


async def read_body(request: web.Request) -> bytes:
    """Return a body without files; raise a `Problem` where it is too large or too slow."""
    parts = request.app[PARTS]
    limit = parts.settings.max_body
    if (request.content_length or 0) > limit:
        raise too_large("body", limit)
    pace = Pace(parts)
    content = request.content
    chunks: list[bytes] = []
    size = 0
    # What has come with the head, as a small body does, need not be waited for.
    while chunk := (
        content.read_nowait()
        if content.is_eof() and content.exception() is None
        else await pace.chunk(content.readany())
    ):
        size += len(chunk)
        if size > limit:
            raise too_large("body", limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: web.Request, model: type[Body], *, told: bool = False) -> Body:
    """Return a body of JSON; raise a `Problem` that names every bad field.

    Where it must be `told`, only a request whose `Content-Type` says that it is JSON is read.
    """
    raw = await read_body(request)
    if told and request.content_type != "application/json":
        raise Problem(
            "unsupported-media-type",
            "Content-Type: send application/json",
            "Content-Type:请使用 application/json",
        )
    return body_from(raw, model)


def body_from(raw: bytes, model: type[Body]) -> Body:
    """Return what JSON says; raise a `Problem` that names every bad field."""
    try:
        return read_strictly(model, raw)
    except MalformedAppeal as error:
        raise field_problem(error.faults) from None


async def read_part(part: BodyPartReader, pace: Pace, limit: int) -> bytes:
    """Return a part that is a field, not a file; raise a `Problem` where it is too large."""
    found = bytearray()
    async for chunk in part_chunks(part, pace):
        found += chunk
        if len(found) > limit:
            raise too_large(str(part.name), limit)
    return bytes(found)


async def part_chunks(part: BodyPartReader, pace: Pace) -> AsyncIterator[bytes]:
    """Yield the chunks of a part as they come."""
    while chunk := await pace.chunk(part.read_chunk(64 * 1024)):
        yield chunk


def malformed(remedy: str, remedy_zh: str) -> Problem:
    """Return the problem of a body that cannot be read."""
    return Problem("malformed-body", remedy, remedy_zh)


def too_large(what: str, limit: int) -> Problem:
    """Return the problem of something that is larger than it may be."""
    return Problem(
        "too-large",
        f"{what}: send at most {limit} bytes",
        f"{what}:最多可发送 {limit} 字节",
        headers={"Connection": "close"},
    )
