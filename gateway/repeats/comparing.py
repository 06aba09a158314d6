"""Every ticket is compared with all others within a second of its acceptance, or after a rush.

What is to be compared was written in the transaction of acceptance, and is removed in that of what
was found: a process that dies between the two loses nothing and doubles nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib.resources import files
from typing import Any, Final

import structlog
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.leases import Lease
from gateway.repeats.clusters import Link, link
from gateway.repeats.index import (
    WAITING,
    Index,
    Known,
    Sketches,
    forget_waiting,
    read_known,
    read_last,
    read_lists,
    read_own,
    read_sizes,
    sender_keys,
    texts_of,
)
from gateway.repeats.merging import (
    WITHIN,
    Repeat,
    note_repeats,
    repeats_among,
    separate,
    settle,
    unsettled,
)
from gateway.tickets import schema
from gateway.tickets.database import PATIENT_PART, Database
from gateway.tickets.store import find_tickets
from gateway.tickets.ticket import ClockRules, Ticket
from triage.alike.commonness import TABLE, Commonness, parse_commonness
from triage.alike.gather import candidates, matches
from triage.alike.sketch import Likeness, Sketch, likeness, reason, sketch
from triage.alike.words import same_words

log = structlog.get_logger(__name__)
_LOOK_EVERY: Final = 0.25
RUSH: Final = 64
_GIVES_WAY_FOR: Final = timedelta(minutes=1)
_BACKLOG: Final[Select[Any]] = select(schema.tickets.c.id).where(schema.NEEDS_TRIAGE)


def shipped_commonness() -> Commonness:
    """Return the table that ships: how common pairs of characters are in appeals."""
    return parse_commonness((files("triage.alike") / TABLE).read_text("utf-8"))


@dataclass(slots=True)
class _Ticket:
    """A ticket with new words, as it is compared."""

    ticket: Ticket
    text: str
    sketch: Sketch
    senders: list[int]
    waiting: list[int]
    """Its rows of `to_compare`."""
    number: int | None = None


@dataclass(slots=True)
class _Batch:
    """Some tickets with all that they are compared with, and what was found."""

    tickets: list[_Ticket]
    index: Index
    texts: Mapping[str, str]
    """Masked words of earlier tickets of the same senders."""
    repeats: dict[str, Repeat]
    """What of all these is a repeat already."""
    new_repeats: list[Repeat] = field(default_factory=list)
    separated: list[Repeat] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


@dataclass(slots=True)
class Comparer:
    """Finds repeats and clusters; only the holder of the lease does."""

    database: Database
    clock: Clock
    rules: ClockRules
    lease: Lease
    table: Commonness
    rush: int = RUSH
    """So many tickets that wait for triage are a rush."""
    _cache: Sketches = field(default_factory=Sketches)

    async def run(self) -> None:
        """Work until cancelled; a database that is away is tried again."""
        await self.lease.work(self.step, _LOOK_EVERY, "tickets cannot be compared")

    async def step(self) -> bool:
        """Compare some tickets and merge what may be merged; return whether there may be more."""
        async with self.database.read() as connection:
            repeats = await unsettled(connection, PATIENT_PART)
            batch = await self._read(connection)
        stored = False
        if batch is not None:
            for item in batch.tickets:
                self._compare(item, batch)
            stored = await self.database.write(partial(self._store, batch), patient=True)
        if repeats:
            await self.database.write(partial(self._settle, repeats), patient=True)
        return stored

    async def _gives_way(self, connection: AsyncConnection, tickets: Iterable[Ticket]) -> bool:
        """Whether to wait: in a rush deciding and publishing go first, for a minute at most."""
        oldest = min(ticket.accepted_at for ticket in tickets)
        if self.clock.now() - oldest > _GIVES_WAY_FOR:
            return False
        backlog = await connection.execute(_BACKLOG.limit(self.rush))
        return len(backlog.all()) == self.rush

    async def _read(self, connection: AsyncConnection) -> _Batch | None:
        """Read what has new words, and everything that it is to be compared with."""
        rows = (await connection.execute(WAITING, {"most": PATIENT_PART})).all()
        if not rows:
            return None
        ids = list(dict.fromkeys(row.ticket_id for row in rows))
        tickets = await find_tickets(connection, ids)
        if await self._gives_way(connection, tickets.values()):
            return None
        texts = await texts_of(connection, ids)
        found = {
            number: _Ticket(
                tickets[number], texts[number], sketch(texts[number], self.table), [], []
            )
            for number in ids
        }
        for row in rows:
            found[row.ticket_id].waiting.append(row.number)
            found[row.ticket_id].senders += sender_keys(row.senders)
        index = Index(last=await read_last(connection))
        for ticket_id, number in (await read_own(connection, index, ids, self._cache)).items():
            found[ticket_id].number = number
        items = list(found.values())
        keys = (key for item in items for key in (*item.sketch.keys, *item.senders))
        await read_lists(connection, index, keys)
        earlier = await self._read_earlier(connection, items, index)
        await read_sizes(connection, index)
        repeats = await repeats_among(connection, [*ids, *earlier])
        firsts = {item.first for item in repeats.values()}
        known = await texts_of(connection, {*earlier, *firsts} - found.keys())
        return _Batch(items, index, {**texts, **known}, repeats)

    async def _read_earlier(
        self, connection: AsyncConnection, items: Sequence[_Ticket], index: Index
    ) -> set[str]:
        """Read what the tickets are compared with; return those of the same senders of that day."""
        near = {number for item in items for number in _near(item.sketch.keys, index)}
        of_senders = {
            number for item in items for key in item.senders for number in index.lists.get(key, ())
        }
        await read_known(connection, index, near | of_senders, self._cache)
        since = min(item.ticket.accepted_at for item in items) - WITHIN
        known = index.by_number(of_senders)
        return {item.ticket_id for item in known if item.accepted_at >= since}

    def _compare(self, item: _Ticket, batch: _Batch) -> None:
        """Find out of which ticket this one is a repeat, or which are of its matter."""
        index, ticket = batch.index, item.ticket
        before = batch.repeats.get(ticket.id)
        if before is not None:
            if same_words(item.text, batch.texts[before.first]):
                return
            batch.separated.append(batch.repeats.pop(ticket.id))
        known = index.add(ticket.id, item.sketch, ticket.accepted_at, item.number)
        item.number = known.number
        self._cache.pop(known.number, None)
        if before is None and (first := _first(item, batch)) is not None:
            repeat = Repeat(ticket.id, first)
            batch.repeats[ticket.id] = repeat
            batch.new_repeats.append(repeat)
            return
        near = [other for other in _near(item.sketch.keys, index) if other != known.number]
        earlier = [(other.number, other.sketch) for other in index.by_number(near)]
        mine = index.clusters.get(known.number)
        for match in matches(item.sketch, earlier, index.clusters):
            if mine is None or index.clusters.get(match.number) != mine:
                _join(known, index.known[match.number], match.likeness, item.text, batch)
        index.put((*item.sketch.keys, *item.senders), known.number)

    async def _store(self, batch: _Batch, connection: AsyncConnection) -> bool:
        if not await self.lease.keep(connection):
            return False
        now = self.clock.now()
        await separate(connection, batch.separated, self.rules, now)
        await batch.index.write(connection)
        await note_repeats(connection, batch.new_repeats, now)
        await link(connection, batch.links, now)
        await forget_waiting(connection, [row for item in batch.tickets for row in item.waiting])
        return True

    async def _settle(self, repeats: Sequence[Repeat], connection: AsyncConnection) -> None:
        """Merge what may be; what stays a ticket of its own is found by its words from now on."""
        if not await self.lease.keep(connection):
            return
        now = self.clock.now()
        kept = await settle(connection, repeats, now)
        if not kept:
            return
        ids = [number for item in kept for number in (item.ticket_id, item.first)]
        index = Index(last=await read_last(connection))
        numbers = await read_own(connection, index, ids, self._cache)
        await read_sizes(connection, index)
        texts = await texts_of(connection, ids)
        await read_lists(
            connection, index, (key for item in index.known.values() for key in item.sketch.keys)
        )
        batch = _Batch([], index, texts, {})
        for item in kept:
            mine, first = index.known[numbers[item.ticket_id]], index.known[numbers[item.first]]
            found = likeness(mine.sketch, first.sketch)
            _join(mine, first, found, texts[item.ticket_id], batch)
            index.put(mine.sketch.keys, mine.number)
        await index.write(connection)
        await link(connection, batch.links, now)


def _near(keys: Iterable[int], index: Index) -> list[int]:
    return candidates(index.lists[key] for key in keys if key in index.lists)


def _first(item: _Ticket, batch: _Batch) -> str | None:
    """Return the first ticket with these words that this sender sent within the day before."""
    accepted = item.ticket.accepted_at
    of_sender = {number for key in item.senders for number in batch.index.lists.get(key, ())} - {
        item.number
    }
    earlier = sorted(batch.index.by_number(of_sender), key=_by_time)
    for other in earlier:
        if accepted - WITHIN <= other.accepted_at <= accepted and same_words(
            item.text, batch.texts[other.ticket_id]
        ):
            return other.ticket_id
    return None


def _by_time(known: Known) -> tuple[datetime, int]:
    return known.accepted_at, known.number


def _join(mine: Known, other: Known, found: Likeness, text: str, batch: _Batch) -> None:
    """Note that two tickets are of one matter, and of which cluster everything is from now on."""
    joined = batch.index.join(mine, other)
    if joined is not None:
        cluster, absorbed = joined
        score = round(found.score * 1000)
        why = reason(found, text)
        batch.links.append(Link(mine.ticket_id, other.ticket_id, cluster, absorbed, score, why))
