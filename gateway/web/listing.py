"""The list of tickets, for agents all of them, for a unit clerk the unit's."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels.body import Words, faults_of
from gateway.accounts.permissions import Permission
from gateway.tickets.listing import Chosen, Confidence, Queue, list_lines
from gateway.tickets.workflow import Confirmation, Status
from gateway.web.agents import json_answer, visible_to
from gateway.web.parts import ACCOUNT, PARTS
from gateway.web.problems import field_problem
from triage.decision import Tier

Code = Annotated[Words, Field(min_length=1, max_length=64)]


class TicketLine(BaseModel):
    """One ticket of a list."""

    ticket_id: str
    version: int
    channel: str
    status: Status
    confirmation: Confirmation
    kind: str | None
    topic: str | None
    tier: Tier | None
    unit: str | None
    district: str | None
    confidence: float | None = Field(description="how likely the first candidate is right")
    untriaged: bool
    repeats: int
    cluster: str | None
    accepted_at: datetime
    dispatch_due_at: datetime | None
    claimed_by: str | None = Field(description="who is at work on it; never told to a unit")
    claimed_until: datetime | None


class TicketList(BaseModel):
    """Tickets, the one whose dispatch is due first on top."""

    tickets: list[TicketLine]


class ListQuery(BaseModel):
    """What may be asked of the list."""

    model_config = ConfigDict(extra="forbid")

    queue: Queue = "unconfirmed"
    tier: Tier | None = None
    channel: Code | None = None
    unit: Code | None = None
    district: Code | None = None
    confidence: Confidence | None = Field(
        None, description="of the first candidate: low below 0.5, high from 0.9 on"
    )
    limit: int = Field(100, ge=1, le=1000)


async def list_tickets(request: web.Request) -> web.Response:
    """List what waits for an agent, published or not, by dispatch due time.

    A unit clerk's list has only what was dispatched to the unit, and not who is at work on it.
    """
    try:
        query = ListQuery.model_validate(dict(request.query))
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
    parts, account = request.app[PARTS], request[ACCOUNT]
    async with parts.database.read() as connection:
        lines = await list_lines(
            connection, Chosen(**query.model_dump()), parts.clock.now(), visible_to(account)
        )
    if not account.may(Permission.READ_TICKETS):
        lines = [{**line, "claimed_by": None, "claimed_until": None} for line in lines]
    return json_answer({"tickets": lines})
