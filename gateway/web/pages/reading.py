"""What a citizen sees of their own appeal."""

from typing import Any

from gateway.intake.own_tickets import RATED
from gateway.repeats.merging import followed
from gateway.tickets.store import attachments_of, find_tickets, words_of
from gateway.tickets.workflow import ALLOWED, CLOSED, Status
from gateway.web.appeals import read_status
from gateway.web.parts import WebParts


async def own_appeal(parts: WebParts, ticket_id: str) -> dict[str, Any]:
    """Return what the pages tell of an appeal: their words masked, the rest as it stands."""
    status = await read_status(parts, ticket_id)
    async with parts.database.read() as connection:
        first = await followed(connection, ticket_id)
        told = first.first if first else ticket_id
        found = await find_tickets(connection, {ticket_id, told})
        words = (await words_of(connection, [ticket_id])).get(ticket_id, [])
        files = (await attachments_of(connection, [ticket_id])).get(ticket_id, [])
    ticket, own = found[told], found[ticket_id]
    return {
        "status": status,
        "ticket": ticket,
        "unit": parts.unit_name(ticket.unit) if ticket.unit else None,
        "messages": [(item, sum(file["message"] == item.id for file in files)) for item in words],
        "may_add": own.status not in CLOSED,
        "may_withdraw": Status.WITHDRAWN in ALLOWED[own.status],
        "may_rate": ticket.status in RATED,
        "rating": await parts.own.rating_of(ticket_id),
    }
