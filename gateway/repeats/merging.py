"""The same words again from the same sender: the repeat follows the first ticket (并案).

A repeat is merged only once it is plain that nothing urgent is lost by that: the first has been
published, or triage has found that its words tell of no emergency. Until then it waits, with its
clocks running; if it is published itself meanwhile, it stays a ticket of its own.

An agent may let any ticket follow another of the same matter, whoever sent them
(`gateway/confirmation/merging.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from gateway.tickets.store import Happening, lock_tickets, save
from gateway.tickets.ticket import ClockRules, Ticket, close_as, read_again, set_clocks
from gateway.tickets.workflow import CLOSED, Confirmation, Status, change_status
from triage.decision import Tier

_OF_ITS_MESSAGES: Final = (
    schema.messages, schema.people, schema.attachments, schema.media, schema.to_compare
)  # fmt: skip
WITHIN: Final = timedelta(days=1)
_ACTOR: Final = "repeats"
_table = schema.repeats.c
UNSETTLED: Final = (
    select(_table.ticket_id, _table.first)
    .where(_table.settled_at.is_(None))
    .order_by(_table.found_at)
    .limit(bindparam("most"))
)
OF_TICKETS: Final = select(_table.ticket_id, _table.first, _table.merged_at).where(
    _table.ticket_id.in_(bindparam("ids", expanding=True))
)
_BY_HAND: Final = select(_table.ticket_id, _table.first, _table.merged_at).where(
    _table.first.in_(bindparam("ids", expanding=True)),
    _table.merged_at.is_not(None),
    _table.merged_by.is_not(None),
)
_FOUND: Final = ManyRows(insert(schema.repeats))
_SETTLED: Final = ManyRows(
    update(schema.repeats)
    # What an agent has merged meanwhile is settled.
    .where(_table.ticket_id == bindparam("of"), _table.settled_at.is_(None))
    .values(merged_at=bindparam("merged"), settled_at=bindparam("now"))
)
_FORGET: Final = ManyRows(delete(schema.repeats).where(_table.ticket_id == bindparam("of")))


@dataclass(frozen=True, slots=True)
class Repeat:
    """A ticket with the words of an earlier one of the same sender."""

    ticket_id: str
    first: str
    merged_at: datetime | None = None


async def repeats_among(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Repeat]:
    """Return which of these tickets are repeats."""
    rows = await connection.execute(OF_TICKETS, {"ids": list(ids)})
    return {row.ticket_id: Repeat(*row) for row in rows}


async def unsettled(connection: AsyncConnection, most: int) -> list[Repeat]:
    """Return the repeats that may still be merged, those first that were found first."""
    return [Repeat(*row) for row in await connection.execute(UNSETTLED, {"most": most})]


async def note_repeats(
    connection: AsyncConnection, repeats: Sequence[Repeat], now: datetime
) -> None:
    """Keep what was found; nothing is merged yet. What was merged meanwhile stays as it is."""
    known = await repeats_among(connection, [item.ticket_id for item in repeats])
    await _FOUND.run(
        connection,
        [
            {"ticket_id": item.ticket_id, "first": item.first, "found_at": now}
            for item in repeats
            if item.ticket_id not in known
        ],
    )


async def settle(
    connection: AsyncConnection, repeats: Sequence[Repeat], now: datetime
) -> list[Repeat]:
    """Merge what may be merged; return the repeats that stay tickets of their own for good."""
    ids = {number for item in repeats for number in (item.ticket_id, item.first)}
    tickets = await lock_tickets(connection, sorted(ids))
    merged, kept = [], []
    happenings: list[Happening] = []
    for item in repeats:
        first, repeat = tickets[item.first], tickets[item.ticket_id]
        if not _may_be_merged(repeat) or first.status in CLOSED:
            kept.append(item)
        elif _is_safe(first, repeat):
            merged.append(item)
            tickets[first.id] = replace(first, repeats=first.repeats + 1 + repeat.repeats)
            happenings += _merge(tickets[first.id], repeat, now)
    await save(connection, happenings)
    await _SETTLED.run(
        connection,
        [
            {"of": item.ticket_id, "merged": now if item in merged else None, "now": now}
            for item in (*merged, *kept)
        ],
    )
    return kept


def _may_be_merged(repeat: Ticket) -> bool:
    """Whether it is still nobody's: neither published nor confirmed nor closed."""
    waits = repeat.status in (Status.RECEIVED, Status.AWAITING_CONFIRMATION)
    return waits and repeat.confirmation is Confirmation.NONE and repeat.dispatched_at is None


def _is_safe(first: Ticket, repeat: Ticket) -> bool:
    if first.dispatched_at is not None:
        return True
    is_harmless = first.tier is not None and first.tier is not Tier.EMERGENCY
    return is_harmless and not first.untriaged and repeat.tier is not Tier.EMERGENCY


def _merge(first: Ticket, repeat: Ticket, now: datetime, actor: str = _ACTOR) -> list[Happening]:
    return [
        Happening(close_as(repeat, Status.MERGED), "merged", actor, now, {"into": first.id}),
        # The first keeps its version: whoever handles it has nothing new to do.
        Happening(first, "repeat_merged", actor, now, {"repeat": repeat.id}),
    ]


async def merge_by_hand(
    connection: AsyncConnection, first: Ticket, ticket: Ticket, agent: str, now: datetime
) -> Ticket:
    """Let a ticket follow another because an agent says so; both must be locked.

    Returns it as it is then. What followed it goes on to follow it, and so the other. Raises
    `StatusChangeRefused`.
    """
    counted = replace(first, repeats=first.repeats + 1 + ticket.repeats)
    merged, told = _merge(counted, ticket, now, agent)
    await save(connection, [merged, told])
    await _FORGET.run(connection, [{"of": ticket.id}])
    row = {
        "ticket_id": ticket.id, "first": first.id, "found_at": now, "merged_at": now,
        "settled_at": now, "merged_by": agent,
    }  # fmt: skip
    await connection.execute(insert(schema.repeats).values(row))
    # What still waits to be compared would be taken for words that were added since.
    compared = schema.to_compare
    await connection.execute(delete(compared).where(compared.c.ticket_id == ticket.id))
    return merged.ticket


async def join(
    connection: AsyncConnection, into: str, ticket_id: str, conversation: bytes, now: datetime
) -> bool:
    """Let all that was told on a ticket stand on another; return whether that could be.

    It cannot where somebody has the ticket already, or somebody else has told of it too.
    """
    messages = schema.messages.c
    others = select(messages.number).where(
        messages.ticket_id == ticket_id,
        or_(messages.conversation.is_(None), messages.conversation != conversation),
    )
    tickets = await lock_tickets(connection, [into, ticket_id])
    first, joined = tickets[into], tickets[ticket_id]
    shared = (await connection.execute(others.limit(1))).first() is not None
    taken = not _may_be_merged(joined) or joined.repeats or first.status in CLOSED
    if into == ticket_id or shared or taken:
        return False
    for table in _OF_ITS_MESSAGES:
        moved = update(table).where(table.c.ticket_id == ticket_id).values(ticket_id=into)
        await connection.execute(moved)
    await _FORGET.run(connection, [{"of": ticket_id}])
    row = {"ticket_id": ticket_id, "first": into, "found_at": now}
    await _FOUND.run(connection, [row])
    await _SETTLED.run(connection, [{"of": ticket_id, "merged": now, "now": now}])
    counted = replace(first, repeats=first.repeats + 1)
    merged, _counted = _merge(counted, joined, now)
    detail = {"ticket": ticket_id}
    added = Happening(read_again(counted), "joined", "citizen", now, detail)
    await save(connection, [merged, added])
    return True


async def separate(
    connection: AsyncConnection,
    repeats: Sequence[Repeat],
    rules: ClockRules,
    now: datetime,
    actor: str = _ACTOR,
) -> None:
    """Make tickets of their own of repeats to which other words were added, or by an agent's word.

    Triage reads them again; nobody stands behind their routes any more.
    """
    merged = [item for item in repeats if item.merged_at is not None]
    above = {item.ticket_id: await firsts_of(connection, item.first) for item in merged}
    ids = {number for item in merged for number in (item.ticket_id, *above[item.ticket_id])}
    tickets = await lock_tickets(connection, sorted(ids)) if ids else {}
    happenings: list[Happening] = []
    for item in merged:
        repeat = tickets[item.ticket_id]
        detail = {"repeat": repeat.id}
        tickets[repeat.id] = _reopen(repeat, rules)
        happenings.append(Happening(tickets[repeat.id], "separated", actor, now))
        for number in above[repeat.id]:
            fewer = max(0, tickets[number].repeats - 1 - repeat.repeats)
            tickets[number] = replace(tickets[number], repeats=fewer)
            happenings.append(Happening(tickets[number], "repeat_separated", actor, now, detail))
    await save(connection, happenings)
    await _FORGET.run(connection, [{"of": item.ticket_id} for item in repeats])


def _reopen(repeat: Ticket, rules: ClockRules) -> Ticket:
    again = replace(
        repeat,
        status=change_status(repeat.status, Status.AWAITING_CONFIRMATION),
        confirmation=Confirmation.NONE,
        confirmed_by=None,
        confirmed_at=None,
    )
    return set_clocks(read_again(again), rules)


@dataclass(frozen=True, slots=True)
class Followed:
    """Which ticket a merged one follows in the end, and since when it is merged, UTC."""

    first: str
    merged_at: datetime


async def followed(connection: AsyncConnection, ticket_id: str) -> Followed | None:
    """Return what a merged ticket follows; None where it follows none."""
    mine = (await repeats_among(connection, [ticket_id])).get(ticket_id)
    if mine is None or mine.merged_at is None:
        return None
    return Followed((await firsts_of(connection, mine.first))[-1], mine.merged_at)


async def firsts_of(connection: AsyncConnection, ticket_id: str) -> list[str]:
    """Return the ticket, what it follows itself if it was merged by hand, and so on."""
    found = [ticket_id]
    while True:
        mine = (await repeats_among(connection, found[-1:])).get(found[-1])
        if mine is None or mine.merged_at is None or mine.first in found:
            return found
        found.append(mine.first)


async def followers_by_hand(connection: AsyncConnection, ticket_id: str) -> list[str]:
    """Return the tickets, of other reporters too, that agents let follow this one, or those."""
    found: list[str] = []
    last = [ticket_id]
    while last:
        rows = await led_by_hand(connection, last)
        last = [row.ticket_id for row in rows if row.ticket_id not in {ticket_id, *found}]
        found += last
    return found


async def led_by_hand(connection: AsyncConnection, ids: Sequence[str]) -> list[Repeat]:
    """Return what agents let follow these tickets themselves."""
    return [Repeat(*row) for row in await connection.execute(_BY_HAND, {"ids": list(ids)})]
