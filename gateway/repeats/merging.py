"""The same words again from the same sender: the repeat follows the first ticket (并案).

A repeat is merged only once it is plain that nothing urgent is lost by that: the first has been
published, or triage has found that its words tell of no emergency. Until then it waits, with its
clocks running; if it is published itself meanwhile, it stays a ticket of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

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
_FOUND: Final = ManyRows(insert(schema.repeats))
_SETTLED: Final = ManyRows(
    update(schema.repeats)
    .where(_table.ticket_id == bindparam("of"))
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
    """Keep what was found; nothing is merged yet."""
    await _FOUND.run(
        connection,
        [{"ticket_id": item.ticket_id, "first": item.first, "found_at": now} for item in repeats],
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
            tickets[first.id] = replace(first, repeats=first.repeats + 1)
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


def _merge(first: Ticket, repeat: Ticket, now: datetime) -> list[Happening]:
    return [
        Happening(close_as(repeat, Status.MERGED), "merged", _ACTOR, now, {"into": first.id}),
        # The first keeps its version: whoever handles it has nothing new to do.
        Happening(first, "repeat_merged", _ACTOR, now, {"repeat": repeat.id}),
    ]


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
    connection: AsyncConnection, repeats: Sequence[Repeat], rules: ClockRules, now: datetime
) -> None:
    """Make tickets of their own of repeats to which other words were added; triage reads them."""
    merged = [item for item in repeats if item.merged_at is not None]
    ids = {number for item in merged for number in (item.ticket_id, item.first)}
    tickets = await lock_tickets(connection, sorted(ids)) if ids else {}
    happenings: list[Happening] = []
    for item in merged:
        first, repeat = tickets[item.first], tickets[item.ticket_id]
        tickets[first.id] = replace(first, repeats=first.repeats - 1)
        happenings.append(Happening(_reopen(repeat, rules), "separated", _ACTOR, now))
        happenings.append(
            Happening(tickets[first.id], "repeat_separated", _ACTOR, now, {"repeat": repeat.id})
        )
    await save(connection, happenings)
    await _FORGET.run(connection, [{"of": item.ticket_id} for item in repeats])


def _reopen(repeat: Ticket, rules: ClockRules) -> Ticket:
    status = change_status(repeat.status, Status.AWAITING_CONFIRMATION)
    return set_clocks(read_again(replace(repeat, status=status)), rules)


async def followed(connection: AsyncConnection, ticket_id: str) -> Any:
    """Return `first` and `merged_at` of a merged ticket; None where no repeat was merged."""
    rows = await connection.execute(
        select(_table.first, _table.merged_at).where(
            _table.ticket_id == ticket_id, _table.merged_at.is_not(None)
        )
    )
    return rows.one_or_none()
