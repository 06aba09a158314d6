"""The web chat: lines in, what the hotline says out, by WebSocket or by plain HTTP."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels.body import faults_of
from channels.chat.adapter import CHANNEL, TOKEN, chat_message
from channels.errors import MalformedAppeal
from channels.phrases import GREETING, is_greeting
from gateway.conversation.transcript import Place, Utterance
from gateway.tickets.numbers import show_ticket_id
from gateway.web.accepting import accept, idempotency_key
from gateway.web.filing import Filed, read_appeal
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem, field_problem

LOOK_EVERY: Final = 1.0
LONGEST_WAIT: Final = 25


class Chat(BaseModel):
    """A new chat; nothing of it is stored before its first line."""

    chat: str = Field(description="opens this chat: keep it, send it as bearer token")


class LineReceipt(BaseModel):
    """A line that is stored for good, and the appeal that it is part of; a greeting is of none."""

    ticket_id: str | None
    number: str | None = Field(description="the same in groups, to read out")
    query_code: str | None
    greeting: str | None = Field(None, description="to show where the line was only a greeting")


class Spoken(BaseModel):
    """One thing that was said in a chat."""

    by: Literal["citizen", "hotline"]
    at: datetime
    text: str
    number: str = Field(description="of the appeal that it is part of")


class ChatTranscript(BaseModel):
    """What was said since; ask again with `after` for what comes then."""

    lines: list[Spoken]
    after: str


class TranscriptQuery(BaseModel):
    """What to show of a chat."""

    model_config = ConfigDict(extra="forbid")

    after: str = Field("", max_length=64, description="`after` of the last answer")
    wait: int = Field(
        0, ge=0, le=LONGEST_WAIT, description="seconds to wait if there is nothing new"
    )


async def open_chat(request: web.Request) -> web.Response:
    """Give a chat its token."""
    return _json({"chat": secrets.token_urlsafe(32)}, 201)


async def say(request: web.Request) -> web.Response:
    """Accept a line with its files; what is answered with 201 is stored for good."""
    parts, token = request.app[PARTS], _token(request)
    key = idempotency_key(request)
    filed = await read_appeal(request)
    address = parts.limits.address_of(request)
    return _json(await accept_line(parts, filed, token, key, address), 201)


async def show_transcript(request: web.Request) -> web.Response:
    """Show what was said since, at once or when there is something."""
    parts, token = request.app[PARTS], _token(request)
    try:
        query = TranscriptQuery.model_validate(dict(request.query))
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
    place = Place.read(query.after)
    until = parts.clock.monotonic() + query.wait
    while True:
        lines, after = await parts.transcripts.read(CHANNEL, token, place)
        if lines or parts.clock.monotonic() >= until:
            return _json(transcript(lines, after), 200)
        await parts.clock.sleep(LOOK_EVERY)


async def accept_line(
    parts: WebParts, filed: Filed, token: str, key: str | None, address: str
) -> dict[str, Any]:
    """Store a line for good and return its receipt; raise a `Problem` where nothing was stored.

    A greeting is answered, and opens nothing.
    """
    text = filed.body.text or ""
    if not filed.attachments and is_greeting(text):
        nothing = dict.fromkeys(("ticket_id", "number", "query_code"))
        return {**nothing, "greeting": GREETING}
    for sender in (address, f"chat {token}"):
        await parts.limits.check(sender, text)
    try:
        message = chat_message(
            filed.body,
            token,
            key=key,
            raw=filed.raw,
            attachments=filed.attachments,
            max_text=parts.settings.max_text,
        )
    except MalformedAppeal as error:
        raise field_problem(error.faults) from None
    receipt = await accept(parts, message)
    return {
        "ticket_id": receipt.ticket_id,
        "number": receipt.number,
        "query_code": receipt.query_code,
        "greeting": None,
    }


def transcript(lines: Sequence[Utterance], after: Place) -> dict[str, Any]:
    """Return the document of what was said."""
    return {
        "lines": [
            {
                "by": item.by,
                "at": item.at,
                "text": item.text,
                "number": show_ticket_id(item.ticket_id),
            }
            for item in lines
        ],
        "after": str(after),
    }


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not TOKEN.fullmatch(token.strip()):
        raise Problem(
            "not-signed-in",
            "send the chat's token that POST /api/v1/chats gave, as a bearer token",
            "请发送 POST /api/v1/chats 返回的会话令牌",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return token.strip()


def _json(document: dict[str, Any], status: int) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(document, option=orjson.OPT_UTC_Z),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
