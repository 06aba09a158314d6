"""The index of the search: follows the words of tickets in order, behind their acceptance.

Triggers queue each ticket whose words have changed (migration `0010_oversight`), in the transaction
of the change; here its terms are written anew and the queue's rows removed, in one transaction. A
worker that dies loses nothing. What was there before the search is walked newest first.

A document's number is that of the ticket's first message, times `REVISIONS`, plus how often it was
written anew: numbers go up with acceptance, and FTS5's rows, which cannot be deleted without their
old words, are left behind under a number that no ticket has any more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.leases import Lease
from gateway.oversight.terms import terms_of
from gateway.tickets.database import PATIENT_PART, Database
from gateway.tickets.many import ManyRows
from gateway.tickets.schema import (
    NEEDS_TRIAGE,
    messages,
    search_backfill,
    search_documents,
    search_queue,
    tickets,
)
from gateway.tickets.store import media_of, words_of

LOOK_EVERY: Final = 0.5
REVISIONS: Final = 4096
"""A document's number leaves room for so many of one ticket."""
_ids: Any = bindparam("ids", expanding=True)
QUEUED: Final = select(search_queue).order_by(search_queue.c.number).limit(bindparam("most"))
EARLIER: Final = (
    select(messages.c.number, messages.c.ticket_id)
    .where(messages.c.number <= bindparam("through"))
    .order_by(messages.c.number.desc())
    .limit(bindparam("most"))
)
FIRST_MESSAGES: Final = (
    select(messages.c.ticket_id, func.min(messages.c.number).label("number"))
    .where(messages.c.ticket_id.in_(_ids))
    .group_by(messages.c.ticket_id)
)
DOCUMENTS: Final = select(search_documents).where(search_documents.c.ticket_id.in_(_ids))
_DONE: Final = delete(search_queue).where(
    search_queue.c.number.in_(bindparam("numbers", expanding=True))
)
_FORGET: Final = delete(search_documents).where(search_documents.c.ticket_id.in_(_ids))
_NEW: Final = ManyRows(insert(search_documents))
BACKLOG: Final = select(tickets.c.id).where(NEEDS_TRIAGE).offset(bindparam("before_it")).limit(1)
_THROUGH: Final = select(search_backfill.c.through)


async def texts_to_search(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, str]:
    """Return all masked words of each ticket, messages first, then what its media hold."""
    ids = list(ids)
    words, heard = await words_of(connection, ids), await media_of(connection, ids)
    return {
        number: "\n".join(
            [*(item.text for item in words[number]), *(item.text for item in heard.get(number, ()))]
        )
        for number in ids
    }


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """Keeps the index; only the holder of the lease does."""

    database: Database
    clock: Clock
    lease: Lease
    batch: int = PATIENT_PART
    """So many tickets are indexed in one transaction, which receipts may have to wait for."""
    behind: int = 256
    """While triage has so many tickets before it, words wait: what is urgent is found first."""

    async def run(self) -> None:
        """Work until cancelled; a database that is away is tried again."""
        await self.lease.work(self.step, LOOK_EVERY, "words cannot be indexed")

    async def step(self) -> bool:
        """Index some tickets, new words before old ones; return whether there may be more.

        In a rush that triage cannot keep up with, nothing is indexed until it has caught up.
        """
        earlier: Sequence[Any] = ()
        async with self.database.read() as connection:
            if await connection.scalar(BACKLOG, {"before_it": self.behind - 1}) is not None:
                return False
            queued = (await connection.execute(QUEUED, {"most": self.batch})).all()
            through = int(await connection.scalar(_THROUGH) or 0) if not queued else 0
            if through:
                earlier = (
                    await connection.execute(EARLIER, {"through": through, "most": self.batch})
                ).all()
        if queued:
            return await self._follow(queued)
        return bool(through) and await self._go_back(earlier)

    async def _follow(self, queued: Sequence[Any]) -> bool:
        ids = list(dict.fromkeys(row.ticket_id for row in queued))

        async def work(connection: AsyncConnection) -> bool:
            if not await self.lease.keep(connection):
                return False
            await connection.execute(_DONE, {"numbers": [row.number for row in queued]})
            await _index(connection, ids)
            return True

        return await self.database.write(work, patient=True)

    async def _go_back(self, earlier: Sequence[Any]) -> bool:
        left = earlier[-1].number - 1 if len(earlier) == self.batch else 0
        wanted = list(dict.fromkeys(row.ticket_id for row in earlier))

        async def work(connection: AsyncConnection) -> bool:
            if not await self.lease.keep(connection):
                return False
            there = {row.ticket_id for row in await connection.execute(DOCUMENTS, {"ids": wanted})}
            await _index(connection, [number for number in wanted if number not in there])
            await connection.execute(update(search_backfill).values(through=left))
            return left > 0

        return await self.database.write(work, patient=True)


async def _index(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Write the terms of these tickets anew; one whose words have gone elsewhere has none."""
    if not ids:
        return
    key = {"ids": list(ids)}
    texts = await texts_to_search(connection, ids)
    firsts = {row.ticket_id: row.number for row in await connection.execute(FIRST_MESSAGES, key)}
    before = {row.ticket_id: row.number for row in await connection.execute(DOCUMENTS, key)}
    numbers = {
        ticket_id: _number(first, before.get(ticket_id)) for ticket_id, first in firsts.items()
    }
    await connection.execute(_FORGET, key)
    await _NEW.run(
        connection,
        [{"number": number, "ticket_id": ticket_id} for ticket_id, number in numbers.items()],
    )
    terms = {number: terms_of(texts[ticket_id]) for ticket_id, number in numbers.items()}
    await write_terms(connection, terms, list(before.values()))


def _number(first: int, before: int | None) -> int:
    number = first * REVISIONS
    if before is not None and before // REVISIONS == first:
        number = min(before + 1, number + REVISIONS - 1)
    return number


async def write_terms(
    connection: AsyncConnection, terms: dict[int, list[str]], before: Sequence[int]
) -> None:
    """Write documents into the table that each database has for them."""
    if connection.dialect.name == "sqlite":
        # A row that is left behind finds a number that no ticket has.
        rows = [(number, " ".join(found)) for number, found in terms.items()]
        if rows:
            await connection.exec_driver_sql(
                "INSERT INTO search_words (rowid, terms) VALUES (?, ?)", rows
            )
        return
    if before:
        await connection.execute(
            text("DELETE FROM search_words WHERE number = ANY(:numbers)"), {"numbers": list(before)}
        )
    if terms:
        await connection.execute(
            text(
                "INSERT INTO search_words (number, terms) "
                "VALUES (:number, array_to_tsvector(CAST(:terms AS text[])))"
            ),
            [{"number": number, "terms": found} for number, found in terms.items()],
        )
