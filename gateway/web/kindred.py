"""What an agent sees beside a ticket: others like it, and its reporter's earlier ones."""

from datetime import datetime

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.repeats.earlier import earlier_of
from gateway.repeats.similar import similar_to
from gateway.tickets.store import find_tickets
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import Status
from gateway.web.agents import json_answer, no_such_ticket, ticket_number
from gateway.web.parts import PARTS
from triage.decision import Tier

_LINE = ("status", "kind", "topic", "tier", "unit", "district", "accepted_at")


class KindredTicket(BaseModel):
    """One ticket beside another."""

    ticket_id: str
    status: Status
    kind: str | None
    topic: str | None
    tier: Tier | None
    unit: str | None
    district: str | None
    accepted_at: datetime
    excerpt: str = Field(description="how it begins, masked, 80 characters at most")


class SimilarTicket(KindredTicket):
    """An open ticket that is like another."""

    score: int = Field(description="how alike, in thousandths")
    same_matter: bool = Field(description="whether that is enough to be of one matter")
    same_cluster: bool
    same_words: bool = Field(description="whether one repeats the other")
    places: list[str] = Field(description="names of places that both have, masked")
    words: list[str] = Field(description="words that both have, masked")


class SimilarTickets(BaseModel):
    """Open tickets of the last 30 days that are like one, the likest first; ten at most."""

    similar: list[SimilarTicket]


class EarlierTickets(BaseModel):
    """The reporter's earlier tickets, the newest first; 20 at most."""

    hidden: bool = Field(description="whether it is a report, or may be: then none is looked for")
    earlier: list[KindredTicket]


async def list_similar(request: web.Request) -> web.Response:
    """List open tickets that are like this one, which it may be merged with."""
    parts, ticket_id = request.app[PARTS], ticket_number(request)
    async with parts.database.read() as connection:
        ticket = (await find_tickets(connection, [ticket_id])).get(ticket_id)
        if ticket is None:
            raise no_such_ticket()
        found = await similar_to(connection, ticket, parts.clock.now())
    names = ("excerpt", "score", "same_matter", "same_cluster", "same_words", "places", "words")
    lines = [
        {**_line(item.ticket), **{name: getattr(item, name) for name in names}} for item in found
    ]
    return json_answer({"similar": lines})


async def list_earlier(request: web.Request) -> web.Response:
    """List what the same reporter has told of before; never where somebody reports (举报)."""
    parts, ticket_id = request.app[PARTS], ticket_number(request)
    async with parts.database.read() as connection:
        ticket = (await find_tickets(connection, [ticket_id])).get(ticket_id)
        if ticket is None:
            raise no_such_ticket()
        found = await earlier_of(connection, ticket)
    lines = [{**_line(item.ticket), "excerpt": item.excerpt} for item in found or ()]
    return json_answer({"hidden": found is None, "earlier": lines})


def _line(ticket: Ticket) -> dict[str, object]:
    return {"ticket_id": ticket.id, **{name: getattr(ticket, name) for name in _LINE}}
