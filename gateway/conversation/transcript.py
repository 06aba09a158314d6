"""What was said in a chat, by the citizen and by the hotline, for whoever holds its token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, takewhile
from typing import Any, Final, Literal

from sqlalchemy import bindparam, select

from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.conversation.events import Event, UnitName, told
from gateway.conversation.outbox import EXPLAINED, SAID_BY_AGENT, words_of_agent
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.sealing import query_context, text_context
from gateway.tickets.store import find_tickets

_MOST: Final = 200
_SAID: Final = (
    select(
        *(schema.messages.c[name] for name in ("number", "id", "received_at", "sealed_text")),
        schema.messages.c.ticket_id,
    )
    .where(
        schema.messages.c.conversation == bindparam("conversation"),
        schema.messages.c.number > bindparam("after"),
    )
    .order_by(schema.messages.c.number)
    .limit(_MOST)
)
_TOLD: Final = (
    select(
        schema.replies.c.number,
        schema.replies.c.ticket_id,
        schema.replies.c.event,
        schema.replies.c.not_before,
        schema.tickets.c.sealed_query_code,
        *SAID_BY_AGENT,
        EXPLAINED,
    )
    .join(schema.messages, schema.messages.c.id == schema.replies.c.message)
    .join(schema.tickets, schema.tickets.c.id == schema.replies.c.ticket_id)
    .outerjoin(schema.answers, schema.answers.c.id == schema.replies.c.answer)
    .outerjoin(schema.questions, schema.questions.c.id == schema.replies.c.question)
    .where(
        schema.messages.c.conversation == bindparam("conversation"),
        schema.replies.c.number > bindparam("after"),
    )
    .order_by(schema.replies.c.number)
    .limit(_MOST)
)


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read: the last message and the last reply."""

    said: int = 0
    told: int = 0

    @classmethod
    def read(cls, text: str) -> "Place":
        """Return the place that `str` gave; the beginning for anything else."""
        first, _, second = text.partition(".")
        both = first.isascii() and first.isdecimal() and second.isascii() and second.isdecimal()
        return cls(int(first), int(second)) if both and len(text) < 40 else cls()

    def __str__(self) -> str:
        return f"{self.said}.{self.told}"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that was said, in the words it was said in."""

    by: Literal["citizen", "hotline"]
    at: datetime
    text: str
    ticket_id: str


class Transcripts:
    """Reads chats."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, unit_name: UnitName) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._unit_name = unit_name

    async def read(
        self, channel: str, conversation: str, after: Place
    ) -> tuple[Sequence[Utterance], Place]:
        """Return what was said since, in its order, and how far that goes; 200 of each at most."""
        now = self._clock.now()
        digest = self._vault.digest("conversation", f"{channel}/{conversation}")
        async with self._database.read() as connection:
            of_chat: dict[str, Any] = {"conversation": digest}
            said = (await connection.execute(_SAID, {**of_chat, "after": after.said})).all()
            waiting = await connection.execute(_TOLD, {**of_chat, "after": after.told})
            # One that is due before its forerunner waits with it, or the place that is handed
            # back would skip the forerunner for ever.
            replies = list(takewhile(lambda reply: reply.not_before <= now, waiting.all()))
            of_replies = {row.ticket_id for row in replies}
            tickets = await find_tickets(connection, of_replies) if of_replies else {}
        found = []
        for row in said:
            text = await self._vault.open(row.sealed_text, text_context(row.id))
            found.append(Utterance("citizen", row.received_at, text.decode(), row.ticket_id))
        told_at = accumulate((reply.not_before for reply in replies), max)
        for reply, at in zip(replies, told_at, strict=True):
            ticket = tickets[reply.ticket_id]
            code = await self._vault.open(reply.sealed_query_code, query_context(ticket.id))
            words = told(
                Event(reply.event),
                ticket,
                code.decode(),
                self._unit_name,
                alone=not reply.explained,
                by_agent=await words_of_agent(self._vault, reply),
            )
            found.append(Utterance("hotline", at, words, ticket.id))
        found.sort(key=lambda item: item.at)
        last = Place(
            said[-1].number if said else after.said, replies[-1].number if replies else after.told
        )
        return found, last
