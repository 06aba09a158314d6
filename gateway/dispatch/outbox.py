"""The outbox: what is to be published, written in the transaction of the change itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.addressing import addressee
from gateway.tickets.document import dump_document, ticket_document
from gateway.tickets.many import ManyRows
from gateway.tickets.splits import texts_of_parts
from gateway.tickets.store import (
    MediumWords,
    Words,
    attachments_of,
    latest_decisions,
    media_of,
    words_of,
)
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import Status

Change = Literal["new", "changed", "withdrawn"]
_table = schema.outbox
_tickets = schema.tickets
_newer = _table.alias("newer")
_UNPUBLISHED = _table.c.published_at.is_(None)
_ENQUEUE: Final = ManyRows(insert(_table))
_MARK_PUBLISHED: Final = ManyRows(
    update(_table)
    .where(_table.c.number == bindparam("of"))
    .values(published_at=bindparam("at"), entry_ms=bindparam("ms"), entry_seq=bindparam("seq"))
)
_THIS_ENTRY = (
    _newer.c.tier == bindparam("of"),
    _newer.c.entry_ms == bindparam("ms"),
    _newer.c.entry_seq == bindparam("seq"),
)
_FORGET: Final = ManyRows(
    delete(_table).where(
        _table.c.ticket_id == select(_newer.c.ticket_id).where(*_THIS_ENTRY).scalar_subquery(),
        _table.c.version <= select(_newer.c.version).where(*_THIS_ENTRY).scalar_subquery(),
    )
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket that is to be published with all that its document holds."""

    ticket: Ticket
    words: list[Words]
    attachments: list[dict[str, Any]]
    media: list[MediumWords]
    decision: dict[str, Any] | None
    part: str | None = None
    """What it deals with, masked, where it is a part of several."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outbox row that the relay has still to publish.

    A superseded one has a higher version of its ticket beside it: it would only be dropped.
    """

    number: int
    ticket_id: str
    version: int
    tier: str
    change: Change
    payload: str
    superseded: bool
    accepted_at: datetime
    status: str
    dispatched_at: datetime | None
    dispatched_unit: str | None
    dispatch_due_at: datetime


async def load_drafts(connection: AsyncConnection, tickets: Sequence[Ticket]) -> list[Draft]:
    """Return the tickets with their words, attachments and newest decisions."""
    ids = [ticket.id for ticket in tickets]
    words = await words_of(connection, ids)
    attachments = await attachments_of(connection, ids)
    media = await media_of(connection, ids)
    decisions = await latest_decisions(connection, ids)
    parts = await texts_of_parts(connection, tickets)
    return [
        Draft(
            item,
            words.get(item.id, []),
            attachments.get(item.id, []),
            media.get(item.id, []),
            decisions.get(item.id),
            parts.get(item.id),
        )
        for item in tickets
    ]


async def enqueue(
    connection: AsyncConnection,
    drafts: Sequence[Draft],
    now: datetime,
    *,
    hold_until: datetime | None = None,
) -> None:
    """Put the tickets' present versions into the outbox, held until a time if one is given."""
    await _ENQUEUE.run(connection, [_row(draft, now, hold_until) for draft in drafts])


def _row(draft: Draft, now: datetime, hold_until: datetime | None) -> dict[str, Any]:
    ticket = draft.ticket
    addressed = addressee(ticket)
    # Another unit's clocks start when it gets the ticket: the relay fills the time in.
    told = replace(ticket, dispatched_at=None) if addressed[0] != ticket.dispatched_unit else ticket
    document = ticket_document(
        told, draft.words, draft.attachments, draft.media, draft.decision, addressed, draft.part
    )
    return {
        "ticket_id": ticket.id,
        "version": ticket.version,
        "tier": ticket.tier,
        "change": _change(ticket),
        "due_at": ticket.dispatch_due_at,
        "released": hold_until is None,
        "not_before": hold_until or now,
        "payload": dump_document(document),
    }


def _change(ticket: Ticket) -> Change:
    if ticket.status is Status.WITHDRAWN:
        return "withdrawn"
    return "changed" if ticket.dispatched_at else "new"


async def take_back(connection: AsyncConnection, ticket_id: str, version: int) -> bool:
    """Remove a version that is still held; return whether that was in time."""
    found = await connection.execute(
        delete(_table).where(
            _table.c.ticket_id == ticket_id, _table.c.version == version, ~_table.c.released
        )
    )
    return found.rowcount > 0


async def take_back_all(connection: AsyncConnection, ticket_id: str) -> bool:
    """Remove the ticket's versions that are still held; return whether others are let out."""
    of_ticket = _table.c.ticket_id == ticket_id
    await connection.execute(delete(_table).where(of_ticket, ~_table.c.released))
    let_out = await connection.execute(select(_table.c.number).where(of_ticket).limit(1))
    return let_out.first() is not None


_RELEASE: Final = (
    update(_table)
    .where(_UNPUBLISHED, ~_table.c.released, _table.c.not_before <= bindparam("now"))
    .values(released=True)
)
_WAITING: Final = (
    select(
        _table.c.number,
        _table.c.ticket_id,
        _table.c.version,
        _table.c.tier,
        _table.c.change,
        _table.c.payload,
        exists()
        .where(
            _newer.c.ticket_id == _table.c.ticket_id,
            _newer.c.version > _table.c.version,
            _newer.c.released,
        )
        .label("superseded"),
        _tickets.c.accepted_at,
        _tickets.c.status,
        _tickets.c.dispatched_at,
        _tickets.c.dispatched_unit,
        _tickets.c.dispatch_due_at,
    )
    .join(_tickets, _tickets.c.id == _table.c.ticket_id)
    .where(_UNPUBLISHED, _table.c.released)
    .order_by(_table.c.due_at, _table.c.number)
    .limit(bindparam("most"))
)


async def waiting(connection: AsyncConnection, now: datetime, most: int) -> list[Waiting]:
    """Let out what was held long enough, and return what is to be published, by due time.

    From here on it cannot be taken back.
    """
    await connection.execute(_RELEASE, {"now": now})
    rows = await connection.execute(_WAITING, {"most": most})
    return [Waiting(*row) for row in rows]


async def drop(connection: AsyncConnection, numbers: Sequence[int]) -> None:
    """Remove rows that need not be published any more."""
    await connection.execute(delete(_table).where(_table.c.number.in_(numbers)))


async def mark_published(
    connection: AsyncConnection, entries: Sequence[tuple[int, tuple[int, int]]], now: datetime
) -> None:
    """Note the entry ids, as `(milliseconds, sequence)`, of the rows with these numbers."""
    await _MARK_PUBLISHED.run(
        connection,
        [{"of": number, "at": now, "ms": ms, "seq": seq} for number, (ms, seq) in entries],
    )


async def forget_delivered(
    connection: AsyncConnection, tier: str, entries: Sequence[tuple[int, int]]
) -> None:
    """Remove the rows whose entries every group has acknowledged.

    Lower versions of the same tickets go too: every group would drop them from now on.
    """
    rows = [{"of": tier, "ms": ms, "seq": seq} for ms, seq in entries]
    await _FORGET.run(connection, rows)


async def publish_again(
    connection: AsyncConnection, tier: str | None, after: tuple[int, int]
) -> int:
    """Mark as unpublished what lies behind an entry id of a stream; return how many."""
    table = _table.c
    behind = (table.entry_ms > after[0]) | (
        (table.entry_ms == after[0]) & (table.entry_seq > after[1])
    )
    statement = update(_table).where(table.published_at.is_not(None), behind)
    if tier is not None:
        statement = statement.where(table.tier == tier)
    found = await connection.execute(
        statement.values(published_at=None, entry_ms=None, entry_seq=None)
    )
    return found.rowcount


async def depth(connection: AsyncConnection) -> tuple[int, int]:
    """Return how many rows are still to be published, and how many are published but not done."""
    unpublished = func.sum(func.coalesce(_table.c.published_at.is_(None).cast(schema.Number), 0))
    row = (await connection.execute(select(func.count(), unpublished))).one()
    total, open_rows = int(row[0]), int(row[1] or 0)
    return open_rows, total - open_rows
