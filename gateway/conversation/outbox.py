"""Replies to send, put down in the transaction of what they tell of."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.conversation.events import Event
from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from gateway.tickets.sealing import answer_context, question_context

WAITING: Final = "waiting"
CALLBACK: Final = "callback"
"""Nobody can be told there: an agent calls back."""
CALLED: Final = "called"
_another = schema.replies.alias()
EXPLAINED: Final = (
    exists()
    .where(_another.c.ticket_id == schema.replies.c.ticket_id, _another.c.event == Event.UNDERSTOOD)
    .correlate(schema.replies)
    .label("explained")
)
"""Whether a reply of its own tells what the appeal was understood as."""
SAID_BY_AGENT: Final = (
    schema.answers.c.sealed_text.label("sealed_answer"),
    schema.replies.c.answer,
    schema.questions.c.sealed_text.label("sealed_question"),
    schema.replies.c.question,
)
"""What `words_of_agent` needs of a reply, joined with `answers` and `questions`."""
_NEW: Final = ManyRows(insert(schema.replies))
BY_PHONE: Final = ("voice",)
"""Nobody can be told anything there; an agent calls back."""
_SENDERS: Final = (
    select(schema.messages.c.ticket_id, schema.messages.c.id, schema.messages.c.channel)
    .where(
        schema.messages.c.ticket_id.in_(bindparam("ids", expanding=True)),
        or_(
            schema.messages.c.sealed_reply_to.is_not(None),
            schema.messages.c.channel.in_(BY_PHONE),
        ),
    )
    .order_by(schema.messages.c.number)
)


async def senders_of(connection: AsyncConnection, tickets: Iterable[str]) -> Sequence[Any]:
    """Return ticket, id and channel of the messages whose senders can be told or called back."""
    return (await connection.execute(_SENDERS, {"ids": list(tickets)})).all()


def reply_row(
    event: Event, ticket_id: str, message: str, channel: str, now: datetime
) -> dict[str, Any]:
    """Return the row of one reply to the sender of that message."""
    return {
        "id": uuid.uuid4().hex,
        "ticket_id": ticket_id,
        "message": message,
        "channel": channel,
        "event": event,
        "state": WAITING,
        "attempts": 0,
        "doubts": 0,
        "not_before": now,
    }


async def put_down(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Store replies that are to be sent after this transaction."""
    await _NEW.run(connection, rows)


async def tell(
    connection: AsyncConnection,
    event: Event,
    tickets: Iterable[str],
    now: datetime,
    *,
    answer: str | None = None,
) -> None:
    """Tell whoever wrote last on each of these tickets, where their channel can.

    `answer` is the id of what was answered, where that is what is told.
    """
    ids = list(tickets)
    if not ids:
        return
    last = {
        row.ticket_id: row
        for row in await senders_of(connection, ids)
        if row.channel not in BY_PHONE
    }
    rows = [
        {**reply_row(event, row.ticket_id, row.id, row.channel, now), "answer": answer}
        for row in last.values()
    ]
    await put_down(connection, rows)


async def ask(connection: AsyncConnection, ticket_id: str, question: str, now: datetime) -> None:
    """Put a question, by its id, to whoever wrote last on the ticket; who called is called back."""
    senders = await senders_of(connection, [ticket_id])
    if not senders:
        return
    last = senders[-1]
    row = reply_row(Event.ASKED, ticket_id, last.id, last.channel, now)
    state = CALLBACK if last.channel in BY_PHONE else WAITING
    await put_down(connection, [{**row, "state": state, "question": question}])


async def words_of_agent(vault: Vault, row: Any) -> str:
    """Return what an agent answered or asked, where the reply of this row tells that.

    The row has `SAID_BY_AGENT`.
    """
    if row.sealed_answer is not None:
        return (await vault.open(row.sealed_answer, answer_context(row.answer))).decode()
    if row.sealed_question:
        return (await vault.open(row.sealed_question, question_context(row.question))).decode()
    return ""
