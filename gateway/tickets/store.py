"""Tickets in SQL: read, lock, save, with the history beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from gateway.tickets.ticket import FIELDS, Ticket

_COLUMNS = [schema.tickets.c[name] for name in FIELDS]
_FIXED = {"id", "channel", "accepted_at", "surge"}
_BY_ID = select(*_COLUMNS).where(schema.tickets.c.id.in_(bindparam("ids", expanding=True)))
_LOCK = _BY_ID.order_by(schema.tickets.c.id).with_for_update()
_CHANGED = [name for name in FIELDS if name not in _FIXED]
_SAVE = ManyRows(
    update(schema.tickets)
    .where(schema.tickets.c.id == bindparam("of"))
    .values({name: bindparam(name) for name in _CHANGED})
)
HISTORY = ManyRows(insert(schema.history))
"""Appends rows of the history as they are; nothing else writes it."""


def _of_tickets(table: Table, *names: str) -> Select[Any]:
    """Return the query for what belongs to some tickets, in the order in which it came."""
    return (
        select(table.c.ticket_id, *(table.c[name] for name in names))
        .where(table.c.ticket_id.in_(bindparam("ids", expanding=True)))
        .order_by(table.c.number)
    )


_WORDS = _of_tickets(
    schema.messages,
    *("id", "channel", "received_at", "masked_text", "mask_spans", "place", "sealed_text"),
)
_ATTACHMENTS = _of_tickets(schema.attachments, "message", "address", "size", "media_type")
_MEDIA = _of_tickets(
    schema.media,
    *("id", "message", "address", "media_type", "note", "facts", "derived"),
    *("masked_text", "mask_spans", "sealed_text", "line_starts"),
)
_DECISIONS = _of_tickets(schema.decisions, "decision")


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a ticket's history; `detail` never holds what a citizen wrote."""

    ticket: Ticket
    event: str
    actor: str
    at: datetime
    detail: dict[str, Any] = field(default_factory=dict)


class TicketNotFound(LookupError):
    """There is no ticket of that number."""


async def find_tickets(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Ticket]:
    """Return the tickets of these numbers that exist."""
    rows = await connection.execute(_BY_ID, {"ids": list(ids)})
    return {row.id: Ticket.from_row(row) for row in rows}


async def lock_tickets(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Ticket]:
    """Return the tickets, kept from others' changes until this transaction ends.

    Always taken in the order of their numbers, so that two writers never wait for each other.
    """
    rows = await connection.execute(_LOCK, {"ids": list(ids)})
    return {row.id: Ticket.from_row(row) for row in rows}


async def lock_ticket(connection: AsyncConnection, ticket_id: str) -> Ticket:
    """Return one ticket, locked; raise `TicketNotFound`."""
    found = await lock_tickets(connection, [ticket_id])
    if not found:
        raise TicketNotFound(ticket_id)
    return found[ticket_id]


async def save(connection: AsyncConnection, happenings: Sequence[Happening]) -> None:
    """Store the tickets as they are now, and append to the history how they became so."""
    rows = [{**item.ticket.to_row(), "of": item.ticket.id} for item in happenings]
    await _SAVE.run(connection, rows)
    await append_history(connection, happenings)


async def append_history(connection: AsyncConnection, happenings: Sequence[Happening]) -> None:
    """Append to the history without changing the tickets."""
    await HISTORY.run(
        connection,
        [
            {
                "ticket_id": item.ticket.id,
                "version": item.ticket.version,
                "at": item.at,
                "event": item.event,
                "actor": item.actor,
                "status": item.ticket.status,
                "detail": item.detail,
            }
            for item in happenings
        ],
    )


@dataclass(frozen=True, slots=True)
class Words:
    """The masked words of one message of a ticket, and where it came from."""

    id: str
    channel: str
    received_at: datetime
    text: str
    mask_spans: tuple[tuple[int, int, str], ...]
    place: dict[str, Any] | None
    sealed_text: bytes


async def words_of(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, list[Words]]:
    """Return each ticket's messages in the order in which they came; none may be left of one."""
    ids = list(ids)
    rows = await connection.execute(_WORDS, {"ids": ids})
    found: dict[str, list[Words]] = {number: [] for number in ids}
    for row in rows:
        spans = tuple((start, end, token) for start, end, token in row.mask_spans)
        found[row.ticket_id].append(
            Words(
                row.id,
                row.channel,
                row.received_at,
                row.masked_text,
                spans,
                row.place,
                row.sealed_text,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class MediumWords:
    """What stands or is said in one medium, masked, and what else is known of it."""

    id: str
    message: str
    address: str | None
    media_type: str | None
    note: str | None
    facts: dict[str, Any]
    derived: list[dict[str, str]]
    text: str
    mask_spans: tuple[tuple[int, int, str], ...]
    sealed_text: bytes | None
    """None until it has been read, and if it cannot be."""
    line_starts: list[float | None] = field(default_factory=list)
    """When each line of the text begins to be said, in seconds; None for what is not said."""


async def media_of(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, list[MediumWords]]:
    """Return each ticket's media in the order in which they came."""
    rows = await connection.execute(_MEDIA, {"ids": list(ids)})
    found: dict[str, list[MediumWords]] = {}
    for row in rows:
        spans = tuple((start, end, token) for start, end, token in row.mask_spans or ())
        found.setdefault(row.ticket_id, []).append(
            MediumWords(
                row.id,
                row.message,
                row.address,
                row.media_type,
                row.note,
                row.facts or {},
                row.derived or [],
                row.masked_text or "",
                spans,
                row.sealed_text,
                row.line_starts or [],
            )
        )
    return found


async def attachments_of(
    connection: AsyncConnection, ids: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return each ticket's attachments, without their names, which are people's data."""
    rows = await connection.execute(_ATTACHMENTS, {"ids": list(ids)})
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row.ticket_id, []).append(
            {
                "message": row.message,
                "address": row.address,
                "size": row.size,
                "media_type": row.media_type,
            }
        )
    return found


async def latest_decisions(
    connection: AsyncConnection, ids: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return the newest decision of each ticket that has one."""
    rows = await connection.execute(_DECISIONS, {"ids": list(ids)})
    return {row.ticket_id: row.decision for row in rows}


async def history_of(connection: AsyncConnection, ticket_id: str) -> list[dict[str, Any]]:
    """Return the ticket's history, oldest first."""
    table = schema.history.c
    names = ("version", "at", "event", "actor", "status", "detail")
    rows = await connection.execute(
        select(*(table[name] for name in names))
        .where(table.ticket_id == ticket_id)
        .order_by(table.number)
    )
    # Not the rows' own names: they are no plain `str`, and the JSON writer refuses them.
    return [dict(zip(names, row, strict=True)) for row in rows]
