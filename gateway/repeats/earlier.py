"""The reporter's earlier tickets, found by keyed hashes: nobody's number is opened for that."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.people import may_be_report
from gateway.repeats.index import texts_of
from gateway.repeats.similar import excerpt_of
from gateway.tickets import schema
from gateway.tickets.store import find_tickets
from gateway.tickets.ticket import Ticket

MOST_EARLIER: Final = 20
_people, _messages, _tickets = schema.people.c, schema.messages.c, schema.tickets.c
# A number that a text names may be anybody's.
_DIGESTS: Final = select(_people.digest).where(
    _people.ticket_id == bindparam("of"), _people.source != "text"
)
_CHATS: Final = select(_messages.conversation).where(
    _messages.ticket_id == bindparam("of"), _messages.conversation.is_not(None)
)
_BY_PERSON: Final = select(_people.ticket_id).where(
    _people.digest.in_(_DIGESTS), _people.source != "text"
)
_BY_CHAT: Final = select(_messages.ticket_id).where(_messages.conversation.in_(_CHATS))
_EARLIER: Final = (
    select(_tickets.id)
    .where(
        or_(_tickets.id.in_(_BY_PERSON), _tickets.id.in_(_BY_CHAT)),
        _tickets.id != bindparam("of"),
        _tickets.accepted_at <= bindparam("accepted_at"),
    )
    .order_by(_tickets.accepted_at.desc(), _tickets.id)
    .limit(MOST_EARLIER)
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier ticket of the same reporter, and how it begins, masked."""

    ticket: Ticket
    excerpt: str


async def earlier_of(connection: AsyncConnection, ticket: Ticket) -> list[Earlier] | None:
    """Return the reporter's earlier tickets, the newest first, 20 at most.

    None where it is a report (举报), or may be one: who reports is not looked up. For the same
    reason no report is among those that are returned. Of somebody anonymous there are none.
    """
    if await may_be_report(connection, ticket):
        return None
    asked = {"of": ticket.id, "accepted_at": ticket.accepted_at}
    ids = (await connection.execute(_EARLIER, asked)).scalars().all()
    tickets = await find_tickets(connection, ids)
    shown = [
        tickets[number] for number in ids if not await may_be_report(connection, tickets[number])
    ]
    texts = await texts_of(connection, [item.id for item in shown])
    return [Earlier(item, excerpt_of(texts[item.id])) for item in shown]


async def is_same_reporter(connection: AsyncConnection, one: str, other: str) -> bool:
    """Return whether two tickets are of one person, by a number of their own or by one chat."""
    statement = select(_tickets.id).where(
        _tickets.id == other, or_(_tickets.id.in_(_BY_PERSON), _tickets.id.in_(_BY_CHAT))
    )
    return (await connection.execute(statement, {"of": one})).first() is not None
