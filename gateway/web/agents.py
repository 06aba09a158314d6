"""The agents' side of the API: what waits, one ticket, confirm or correct it, undo that."""

from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import ColumnElement, literal, select, true

from channels.body import SpokenText, StrictBody, Words, faults_of
from gateway.accounts.permissions import Account, Permission
from gateway.knowledge.answering import Said
from gateway.repeats.clusters import read_cluster
from gateway.tickets import schema
from gateway.tickets.document import TicketDocument, dump_document
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from gateway.tickets.reading import TICKET_QUEUES, ticket_with_history
from gateway.tickets.refusal import Refused
from gateway.tickets.store import TicketNotFound
from gateway.tickets.workflow import Confirmation, Status
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem, field_problem
from triage.decision import Kind, Route, Tier, Topic

Code = Annotated[str, Field(min_length=1, max_length=64)]


class Choice(BaseModel):
    """What an agent confirms: the version they saw, and whatever they correct."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=2**31 - 1, description="the version that the agent has read")
    kind: Kind | None = None
    topic: Topic | None = None
    matter: Code | None = None
    tier: Tier | None = None
    route: Route | None = None
    unit: Code | None = Field(None, description="a code of units.csv")
    supporting_units: Annotated[list[Code], Field(max_length=10)] | None = None
    district: Code | None = None
    street: Code | None = None
    complex: bool | None = Field(None, description="复杂疑难: 15 days instead of 7 for general")


class AnswerBody(StrictBody):
    """What an agent answers on the spot, to the version they saw."""

    version: int = Field(ge=1, le=2**31 - 1, description="the version that the agent has read")
    text: SpokenText = Field(min_length=1, max_length=4000, description="what the citizen is told")
    entry: Annotated[Words, Field(min_length=1, max_length=64)] | None = Field(
        None, description="the entry of the knowledge base, if it is one"
    )
    entry_version: int | None = Field(None, ge=1, le=2**31 - 1)


class TicketLine(BaseModel):
    """One ticket of a list."""

    ticket_id: str
    version: int
    status: Status
    confirmation: Confirmation
    tier: Tier | None
    unit: str | None
    district: str | None
    accepted_at: datetime
    dispatch_due_at: datetime | None


class TicketList(BaseModel):
    """Tickets, the one whose dispatch is due first on top."""

    tickets: list[TicketLine]


class TicketHistoryLine(BaseModel):
    """One line of a ticket's history."""

    version: int
    at: datetime
    event: str
    actor: str
    status: Status
    detail: dict[str, Any]


class TicketWithHistory(TicketDocument):
    """A ticket as agents read it."""

    history: list[TicketHistoryLine]


class ClusterTicket(BaseModel):
    """One ticket of a cluster."""

    ticket_id: str
    status: Status
    tier: Tier | None
    unit: str | None
    district: str | None
    accepted_at: datetime
    repeats: int


class ClusterReason(BaseModel):
    """What two tickets have in common: masked words that both hold."""

    kind: Literal["same_matter"]
    places: list[str]
    words: list[str]


class ClusterLink(BaseModel):
    """Why a ticket is in the cluster."""

    ticket_id: str
    other: str = Field(description="the ticket that it is like")
    score: int = Field(description="how alike, in thousandths")
    reason: ClusterReason
    at: datetime


class Cluster(BaseModel):
    """Tickets of different people on one matter, oldest first; the newest 1,000 of them."""

    cluster: str
    tickets: list[ClusterTicket]
    links: list[ClusterLink]


class ListQuery(BaseModel):
    """What may be asked of the list."""

    model_config = ConfigDict(extra="forbid")

    queue: Literal["unconfirmed", "aside", "all"] = "unconfirmed"
    tier: Tier | None = None
    limit: int = Field(100, ge=1, le=1000)


async def list_tickets(request: web.Request) -> web.Response:
    """List what waits for an agent, published or not, by dispatch due time.

    A unit clerk's list has only what was dispatched to the unit.
    """
    try:
        query = ListQuery.model_validate(dict(request.query))
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
    table = schema.tickets.c
    names = [name for name in TicketLine.model_fields if name != "ticket_id"]
    statement = (
        select(table.id.label("ticket_id"), *(table[name] for name in names))
        .order_by(table.dispatch_due_at, table.id)
        .limit(query.limit)
    )
    statement = statement.where(TICKET_QUEUES[query.queue])
    if query.tier is not None:
        statement = statement.where(table.tier == query.tier)
    statement = statement.where(_visible_to(request[ACCOUNT]))
    async with request.app[PARTS].database.read() as connection:
        rows = (await connection.execute(statement)).all()
    # Not the rows' own names: they are no plain `str`, and the JSON writer refuses them.
    lines = [dict(zip(TicketLine.model_fields, row, strict=True)) for row in rows]
    return _json({"tickets": lines})


async def show_ticket(request: web.Request) -> web.Response:
    """Show one ticket with its decision, words (masked) and history."""
    parts, ticket_id = request.app[PARTS], ticket_number(request)
    visible = select(schema.tickets.c.id).where(
        schema.tickets.c.id == ticket_id, _visible_to(request[ACCOUNT])
    )
    async with parts.database.read() as connection:
        if await connection.scalar(visible) is None:
            raise no_such_ticket()
    return _json(await _whole(parts, ticket_id))


def _visible_to(account: Account) -> ColumnElement[bool]:
    """Return the condition of the tickets that an account may see."""
    if account.may(Permission.READ_TICKETS):
        return true()
    # Nobody has the unit NULL: without a unit there is nothing to see.
    return schema.tickets.c.dispatched_unit == literal(account.unit)


async def _whole(parts: WebParts, ticket_id: str) -> dict[str, Any]:
    async with parts.database.read() as connection:
        try:
            return await ticket_with_history(connection, ticket_id)
        except TicketNotFound:
            raise no_such_ticket() from None


async def show_cluster(request: web.Request) -> web.Response:
    """List the tickets of different people on one matter, and why they are linked."""
    cluster = ticket_number(request)
    async with request.app[PARTS].database.read() as connection:
        members, links = await read_cluster(connection, cluster)
    if not members:
        raise no_such_ticket()
    return _json({"cluster": cluster, "tickets": members, "links": links})


async def confirm_ticket(request: web.Request) -> web.Response:
    """Accept the suggested route, or correct it; published when it can no longer be undone."""
    parts = request.app[PARTS]
    ticket_id = ticket_number(request)
    choice = await read_json(request, Choice)
    given = choice.model_dump(exclude_unset=True, exclude={"version"})
    given = {name: value for name, value in given.items() if value is not None}
    try:
        await parts.desk.confirm(ticket_id, request[ACCOUNT].name, choice.version, given)
    except (Refused, TicketNotFound) as error:
        raise _refusal(error) from None
    return _json(await _whole(parts, ticket_id))


async def undo_confirmation(request: web.Request) -> web.Response:
    """Take a confirmation back while that is possible."""
    parts = request.app[PARTS]
    ticket_id = ticket_number(request)
    try:
        await parts.desk.undo(ticket_id, request[ACCOUNT].name)
    except (Refused, TicketNotFound) as error:
        raise _refusal(error) from None
    return _json(await _whole(parts, ticket_id))


async def answer_ticket(request: web.Request) -> web.Response:
    """Answer on the spot: the ticket closes, and the citizen is told."""
    parts = request.app[PARTS]
    ticket_id = ticket_number(request)
    given = await read_json(request, AnswerBody)
    said = Said(given.text, given.entry, given.entry_version)
    try:
        await parts.answers.answer(ticket_id, request[ACCOUNT].name, given.version, said)
    except (Refused, TicketNotFound) as error:
        raise _refusal(error) from None
    return _json(await _whole(parts, ticket_id))


def _refusal(error: Refused | TicketNotFound) -> Problem:
    if isinstance(error, TicketNotFound):
        return no_such_ticket()
    return Problem(error.problem, error.remedy, error.remedy_zh)


def ticket_number(request: web.Request) -> str:
    """Return the number in the path; raise a `Problem` where it is none."""
    try:
        return read_ticket_id(request.match_info["ticket_id"])
    except MalformedNumber:
        raise no_such_ticket() from None


def no_such_ticket() -> Problem:
    """Return the problem of a number that no ticket has, or none that one may see."""
    return Problem(
        "no-such-ticket",
        "check the number: it has 15 digits, and the last one checks the others",
        "请核对工单号:共 15 位数字,末位为校验码",
    )


def _json(document: dict[str, Any]) -> web.Response:
    return web.Response(
        body=dump_document(document).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
