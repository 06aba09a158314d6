"""The inbox: message and ticket in one transaction, before the citizen sees a number."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.channel import Receipt
from channels.message import Message
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.intake.drafting import Drafted, draft, query_context
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.many import ManyRows
from gateway.tickets.numbers import new_query_code, ticket_id
from gateway.tickets.store import Happening, append_history, lock_tickets, save
from gateway.tickets.ticket import Ticket, receive

_BLOCK: Final = 5_000
_BATCH: Final = 128
_LONGEST_STEM: Final = 200
_EARLIER: Final = (
    select(
        schema.messages.c.channel,
        schema.messages.c.message_id,
        schema.messages.c.ticket_id,
        schema.messages.c.body_digest,
        schema.tickets.c.sealed_query_code,
    )
    .join(schema.tickets, schema.tickets.c.id == schema.messages.c.ticket_id)
    .where(
        tuple_(schema.messages.c.channel, schema.messages.c.message_id).in_(
            bindparam("keys", expanding=True)
        )
    )
)
_NEW_TICKETS: Final = ManyRows(insert(schema.tickets))
_NEW_MESSAGES: Final = ManyRows(insert(schema.messages))
_NEW_PEOPLE: Final = ManyRows(insert(schema.people))
_NEW_ATTACHMENTS: Final = ManyRows(insert(schema.attachments))


class KeyReused(Exception):
    """The same message key came before with another body."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What became of a draft: its ticket, and the sealed code where the ticket was there before."""

    ticket_id: str
    sealed_query_code: bytes | None = None


class TicketNumbers:
    """Hands out ticket numbers; takes them from the database in blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._block = iter(range(0))
        self._lock = asyncio.Lock()

    async def next(self, accepted_at: datetime) -> str:
        """Return a number that no other ticket has or will have."""
        count = next(self._block, None)
        while count is None:
            async with self._lock:
                count = next(self._block, None)
                if count is None:
                    self._block = iter(await self._database.write(self._take_block))
        return ticket_id(count, accepted_at)

    async def _take_block(self, connection: AsyncConnection) -> range:
        table = schema.ticket_numbers
        found = await connection.execute(
            update(table).values(next=table.c.next + _BLOCK).returning(table.c.next)
        )
        end = int(found.scalar_one())
        return range(end - _BLOCK, end)


class Inbox:
    """Accepts messages; those that arrive while a commit runs share the next one."""

    def __init__(
        self, database: Database, vault: Vault, clock: Clock, accepted: Bell, *, surge: bool
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._accepted = accepted
        self._surge = surge
        self._numbers = TicketNumbers(database)
        self._waiting: list[tuple[Drafted, asyncio.Future[_Kept]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def accept(self, message: Message, *, repeats_are_edits: bool = False) -> Receipt:
        """Return the receipt of a message that is now stored for good.

        The same message again gives the same receipt. The same key with another body is an
        addition to its ticket where `repeats_are_edits` (vendors), else raises `KeyReused`.
        """
        now = self._clock.now()
        number = await self._numbers.next(now)
        drafted = draft(message, number, new_query_code(), now, self._vault)
        kept = await self._keep(drafted)
        if kept is None:
            if not repeats_are_edits:
                raise KeyReused(drafted.key[1])
            return await self.accept(_as_edit(message, drafted))
        self._accepted.ring()
        if kept.sealed_query_code is None:
            return Receipt(kept.ticket_id, drafted.query_code)
        code = await self._vault.open(kept.sealed_query_code, query_context(kept.ticket_id))
        return Receipt(kept.ticket_id, code.decode())

    async def _keep(self, drafted: Drafted) -> _Kept | None:
        future: asyncio.Future[_Kept] = asyncio.get_running_loop().create_future()
        self._waiting.append((drafted, future))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(), name="inbox commit")
        try:
            return await future
        except KeyReused:
            return None

    async def _commit(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                await self._store(batch)
            except Exception as error:
                if len(batch) == 1 and not isinstance(error, IntegrityError):
                    _fail(batch[0][1], error)
                else:
                    await self._store_singly(batch)

    async def _store_singly(self, batch: list[tuple[Drafted, asyncio.Future[_Kept]]]) -> None:
        """Store each alone, twice if another gateway was first, so that one fails for itself."""
        for item in batch:
            try:
                try:
                    await self._store([item])
                except IntegrityError:
                    await self._store([item])
            except Exception as error:
                _fail(item[1], error)

    async def _store(self, batch: list[tuple[Drafted, asyncio.Future[_Kept]]]) -> None:
        drafts = [item[0] for item in batch]
        outcomes = await self._database.write(
            lambda connection: keep(connection, drafts, surge=self._surge)
        )
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if outcome is None:
                future.set_exception(KeyReused())
            else:
                future.set_result(outcome)


def _fail(future: "asyncio.Future[_Kept]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _as_edit(message: Message, drafted: Drafted) -> Message:
    """Return a vendor's changed message under a key of its own, pointing at the first."""
    digest: bytes = drafted.message["body_digest"]
    key = drafted.key[1]
    edit = hashlib.sha256(key.encode() + digest).hexdigest()[:24]
    return replace(
        message,
        message_id=f"{key[:_LONGEST_STEM]}#{edit}",
        edits=message.edits or key,
    )


async def keep(
    connection: AsyncConnection, drafts: Sequence[Drafted], *, surge: bool
) -> list[_Kept | None]:
    """Store the drafts in this transaction; None stands for a key that came with another body."""
    known = await _known(connection, drafts)
    opened: list[Drafted] = []
    additions: list[Drafted] = []
    outcomes: list[_Kept | None] = []
    for drafted in drafts:
        earlier = known.get(drafted.key)
        if earlier is not None:
            same = earlier.body_digest == drafted.message["body_digest"]
            outcomes.append(_Kept(earlier.ticket_id, earlier.sealed_query_code) if same else None)
            continue
        target = known.get((drafted.key[0], drafted.edits)) if drafted.edits else None
        if target is None:
            opened.append(drafted)
            kept = _Kept(drafted.ticket_id)
            code = drafted.query["sealed_query_code"]
        else:
            additions.append(drafted.on_ticket(target.ticket_id))
            code = target.sealed_query_code
            kept = _Kept(target.ticket_id, code)
        outcomes.append(kept)
        digest = drafted.message["body_digest"]
        known[drafted.key] = _Earlier(kept.ticket_id, digest, code)
    await _insert(connection, opened, additions, surge=surge)
    await _reopen_triage(connection, additions)
    return outcomes


@dataclass(frozen=True, slots=True)
class _Earlier:
    ticket_id: str
    body_digest: bytes
    sealed_query_code: bytes


async def _known(
    connection: AsyncConnection, drafts: Sequence[Drafted]
) -> dict[tuple[str, str | None], _Earlier]:
    keys = {drafted.key for drafted in drafts if drafted.may_repeat}
    keys |= {(drafted.key[0], drafted.edits) for drafted in drafts if drafted.edits}
    if not keys:
        return {}
    rows = await connection.execute(_EARLIER, {"keys": list(keys)})
    return {(row[0], row[1]): _Earlier(*row[2:]) for row in rows}


async def _insert(
    connection: AsyncConnection,
    opened: list[Drafted],
    additions: list[Drafted],
    *,
    surge: bool,
) -> None:
    new = [*opened, *additions]
    if opened:
        tickets = [
            receive(item.ticket_id, item.key[0], item.message["received_at"], surge=surge)
            for item in opened
        ]
        rows = [
            {**ticket.to_row(), **item.query} for ticket, item in zip(tickets, opened, strict=True)
        ]
        await _NEW_TICKETS.run(connection, rows)
        await append_history(connection, [_received(ticket) for ticket in tickets])
    await _NEW_MESSAGES.run(connection, [item.message for item in new])
    await _NEW_PEOPLE.run(connection, [row for item in new for row in item.people])
    await _NEW_ATTACHMENTS.run(connection, [row for item in new for row in item.attachments])


def _received(ticket: Ticket) -> Happening:
    return Happening(ticket, "received", "citizen", ticket.accepted_at)


async def _reopen_triage(connection: AsyncConnection, additions: list[Drafted]) -> None:
    """Let triage read a ticket again to which something was added."""
    times = {item.ticket_id: item.message["received_at"] for item in additions}
    if not times:
        return
    tickets = await lock_tickets(connection, times)
    await save(
        connection,
        [
            Happening(
                replace(
                    ticket,
                    version=ticket.version + 1,
                    needs_triage=True,
                    triage_attempts=0,
                    triage_not_before=None,
                ),
                "added",
                "citizen",
                times[ticket.id],
            )
            for ticket in tickets.values()
        ],
    )
