"""The agents' side of the API: one ticket, confirm or correct it, undo that, answer it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, literal, select, true

from channels.body import SpokenText, StrictBody, Words
from gateway.accounts.permissions import Account, Permission
from gateway.conversation.questions import questions_of
from gateway.knowledge.answering import Said
from gateway.repeats.clusters import read_cluster
from gateway.tickets import schema
from gateway.tickets.claims import Claim, living_claim
from gateway.tickets.document import TicketDocument, dump_document
from gateway.tickets.numbers import MalformedNumber, read_ticket_id
from gateway.tickets.reading import ticket_with_history
from gateway.tickets.refusal import Refused
from gateway.tickets.splits import parts_of
from gateway.tickets.store import TicketNotFound
from gateway.tickets.workflow import Status
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem
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


class TicketHistoryLine(BaseModel):
    """One line of a ticket's history."""

    version: int
    at: datetime
    event: str
    actor: str
    status: Status
    detail: dict[str, Any]


class TicketClaim(BaseModel):
    """Who is at work on a ticket, and until when."""

    agent: str
    until: datetime
    handed_by: str | None = Field(description="the colleague who handed it over")
    note: str | None = Field(description="what they left with it, masked")


class TicketQuestion(BaseModel):
    """What an agent asked the citizen."""

    at: datetime
    agent: str
    text: str = Field(description="masked")
    channel: str | None = Field(description="null where it stands only on the appeal's page")
    state: str | None = Field(description="waiting, sent, failed, callback, called")
    answered_at: datetime | None = Field(description="when the citizen said something next")


class TicketPart(BaseModel):
    """One part of a ticket that was split."""

    ticket_id: str
    text: str = Field(description="masked")
    status: Status
    unit: str | None
    agent: str
    at: datetime


class TicketWithHistory(TicketDocument):
    """A ticket as agents read it."""

    parts: list[TicketPart] = Field(description="what it was split into, its own part first")
    questions: list[TicketQuestion]
    claim: TicketClaim | None = Field(description="null where nobody is; never told to a unit")
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


async def show_ticket(request: web.Request) -> web.Response:
    """Show one ticket with its decision, words (masked) and history."""
    parts, ticket_id = request.app[PARTS], ticket_number(request)
    visible = select(schema.tickets.c.id).where(
        schema.tickets.c.id == ticket_id, visible_to(request[ACCOUNT])
    )
    async with parts.database.read() as connection:
        if await connection.scalar(visible) is None:
            raise no_such_ticket()
    return json_answer(await whole_ticket(parts, ticket_id, request[ACCOUNT]))


def visible_to(account: Account) -> ColumnElement[bool]:
    """Return the condition of the tickets that an account may see."""
    if account.may(Permission.READ_TICKETS):
        return true()
    # Nobody has the unit NULL: without a unit there is nothing to see.
    return schema.tickets.c.dispatched_unit == literal(account.unit)


async def whole_ticket(parts: WebParts, ticket_id: str, account: Account) -> dict[str, Any]:
    """Return what an account reads of a ticket; raise a `Problem` where there is none.

    Who is at work on it, and who handed it to whom, is the hotline's business and no unit's.
    """
    async with parts.database.snapshot() as connection:
        try:
            found = await ticket_with_history(connection, ticket_id)
        except TicketNotFound:
            raise no_such_ticket() from None
        claim = await living_claim(connection, ticket_id, parts.clock.now())
        asked = await questions_of(connection, ticket_id)
        pieces = await parts_of(connection, ticket_id)
    found["parts"] = [
        {name: getattr(item, name) for name in TicketPart.model_fields} for item in pieces
    ]
    found["questions"] = [
        {name: getattr(item, name) for name in TicketQuestion.model_fields} for item in asked
    ]
    if not account.may(Permission.READ_TICKETS):
        history = [line for line in found["history"] if line["event"] != "handed_over"]
        return {**found, "history": history, "claim": None}
    return {**found, "claim": _claim(claim) if claim else None}


def _claim(claim: Claim) -> dict[str, Any]:
    return {name: getattr(claim, name) for name in TicketClaim.model_fields}


async def show_cluster(request: web.Request) -> web.Response:
    """List the tickets of different people on one matter, and why they are linked."""
    cluster = ticket_number(request)
    async with request.app[PARTS].database.read() as connection:
        members, links = await read_cluster(connection, cluster)
    if not members:
        raise no_such_ticket()
    return json_answer({"cluster": cluster, "tickets": members, "links": links})


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
        raise refusal_problem(error) from None
    return json_answer(await whole_ticket(parts, ticket_id, request[ACCOUNT]))


async def undo_confirmation(request: web.Request) -> web.Response:
    """Take a confirmation back while that is possible."""
    parts = request.app[PARTS]
    ticket_id = ticket_number(request)
    try:
        await parts.desk.undo(ticket_id, request[ACCOUNT].name)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return json_answer(await whole_ticket(parts, ticket_id, request[ACCOUNT]))


async def answer_ticket(request: web.Request) -> web.Response:
    """Answer on the spot: the ticket closes, and the citizen is told."""
    parts = request.app[PARTS]
    ticket_id = ticket_number(request)
    given = await read_json(request, AnswerBody)
    said = Said(given.text, given.entry, given.entry_version)
    try:
        await parts.answers.answer(ticket_id, request[ACCOUNT].name, given.version, said)
    except (Refused, TicketNotFound) as error:
        raise refusal_problem(error) from None
    return json_answer(await whole_ticket(parts, ticket_id, request[ACCOUNT]))


def refusal_problem(error: Refused | TicketNotFound) -> Problem:
    """Return the problem that tells an agent what cannot be done, and what to do instead."""
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


def json_answer(document: dict[str, Any]) -> web.Response:
    """Return the answer that tells it, kept by nobody; times may still be `datetime`."""
    return web.Response(
        body=dump_document(document).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
