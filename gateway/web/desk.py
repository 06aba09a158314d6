"""Agents beside one another: who is at work on a ticket, handing it over; asking the citizen."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from channels.body import SpokenText, StrictBody, Words
from gateway.accounts.permissions import Role
from gateway.tickets.claims import Claim
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from gateway.web.agents import json_answer, refusal_problem, ticket_number, whole_ticket
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS


class ClaimAnswer(BaseModel):
    """Whose the ticket is now, and until when."""

    agent: str
    until: datetime


class HandOverBody(StrictBody):
    """To whom a ticket goes, and what they should know."""

    to: Annotated[Words, Field(min_length=1, max_length=64)] = Field(
        description="the name of the account, as `GET /api/v1/colleagues` has it"
    )
    note: Annotated[SpokenText, Field(min_length=1, max_length=500)] | None = Field(
        None, description="kept in the history, with numbers masked"
    )


class Colleague(BaseModel):
    """Somebody who may confirm tickets."""

    name: str
    role: Role


class Colleagues(BaseModel):
    """Everybody who may confirm tickets, by name."""

    colleagues: list[Colleague]


async def claim_ticket(request: web.Request) -> web.Response:
    """Take a ticket, or hold on to it for another lease."""
    ticket_id = ticket_number(request)
    try:
        claim = await request.app[PARTS].claims.claim(ticket_id, request[ACCOUNT].name)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return _told(claim)


async def let_ticket_go(request: web.Request) -> web.Response:
    """Let a ticket go before its lease is over."""
    ticket_id = ticket_number(request)
    try:
        await request.app[PARTS].claims.let_go(ticket_id, request[ACCOUNT].name)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return web.Response(status=204)


async def hand_over_ticket(request: web.Request) -> web.Response:
    """Hand a ticket to a colleague, who has longer than a lease to notice."""
    ticket_id = ticket_number(request)
    given = await read_json(request, HandOverBody)
    claims = request.app[PARTS].claims
    try:
        claim = await claims.hand_over(ticket_id, request[ACCOUNT], given.to, given.note)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return _told(claim)


async def list_colleagues(request: web.Request) -> web.Response:
    """List who may confirm tickets."""
    return json_answer({"colleagues": await request.app[PARTS].claims.colleagues()})


class QuestionBody(StrictBody):
    """What the citizen is asked."""

    version: int = Field(ge=1, le=2**31 - 1, description="the version that the agent has read")
    text: SpokenText = Field(min_length=1, max_length=1000)


async def ask_citizen(request: web.Request) -> web.Response:
    """Ask the citizen on their channel; by telephone it becomes a call back."""
    parts, account, ticket_id = request.app[PARTS], request[ACCOUNT], ticket_number(request)
    given = await read_json(request, QuestionBody)
    try:
        await parts.asking.ask(ticket_id, account.name, given.version, given.text)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return json_answer(await whole_ticket(parts, ticket_id, account))


def _told(claim: Claim) -> web.Response:
    return json_answer({"agent": claim.agent, "until": claim.until})
