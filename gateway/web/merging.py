"""Merging over the API: one ticket follows another of the same matter, and that can be undone."""

from aiohttp import web
from pydantic import Field

from channels.body import StrictBody, Words
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from gateway.web.agents import json_answer, refusal_problem, ticket_number, whole_ticket
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS
from gateway.web.problems import Problem


class MergeBody(StrictBody):
    """Which ticket it follows from now on."""

    version: int = Field(ge=1, le=2**31 - 1, description="the version that the agent has read")
    into: Words = Field(min_length=1, max_length=32, description="the number of the other ticket")


async def merge_ticket(request: web.Request) -> web.Response:
    """Let a ticket follow another: it closes, and its reporter reads where the other stands."""
    parts, account, ticket_id = request.app[PARTS], request[ACCOUNT], ticket_number(request)
    given = await read_json(request, MergeBody)
    try:
        into = read_ticket_id(given.into)
        await parts.merging.merge(ticket_id, account.name, given.version, into)
    except MalformedNumber:
        raise Problem(
            "cannot-be-merged", "name another ticket that there is", "请填写另一件存在的工单"
        ) from None
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return json_answer(await whole_ticket(parts, ticket_id, account))


async def take_merge_back(request: web.Request) -> web.Response:
    """Make a merged ticket one of its own again; it waits for an agent."""
    parts, account, ticket_id = request.app[PARTS], request[ACCOUNT], ticket_number(request)
    try:
        await parts.merging.take_back(ticket_id, account.name)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return json_answer(await whole_ticket(parts, ticket_id, account))
