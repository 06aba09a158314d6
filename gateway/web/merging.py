"""Merging and splitting over the API: one ticket follows another, or becomes several."""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from channels.body import SpokenText, StrictBody, Words
from channels.errors import FieldFault
from gateway.confirmation.splitting import FEWEST_PARTS, MOST_PARTS
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from gateway.web.agents import json_answer, refusal_problem, ticket_number, whole_ticket
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS
from gateway.web.problems import Problem, field_problem


class MergeBody(StrictBody):
    """Which ticket it follows from now on."""

    version: int = Field(ge=1, le=2**31 - 1, description="the version that the agent has read")
    into: Words = Field(min_length=1, max_length=32, description="the number of the other ticket")


class PartBody(StrictBody):
    """One part of what was told."""

    text: SpokenText = Field(
        min_length=1, max_length=4000, description="the part in the agent's words or the citizen's"
    )


class SplitBody(StrictBody):
    """What a ticket is split into."""

    version: int = Field(ge=1, le=2**31 - 1, description="the version that the agent has read")
    parts: Annotated[list[PartBody], Field(min_length=FEWEST_PARTS, max_length=MOST_PARTS)] = Field(
        description="different ones; the first stays with the ticket"
    )


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


async def split_ticket(request: web.Request) -> web.Response:
    """Split a ticket: the first part stays with it, each other becomes a ticket of its own."""
    parts, account, ticket_id = request.app[PARTS], request[ACCOUNT], ticket_number(request)
    given = await read_json(request, SplitBody)
    texts = [item.text.strip() for item in given.parts]
    check_parts(texts)
    try:
        await parts.splitting.split(ticket_id, account.name, given.version, texts)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return json_answer(await whole_ticket(parts, ticket_id, account))


def check_parts(texts: list[str]) -> None:
    """Raise a `Problem` where a part is empty, or says what another one says."""
    for place, text in enumerate(texts):
        if not text or text in texts[:place]:
            raise field_problem(
                [
                    FieldFault(
                        f"/parts/{place}/text",
                        "let each part say something that no other one says",
                        "每一部分都应有各自的内容",
                    )
                ]
            )
