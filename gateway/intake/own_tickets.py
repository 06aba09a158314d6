"""What whoever has a ticket's query code may do with it: withdraw it, and say how it went."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.dispatch.outbox import enqueue, load_drafts, take_back_all
from gateway.intake.masking import mask
from gateway.repeats.merging import followed, led_by_hand, separate
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.sealing import rating_context
from gateway.tickets.store import (
    Happening,
    TicketNotFound,
    append_history,
    find_tickets,
    lock_ticket,
    lock_tickets,
    save,
)
from gateway.tickets.ticket import ClockRules, Ticket, close_as
from gateway.tickets.workflow import Status

_ACTOR: Final = "citizen"
RATED: Final = frozenset({Status.RESOLVED, Status.ANSWERED})
"""Statuses in which somebody has done something that can be rated."""


class NotYetClosed(Exception):
    """Nothing has been done yet that could be rated."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What a citizen says of how their matter was dealt with (评价)."""

    stars: int
    """From 1, not at all, to 5, very well."""
    words: str | None


@dataclass(slots=True)
class OwnTickets:
    """Citizens' decisions about their own tickets."""

    database: Database
    vault: Vault
    clock: Clock
    decided: Bell
    rules: ClockRules

    async def withdraw(self, ticket_id: str) -> Ticket:
        """Withdraw the ticket; again, it changes nothing. Whoever has it on the stream is told.

        Raises `StatusChangeRefused` where the workflow has no such change, and `TicketNotFound`.
        """
        ticket = await self.database.write(lambda connection: self._withdraw(connection, ticket_id))
        self.decided.ring()
        return ticket

    async def _withdraw(self, connection: AsyncConnection, ticket_id: str) -> Ticket:
        now = self.clock.now()
        others = await led_by_hand(connection, [ticket_id])
        found = await lock_tickets(connection, {ticket_id, *(item.ticket_id for item in others)})
        if (before := found.get(ticket_id)) is None:
            raise TicketNotFound(ticket_id)
        if before.status is Status.WITHDRAWN:
            return before
        # Others, whom an agent let follow this one, have withdrawn nothing.
        await separate(connection, others, self.rules, now)
        before = await lock_ticket(connection, ticket_id)
        after = close_as(before, Status.WITHDRAWN)
        await save(connection, [Happening(after, "withdrawn", _ACTOR, now)])
        # What is let out the relay may have published without having noted that yet.
        is_out = await take_back_all(connection, ticket_id)
        if after.dispatched_at or is_out:
            await enqueue(connection, await load_drafts(connection, [after]), now)
        return after

    async def rate(self, ticket_id: str, rating: Rating) -> None:
        """Keep the rating in place of an earlier one.

        What follows another appeal is rated once that one is done, each reporter for themselves.
        Raises `NotYetClosed` and `TicketNotFound`.
        """
        await self.database.write(lambda connection: self._rate(connection, ticket_id, rating))

    async def _rate(self, connection: AsyncConnection, ticket_id: str, rating: Rating) -> None:
        now = self.clock.now()
        # Locked, so that of two ratings at once one follows the other.
        ticket = await lock_ticket(connection, ticket_id)
        first = await followed(connection, ticket_id)
        done = (await find_tickets(connection, [first.first]))[first.first] if first else ticket
        if done.status not in RATED:
            raise NotYetClosed(ticket_id)
        context = rating_context(ticket_id)
        await connection.execute(
            delete(schema.ratings).where(schema.ratings.c.ticket_id == ticket_id)
        )
        await connection.execute(
            insert(schema.ratings).values(
                ticket_id=ticket_id,
                stars=rating.stars,
                rated_at=now,
                masked_words=mask(rating.words).text if rating.words else None,
                sealed_words=self.vault.seal(rating.words.encode(), context)
                if rating.words
                else None,
            )
        )
        happening = Happening(ticket, "rated", _ACTOR, now, {"stars": rating.stars})
        await append_history(connection, [happening])

    async def rating_of(self, ticket_id: str) -> Rating | None:
        """Return what was said last, None where nothing was."""
        table = schema.ratings.c
        statement = select(table.stars, table.sealed_words).where(table.ticket_id == ticket_id)
        async with self.database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            return None
        words = None
        if row.sealed_words is not None:
            words = await self.vault.open(row.sealed_words, rating_context(ticket_id))
        return Rating(row.stars, words.decode() if words else None)
