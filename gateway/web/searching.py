"""Search over all tickets: by words of masked texts, by number, and by what else is known."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from channels.body import StrictBody, Words
from channels.errors import FieldFault
from gateway.accounts.permissions import Account, Permission
from gateway.intake.masking import numbers_in
from gateway.oversight.searching import Found, Question
from gateway.tickets.document import dump_document
from gateway.tickets.numbers import BEIJING, MalformedNumber, read_ticket_id
from gateway.tickets.workflow import Confirmation, Status
from gateway.web.body import read_json
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import field_problem
from triage.decision import Kind, Tier

ONE_DAY: Final = timedelta(days=1)
Code = Annotated[Words, Field(min_length=1, max_length=64)]


class SearchTickets(StrictBody):
    """What is looked for; fields that are left out do not matter."""

    words: Words = Field("", max_length=200, examples=["停水 六号楼"],
                         description="words that a ticket's masked texts must all hold; "
                         "a ticket's number; or a telephone number")  # fmt: skip
    unit: Code | None = None
    tier: Literal["emergency", "livelihood", "general"] | None = None
    status: Annotated[str, Field(pattern="^[a-z_]{1,24}$")] | None = None
    channel: Annotated[Words, Field(min_length=1, max_length=32)] | None = None
    district: Code | None = None
    since: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = Field(
        None, description="accepted on this day in Beijing or later", examples=["2026-03-01"]
    )
    until: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = Field(
        None, description="accepted on this day in Beijing or before"
    )
    before: int | None = Field(None, ge=0, le=2**62, description="`more` of the page before")
    limit: int = Field(20, ge=1, le=100)


class FoundTicket(BaseModel):
    """One ticket that was found; the excerpt is masked."""

    ticket_id: str
    channel: str
    status: Status
    confirmation: Confirmation
    tier: Tier | None
    kind: Kind | None
    unit: str | None
    district: str | None
    accepted_at: datetime
    dispatch_due_at: datetime | None
    cluster: str | None
    excerpt: str


class FoundTickets(BaseModel):
    """What was found, the newest first."""

    tickets: list[FoundTicket]
    more: int | None = Field(description="where the next page begins")


async def search_tickets(request: web.Request) -> web.Response:
    """Search all tickets; what is looked for stands in no URL, and is not kept."""
    body = await read_json(request, SearchTickets)
    found = await look_for(request, body)
    return send_json({"tickets": found.tickets, "more": found.more})


async def look_for(request: web.Request, body: SearchTickets) -> Found:
    """Return a page of what fits; raise a `Problem` where a day is none."""
    parts, account = request.app[PARTS], request[ACCOUNT]
    return await parts.supervisors.search(_question(parts, body, account), account.name)


def _question(parts: WebParts, body: SearchTickets, account: Account) -> Question:
    words, number, digests = body.words, None, []
    until = _day_of(body.until, "/until")
    try:
        number = read_ticket_id(words.strip())
        words = ""
    except MalformedNumber:
        people = numbers_in(words)
        if people and account.may(Permission.REVEAL_PEOPLE):
            digests = [parts.vault.digest(kind, value) for kind, value in people]
            words = ""
    given = {
        name: getattr(body, name)
        for name in ("unit", "tier", "status", "channel", "district", "before", "limit")
    }
    return Question(
        words,
        number,
        digests,
        since=_day_of(body.since, "/since"),
        until=None if until is None else until + ONE_DAY,
        **given,
    )


def _day_of(given: str | None, field: str) -> datetime | None:
    try:
        return None if given is None else begin_of(date.fromisoformat(given))
    except ValueError:
        fault = FieldFault(field, "give a day as 2026-03-01", "请填写日期,如 2026-03-01")
        raise field_problem([fault]) from None


def begin_of(day: date) -> datetime:
    """Return when a day of Beijing begins, in UTC."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)


def send_json(document: dict[str, Any], status: int = 200) -> web.Response:
    """Return a document that nobody may keep."""
    return web.Response(
        status=status,
        body=dump_document(document).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
