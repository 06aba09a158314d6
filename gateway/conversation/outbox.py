"""Replies to send, put down in the transaction of what they tell of."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.conversation.events import Event
from gateway.tickets import schema
from gateway.tickets.many import ManyRows

WAITING: Final = "waiting"
CALLBACK: Final = "callback"
"""Nobody can be told there: an agent calls back."""
CALLED: Final = "called"
_another = schema.replies.alias()
EXPLAINED: Final = (
    exists()
    .where(_another.c.ticket_id == schema.replies.c.ticket_id, _another.c.event == Event.UNDERSTOOD)
    .correlate(schema.replies)
    .label("explained")
)
"""Whether a reply of its own tells what the appeal was understood as."""
_NEW: Final = ManyRows(insert(schema.replies))
_REACHABLE: Final = (
    select(schema.messages.c.ticket_id, schema.messages.c.id, schema.messages.c.channel)
    .where(
        schema.messages.c.ticket_id.in_(bindparam("ids", expanding=True)),
        schema.messages.c.sealed_reply_to.is_not(None),
    )
    .order_by(schema.messages.c.number)
)


def reply_row(
    event: Event, ticket_id: str, message: str, channel: str, now: datetime
) -> dict[str, Any]:
    """Return the row of one reply to the sender of that message."""
    return {
        "id": uuid.uuid4().hex,
        "ticket_id": ticket_id,
        "message": message,
        "channel": channel,
        "event": event,
        "state": WAITING,
        "attempts": 0,
        "doubts": 0,
        "not_before": now,
    }


async def put_down(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Store replies that are to be sent after this transaction."""
    await _NEW.run(connection, rows)


async def tell(
    connection: AsyncConnection, event: Event, tickets: Iterable[str], now: datetime
) -> None:
    """Tell whoever wrote last on each of these tickets, where their channel can."""
    ids = list(tickets)
    if not ids:
        return
    found = await connection.execute(_REACHABLE, {"ids": ids})
    last = {row.ticket_id: (row.ticket_id, row.id, row.channel) for row in found}
    await put_down(connection, [reply_row(event, *who, now) for who in last.values()])
