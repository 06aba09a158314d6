"""Sends replies after the commit: retried with growing pauses, repeated at most once."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.channel import Replies, Reply
from channels.errors import ReplyPutOff, ReplyRefused
from channels.registry import Channels
from gateway.accounts.keys import Vault
from gateway.clock import Clock
from gateway.conversation.events import Event, UnitName, told
from gateway.conversation.outbox import CALLBACK, EXPLAINED, SAID_BY_AGENT, WAITING, words_of_agent
from gateway.leases import Lease
from gateway.observability.metrics import Metrics
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.many import ManyRows
from gateway.tickets.sealing import query_context, reply_context
from gateway.tickets.store import find_tickets
from gateway.tickets.ticket import Ticket

log = structlog.get_logger(__name__)
_SENDING, _SENT, _FAILED = "sending", "sent", "failed"
_BATCH: Final = 32
_LOOK_EVERY: Final = 0.5
_MOST_SECONDS: Final = 20.0
_UNCERTAIN_AFTER: Final = timedelta(seconds=60)
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 300, 1800, 7200))
_table = schema.replies.c
_earlier = schema.replies.alias()

_DUE: Final = (
    select(
        *(_table[name] for name in ("id", "ticket_id", "message", "channel", "event", "state")),
        _table.attempts,
        _table.doubts,
        schema.messages.c.sealed_reply_to,
        schema.tickets.c.sealed_query_code,
        *SAID_BY_AGENT,
        EXPLAINED,
    )
    .join(schema.messages, schema.messages.c.id == _table.message)
    .join(schema.tickets, schema.tickets.c.id == _table.ticket_id)
    .outerjoin(schema.answers, schema.answers.c.id == _table.answer)
    .outerjoin(schema.questions, schema.questions.c.id == _table.question)
    .where(
        _table.done_at.is_(None),
        _table.not_before <= bindparam("now"),
        _table.state != CALLBACK,
        # What is told of one ticket arrives in its order: the receipt before the dispatch.
        ~exists().where(
            _earlier.c.ticket_id == _table.ticket_id,
            _earlier.c.done_at.is_(None),
            _earlier.c.state != CALLBACK,
            _earlier.c.number < _table.number,
        ),
    )
    .order_by(_table.not_before)
    .limit(_BATCH)
)
_NOTE: Final = ManyRows(
    update(schema.replies)
    .where(_table.id == bindparam("of"))
    .values(
        {
            name: bindparam(name)
            for name in ("state", "attempts", "doubts", "not_before", "note", "done_at")
        }
    )
)


@dataclass(slots=True)
class ReplySender:
    """Only the holder of the lease sends.

    Before it sends, it notes that it does: if it dies then, nobody knows whether the citizen has
    been told. Such a reply is sent once more, and not a third time.
    """

    database: Database
    vault: Vault
    clock: Clock
    channels: Channels
    unit_name: UnitName
    lease: Lease
    metrics: Metrics
    _free_at: dict[str, float] = field(default_factory=dict)
    """From when on each channel takes the next one."""

    async def run(self) -> None:
        """Work until cancelled; what is away is tried again."""
        await self.lease.work(self.step, _LOOK_EVERY, "replies cannot be sent")

    async def step(self) -> bool:
        """Send what is due; return whether there was anything."""
        due = await self.database.write(self._claim, patient=True)
        if due:
            notes = await asyncio.gather(*(self._send(row, ticket) for row, ticket in due))
            await self.database.write(lambda c: _NOTE.run(c, list(notes)), patient=True)
        return bool(due)

    async def _claim(self, connection: AsyncConnection) -> list[tuple[Any, Ticket]]:
        """Note which replies are about to be sent, and give up what has been uncertain twice."""
        if not await self.lease.keep(connection):
            return []
        now = self.clock.now()
        rows = (await connection.execute(_DUE, {"now": now})).all()
        if not rows:
            return []
        claimed = [row for row in rows if not _is_hopeless(row)]
        taken = {"state": _SENDING, "not_before": now + _UNCERTAIN_AFTER}
        given_up = {
            "state": _FAILED, "note": "uncertain twice", "not_before": now, "done_at": now
        }  # fmt: skip
        await _NOTE.run(
            connection,
            [_note(row, **(given_up if _is_hopeless(row) else taken)) for row in rows],
        )
        tickets = await find_tickets(connection, {row.ticket_id for row in claimed})
        return [(row, tickets[row.ticket_id]) for row in claimed]

    async def _send(self, row: Any, ticket: Ticket) -> dict[str, Any]:
        """Return what became of a reply, to be noted."""
        channel = self.channels.that_replies(row.channel)
        outcome, note, put_off = _SENT, None, None
        try:
            if channel is None:
                raise ReplyRefused("the channel is not configured here")
            await self._turn(row.channel, channel)
            async with asyncio.timeout(_MOST_SECONDS):
                await channel.send(await self._reply(row, ticket))
        except ReplyRefused as error:
            outcome, note = _FAILED, str(error)[:128]
        except ReplyPutOff as error:
            outcome, note, put_off = WAITING, str(error), timedelta(seconds=error.seconds)
        except Exception as error:
            outcome, note = WAITING, type(error).__name__
        now = self.clock.now()
        attempts = row.attempts + (put_off is None)
        if outcome == WAITING and attempts > len(_PAUSES):
            outcome = _FAILED
        self.metrics.replies.labels(row.channel, outcome).inc()
        if outcome != _SENT:
            log.warning(
                "a reply was not sent", channel=row.channel, ticket_id=row.ticket_id, reason=note
            )
        return _note(
            row,
            state=outcome,
            attempts=attempts,
            note=note,
            not_before=now + (put_off or _PAUSES[attempts - 1]) if outcome == WAITING else now,
            done_at=None if outcome == WAITING else now,
        )

    async def _turn(self, name: str, channel: Replies) -> None:
        """Wait until this channel's vendor takes one more."""
        now = self.clock.monotonic()
        at = max(now, self._free_at.get(name, now))
        self._free_at[name] = at + 1 / channel.per_second
        if at > now:
            await self.clock.sleep(at - now)

    async def _reply(self, row: Any, ticket: Ticket) -> Reply:
        address = await self.vault.open(row.sealed_reply_to, reply_context(row.message))
        code = await self.vault.open(row.sealed_query_code, query_context(row.ticket_id))
        text = told(
            Event(row.event),
            ticket,
            code.decode(),
            self.unit_name,
            alone=not row.explained,
            by_agent=await words_of_agent(self.vault, row),
        )
        return Reply(row.id, address.decode(), text)


def _is_hopeless(row: Any) -> bool:
    """Whether it has been uncertain before whether this reply arrived, and is so again."""
    return bool(row.state == _SENDING and row.doubts)


def _note(row: Any, **changes: Any) -> dict[str, Any]:
    doubts = row.doubts + (row.state == _SENDING)
    kept = {"attempts": row.attempts, "doubts": doubts, "note": None, "done_at": None}
    return {"of": row.id, **kept, **changes}
