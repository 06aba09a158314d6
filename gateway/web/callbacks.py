"""What agents ask by telephone, where a channel cannot carry a question."""

from datetime import datetime
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import Field
from sqlalchemy import bindparam, select, update

from channels.body import SpokenText, StrictBody
from channels.message import Message
from gateway.conversation.events import QUESTIONS, Event
from gateway.conversation.outbox import CALLBACK, CALLED
from gateway.tickets import schema
from gateway.web.accepting import accept
from gateway.web.body import body_from, read_body
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem

_table = schema.replies.c
_OPEN: Final = (
    select(
        *(_table[name] for name in ("id", "ticket_id", "channel", "event", "not_before")),
        schema.questions.c.masked_text.label("asked"),
    )
    .outerjoin(schema.questions, schema.questions.c.id == _table.question)
    .where(_table.done_at.is_(None), _table.state == CALLBACK)
    .order_by(_table.number)
)
_ONE: Final = _OPEN.where(_table.id == bindparam("id"))
_MOST: Final = 1000


class CallBack(StrictBody):
    """One question to ask a citizen by telephone."""

    id: str
    ticket_id: str
    question: str
    since: datetime


class CallBackList(StrictBody):
    """Whom to call back, the longest waiting first; 1,000 at most."""

    callbacks: list[CallBack]


class CallBackAnswer(StrictBody):
    """What came of a call; without an answer nobody was reached, and it is not asked again."""

    answer: SpokenText | None = Field(None, title="what the citizen said", max_length=10_000)


async def list_callbacks(request: web.Request) -> web.Response:
    """List the questions that wait for an agent's call."""
    found = await open_callbacks(request.app[PARTS])
    return web.Response(
        body=orjson.dumps({"callbacks": found}, option=orjson.OPT_UTC_Z),
        content_type="application/json",
    )


async def open_callbacks(parts: WebParts) -> list[dict[str, Any]]:
    """Return the questions that wait, as `CallBack` has them, the longest waiting first."""
    async with parts.database.read() as connection:
        rows = (await connection.execute(_OPEN.limit(_MOST))).all()
    return [
        {
            "id": row.id,
            "ticket_id": row.ticket_id,
            "question": row.asked or QUESTIONS[Event(row.event)],
            "since": row.not_before,
        }
        for row in rows
    ]


async def close_callback(request: web.Request) -> web.Response:
    """Note what came of a call: an answer is added to the ticket, and triage reads it."""
    raw = await read_body(request)
    body = body_from(raw, CallBackAnswer)
    callback = request.match_info["callback"]
    await close_with(request.app[PARTS], callback, body.answer, raw, by=request[ACCOUNT].name)
    return web.Response(status=204)


async def close_with(
    parts: WebParts, callback: str, answer: str | None, raw: bytes, *, by: str
) -> None:
    """Add what the citizen answered, if anything, and ask no more; `raw` is how it was sent.

    Raises a `Problem` where no such question waits.
    """
    async with parts.database.read() as connection:
        row = (await connection.execute(_ONE, {"id": callback})).first()
    if row is None:
        raise Problem("not-found", "no such question waits for a call", "没有这个待回拨的问题")
    if answer is not None:
        await accept(parts, _answered(row, answer, raw))
    await _note(parts, callback, by=by)


def _answered(row: Any, answer: str, raw: bytes) -> Message:
    return Message(
        channel=row.channel,
        message_id=f"callback/{row.id}",
        text=answer,
        raw=raw,
        of_ticket=row.ticket_id,
    )


async def _note(parts: WebParts, identity: str, *, by: str) -> None:
    done = (
        update(schema.replies)
        .where(_table.id == identity, _table.done_at.is_(None))
        .values(state=CALLED, note=by, done_at=parts.clock.now())
    )
    await parts.database.write(lambda connection: connection.execute(done))
