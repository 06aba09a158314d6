"""What was published, noted in one transaction: outbox, position, ticket and history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, case, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation.events import Event
from gateway.conversation.outbox import tell
from gateway.dispatch import outbox
from gateway.dispatch.outbox import Waiting
from gateway.dispatch.streams import EntryId
from gateway.tickets import schema
from gateway.tickets.many import ManyRows
from gateway.tickets.store import HISTORY
from gateway.tickets.workflow import Status, change_status
from triage.decision import Tier


@dataclass(frozen=True, slots=True)
class Entry:
    """What goes on a stream for an outbox row, and when it went."""

    row: Waiting
    fields: dict[str, str]
    unit: str
    told: dict[str, Any]
    """What publishing fills in: status, dispatched_at and the unit's due times."""


Published = dict[Tier, list[tuple[Entry, EntryId]]]
"""What went out on each stream, in the order of the entries' ids."""


def dispatched(status: Status) -> Status:
    """Return the status after publishing: only what waited becomes dispatched."""
    if status is Status.AWAITING_CONFIRMATION:
        return change_status(status, Status.DISPATCHED)
    return status


# Only the relay writes these columns of a ticket, so that it need not read the ticket again; a
# ticket that was closed meanwhile keeps its status.
_DISPATCH: Final = ManyRows(
    update(schema.tickets)
    .where(schema.tickets.c.id == bindparam("of"))
    .values(
        status=case(
            (
                schema.tickets.c.status == Status.AWAITING_CONFIRMATION,
                dispatched(Status.AWAITING_CONFIRMATION),
            ),
            else_=schema.tickets.c.status,
        ),
        dispatched_at=bindparam("dispatched_at"),
        dispatched_unit=bindparam("dispatched_unit"),
        acknowledge_due_at=bindparam("acknowledge_due_at"),
        report_due_at=bindparam("report_due_at"),
    )
)

_FORGET_POSITION: Final = ManyRows(
    delete(schema.stream_positions).where(schema.stream_positions.c.tier == bindparam("of"))
)
_NOTE_POSITION: Final = ManyRows(insert(schema.stream_positions))


async def record(connection: AsyncConnection, published: Published, now: datetime) -> None:
    """Note the entries that went out, and how far each stream has come by them."""
    entries = [item for of_tier in published.values() for item in of_tier]
    await outbox.mark_published(
        connection, [(entry.row.number, entry_id) for entry, entry_id in entries], now
    )
    last = {tier: of_tier[-1][1] for tier, of_tier in published.items()}
    await _FORGET_POSITION.run(connection, [{"of": tier} for tier in last])
    await _NOTE_POSITION.run(
        connection,
        [{"tier": tier, "entry_ms": ms, "entry_seq": seq} for tier, (ms, seq) in last.items()],
    )
    await _DISPATCH.run(connection, [_dispatch_row(entry) for entry, _ in entries])
    await HISTORY.run(connection, [_history_row(entry, now) for entry, _ in entries])
    first = [
        entry.row.ticket_id
        for entry, _ in entries
        if Status(entry.row.status) is Status.AWAITING_CONFIRMATION
    ]
    await tell(connection, Event.DISPATCHED, first, now)


def _dispatch_row(entry: Entry) -> dict[str, Any]:
    told = {name: value for name, value in entry.told.items() if name != "status"}
    return {"of": entry.row.ticket_id, "dispatched_unit": entry.unit, **told}


def _history_row(entry: Entry, now: datetime) -> dict[str, Any]:
    row = entry.row
    return {
        "ticket_id": row.ticket_id,
        "version": row.version,
        "at": now,
        "event": "published",
        "actor": "relay",
        "status": dispatched(Status(row.status)),
        "detail": {"version": row.version, "unit": entry.unit, "tier": row.tier},
    }
