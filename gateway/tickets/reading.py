"""Reading tickets for agents: the queues, and one ticket with all that is known of it."""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets import schema
from gateway.tickets.addressing import addressee
from gateway.tickets.document import ticket_document
from gateway.tickets.splits import texts_of_parts
from gateway.tickets.store import (
    TicketNotFound,
    attachments_of,
    find_tickets,
    history_of,
    latest_decisions,
    media_of,
    words_of,
)
from gateway.tickets.workflow import Confirmation
from triage.decision import Route, Tier

# What is urgent never stands aside, whatever it looks like.
_ASIDE: Final = and_(
    schema.tickets.c.route == Route.PERSON,
    schema.tickets.c.untriaged.is_(False),
    schema.tickets.c.tier == Tier.GENERAL,
)
TICKET_QUEUES: Final[dict[str, ColumnElement[bool]]] = {
    "unconfirmed": and_(
        schema.WAITS_FOR_AGENT,
        or_(schema.tickets.c.route.is_(None), ~_ASIDE),
    ),
    "aside": and_(
        schema.WAITS_FOR_AGENT,
        schema.tickets.c.confirmation != Confirmation.EMERGENCY,
        _ASIDE,
    ),
    "all": true(),
}
"""What waits for an agent, published without one or not; what seems to be no appeal; everything."""


async def ticket_with_history(connection: AsyncConnection, ticket_id: str) -> dict[str, Any]:
    """Return the ticket's document and history; raise `TicketNotFound`.

    The connection sees one moment (`Database.snapshot`), or the parts may not fit each other.
    """
    ticket = (await find_tickets(connection, [ticket_id])).get(ticket_id)
    if ticket is None:
        raise TicketNotFound(ticket_id)
    words = await words_of(connection, [ticket_id])
    files = await attachments_of(connection, [ticket_id])
    media = await media_of(connection, [ticket_id])
    decisions = await latest_decisions(connection, [ticket_id])
    part = await texts_of_parts(connection, [ticket])
    document = ticket_document(
        ticket,
        words.get(ticket_id, []),
        files.get(ticket_id, []),
        media.get(ticket_id, []),
        decisions.get(ticket_id),
        addressee(ticket) if ticket.dispatched_at else None,
        part.get(ticket_id),
    )
    return {**document, "history": await history_of(connection, ticket_id)}
