"""The inbox: message and ticket in one transaction, before the citizen sees a number."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.channel import Receipt
from channels.message import Message
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.intake.drafting import Drafted, draft
from gateway.intake.joining import Joining
from gateway.intake.storing import Kept, keep
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.numbers import new_query_code, show_ticket_id, ticket_id
from gateway.tickets.sealing import query_context

_BLOCK: Final = 5_000
_BATCH: Final = 128
_LONGEST_STEM: Final = 200


class KeyReused(Exception):
    """The same message key came before with another body."""


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
        self,
        database: Database,
        vault: Vault,
        clock: Clock,
        accepted: Bell,
        *,
        surge: bool,
        joining: timedelta = timedelta(),
        codes: bool = False,
    ) -> None:
        """A chat goes on telling of the same matter for `joining` after its last message.

        With `codes` one-time codes can be sent to telephones.
        """
        self._database = database
        self._vault = vault
        self._clock = clock
        self._accepted = accepted
        self._surge = surge
        self._joining = joining
        self._codes = codes
        self._tickets_shown = Joining(database, vault, clock)
        self._numbers = TicketNumbers(database)
        self._waiting: list[tuple[Drafted, asyncio.Future[Kept]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def accept(self, message: Message, *, repeats_are_edits: bool = False) -> Receipt:
        """Return the receipt of a message that is now stored for good.

        The same message again gives the same receipt. The same key with another body is an
        addition to its ticket where `repeats_are_edits` (vendors), else raises `KeyReused`.
        """
        if message.conversation is not None and message.of_ticket is None:
            message = await self._tickets_shown.find(message)
        now = self._clock.now()
        number = await self._numbers.next(now)
        code = new_query_code()
        drafted = draft(message, number, code, now, self._vault, claims=self._codes)
        kept = await self._keep(drafted)
        if kept is None:
            if not repeats_are_edits:
                raise KeyReused(drafted.key[1])
            return await self.accept(_as_edit(message, drafted))
        self._accepted.ring()
        shown = show_ticket_id(kept.ticket_id)
        if kept.sealed_query_code is None:
            return Receipt(kept.ticket_id, shown, drafted.query_code)
        earlier = await self._vault.open(kept.sealed_query_code, query_context(kept.ticket_id))
        return Receipt(kept.ticket_id, shown, earlier.decode(), kept.added)

    async def _keep(self, drafted: Drafted) -> Kept | None:
        future: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
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

    async def _store_singly(self, batch: list[tuple[Drafted, asyncio.Future[Kept]]]) -> None:
        """Store each alone, twice if another gateway was first, so that one fails for itself."""
        for item in batch:
            try:
                try:
                    await self._store([item])
                except IntegrityError:
                    await self._store([item])
            except Exception as error:
                _fail(item[1], error)

    async def _store(self, batch: list[tuple[Drafted, asyncio.Future[Kept]]]) -> None:
        drafts = [item[0] for item in batch]
        outcomes = await self._database.write(
            lambda connection: keep(connection, drafts, surge=self._surge, joining=self._joining)
        )
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if outcome is None:
                future.set_exception(KeyReused())
            else:
                future.set_result(outcome)


def _fail(future: "asyncio.Future[Kept]", error: Exception) -> None:
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
