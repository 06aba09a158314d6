"""What agents asked citizens (询问), kept sealed, word for word, and masked beside that."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.tickets import schema
from gateway.tickets.sealing import question_context

_table, _messages, _replies = schema.questions.c, schema.messages.c, schema.replies.c
_later = schema.messages.alias()
_ANSWERED_AT: Final = (
    select(func.min(_later.c.received_at))
    .where(_later.c.ticket_id == _table.ticket_id, _later.c.received_at > _table.at)
    .correlate(schema.questions)
    .scalar_subquery()
)
"""When the citizen said something next, by whichever channel."""
_OF_TICKET: Final[Select[Any]] = (
    select(
        *(_table[name] for name in ("id", "version", "agent", "at", "masked_text", "sealed_text")),
        _ANSWERED_AT.label("answered_at"),
        _replies.channel,
        _replies.state,
    )
    .outerjoin(schema.replies, _replies.question == _table.id)
    .where(_table.ticket_id == bindparam("of"))
    .order_by(_table.number)
)
OPEN_IN_CHATS: Final[Select[Any]] = (
    select(
        _messages.conversation,
        _table.ticket_id,
        _messages.body_digest,
        schema.tickets.c.sealed_query_code,
        _table.at,
    )
    .join(schema.tickets, schema.tickets.c.id == _table.ticket_id)
    .join(
        schema.messages,
        # A part of a split ticket has no lines of its own in the chat.
        or_(
            _messages.ticket_id == _table.ticket_id,
            _messages.ticket_id == schema.tickets.c.split_from,
        ),
    )
    .where(
        _messages.conversation.in_(bindparam("conversations", expanding=True)),
        _table.at >= bindparam("since"),
        _ANSWERED_AT.is_(None),
    )
    .order_by(_table.number)
)
"""Questions that chats were asked and have said nothing to yet, the last one last."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `text` is masked, times are UTC."""

    id: str
    version: int
    agent: str
    at: datetime
    text: str
    sealed_text: bytes
    answered_at: datetime | None
    """When the citizen said something next."""
    channel: str | None
    """Where it was asked; None where the citizen reads it only on the page of their appeal."""
    state: str | None
    """What became of it there, as `replies` has it: `waiting`, `sent`, `callback`, …"""


async def questions_of(connection: AsyncConnection, ticket_id: str) -> list[Question]:
    """Return what was asked of a ticket, the oldest first."""
    return [Question(*row) for row in await connection.execute(_OF_TICKET, {"of": ticket_id})]


async def open_question(connection: AsyncConnection, ticket_id: str) -> Question | None:
    """Return the last question, if the citizen has said nothing since."""
    found = await questions_of(connection, ticket_id)
    return found[-1] if found and found[-1].answered_at is None else None


async def put_question(
    connection: AsyncConnection,
    vault: Vault,
    asked: dict[str, Any],
    text: str,
) -> str:
    """Keep a question, whose other columns are given; return its id."""
    identity = uuid.uuid4().hex
    sealed = vault.seal(text.encode(), question_context(identity))
    await connection.execute(
        insert(schema.questions).values(id=identity, sealed_text=sealed, **asked)
    )
    return identity


async def words_of_question(vault: Vault, question: Question) -> str:
    """Return it word for word; masked where it is no longer kept otherwise."""
    if not question.sealed_text:
        return question.text
    return (await vault.open(question.sealed_text, question_context(question.id))).decode()
