"""`GET /api/v1/live`: changes of tickets as server-sent events."""

import secrets
from contextlib import suppress
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels.body import faults_of
from gateway.web.live import BEAT, Listener
from gateway.web.parts import PARTS, SESSION
from gateway.web.problems import Problem, field_problem

MEDIA_TYPE: Final = "text/event-stream"
_MOST_STREAMS: Final = 1_000
_BEATS_A_LOOK: Final = 4
"""After so many beats, a minute, it is looked whether the session goes on."""
_HEADERS: Final = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",
}


class LiveQuery(BaseModel):
    """Where to go on."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(
        None, ge=0, le=2**62, description="the id of the last event; Last-Event-ID goes before it"
    )


async def stream_changes(request: web.Request) -> web.StreamResponse:
    """Tell of each change until the client leaves, is too slow, or is signed out.

    Who does not accept an event stream is told what has changed so far, and no more.
    """
    after = _after(request)
    live = request.app[PARTS].live
    if MEDIA_TYPE not in request.headers.get("Accept", ""):
        place = await live.place() if after is None else after
        return web.Response(body=await live.since(place), headers=_HEADERS)
    if len(live) >= _MOST_STREAMS:
        raise Problem(
            "unavailable", "too many watch already: ask again later", "连接过多,请稍后再试",
            headers={"Retry-After": "30"},
        )  # fmt: skip
    listener = await live.join(lambda: _cut(request))
    try:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        # Not all at once, where all have lost their connection at once.
        await response.write(f"retry: {2000 + secrets.randbelow(3000)}\n\n".encode())
        with suppress(ConnectionError):
            if after is not None:
                await response.write(await live.since(after))
            await _relay(request, response, listener)
    finally:
        live.leave(listener)
    return response


async def _relay(request: web.Request, response: web.StreamResponse, listener: Listener) -> None:
    beats = 0
    while (frame := await listener.frames.get()) is not None:
        await response.write(frame)
        beats += frame is BEAT
        if beats == _BEATS_A_LOOK:
            beats = 0
            token = request.get(SESSION)
            if token is not None and not await request.app[PARTS].sign_in.sessions.lives(token):
                return


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _after(request: web.Request) -> int | None:
    given = dict(request.query)
    if last := request.headers.get("Last-Event-ID"):
        given["after"] = last
    try:
        return LiveQuery.model_validate(given).after
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None


async def close_streams(application: web.Application) -> None:
    """End all streams when the service does; pages connect again."""
    application[PARTS].live.close()
