"""What the screen of one ticket shows, gathered in one reading of the store."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.permissions import Account, Permission
from gateway.confirmation.claiming import HAND_OVER_ANY
from gateway.intake.call_transcripts import Line, calls_of
from gateway.tickets.claims import Claim, living_claim
from gateway.tickets.numbers import show_ticket_id
from gateway.tickets.reading import ticket_with_history
from gateway.tickets.store import TicketNotFound, find_tickets
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import CLOSED, Confirmation, Status
from gateway.web.agents import no_such_ticket
from gateway.web.files import SHOWN
from gateway.web.pages.agent.marking import (
    Piece,
    Why,
    by_line,
    is_placed,
    marked,
    reasons_by_source,
)
from gateway.web.parts import WebParts
from triage.decision import DISTRICT

_LOCAL: Final = "属地政府"


@dataclass(frozen=True, slots=True)
class Said:
    """One message: its words in pieces, and what else it says."""

    message: dict[str, Any]
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class TimedLine:
    """What is said at a stretch, from when on in seconds; who says it is known of calls only."""

    start: float | None
    pieces: list[Piece]
    by_citizen: bool | None = None


@dataclass(frozen=True, slots=True)
class Medium:
    """One file: how it is shown, what was found in it; `kind` is image, audio, video or file."""

    kind: str
    source: str | None
    """Where it is fetched; None while it lies with its vendor."""
    view: str | None
    """The picture to show for it: made for looking at, or itself."""
    note: str | None
    facts: dict[str, Any]
    pieces: list[Piece]
    lines: list[TimedLine] = field(default_factory=list)
    """Its words in time; none where no times are known."""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Deadline:
    """One due time, since when it runs, and whether what is due has been done."""

    name: str
    begun: datetime
    due: datetime
    done: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that might be the right one, with its calibrated probability."""

    code: str
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket as its screen shows it to one account."""

    ticket: Ticket
    number: str
    said: list[Said]
    media: list[Medium]
    whys: list[Why]
    """All reasons; those that mark no place of a text are in `unplaced` too."""
    unplaced: list[Why]
    decision: dict[str, Any] | None
    candidates: list[Candidate]
    rest: float
    """The probability that none of the candidates is the right one."""
    unit_set: list[str]
    deadlines: list[Deadline]
    history: list[dict[str, Any]]
    claim: Claim | None
    is_mine: bool
    is_others: bool
    can_act: bool
    """Whether the account may confirm this ticket now."""
    can_see_files: bool
    can_hand_over: bool
    can_confirm: bool
    """Whether it can be confirmed as it stands: a unit is named."""
    undo_until: datetime | None
    is_report: bool


async def view_of(parts: WebParts, ticket_id: str, account: Account) -> TicketView:
    """Return the view; raise the `Problem` of a number that no ticket has."""
    async with parts.database.snapshot() as connection:
        try:
            document = await ticket_with_history(connection, ticket_id)
        except TicketNotFound:
            raise no_such_ticket() from None
        ticket = (await find_tickets(connection, [ticket_id]))[ticket_id]
        claim = await living_claim(connection, ticket_id, parts.clock.now())
        lines = await _lines(connection, parts, document)
    decision = document["decision"]
    reasons = reasons_by_source(decision["reasons"] if decision else [])
    lengths = _lengths(document)
    whys = sorted((why for found in reasons.values() for why in found), key=lambda w: w.number)
    placed = {why.number for source, found in reasons.items() for why in found
              if is_placed(why, lengths.get(source, 0))}  # fmt: skip
    is_others = claim is not None and claim.agent != account.name
    is_open = ticket.status not in CLOSED
    candidates = _candidates(parts, decision)
    named = {ticket.unit, *ticket.supporting_units}
    return TicketView(
        ticket=ticket,
        number=show_ticket_id(ticket_id),
        said=[
            Said(item, marked(item["text"], reasons.get(item["id"], ())))
            for item in document["messages"]
        ],
        media=_media(document, reasons, lines),
        whys=whys,
        unplaced=[why for why in whys if why.number not in placed],
        decision=decision,
        candidates=candidates,
        rest=max(0.0, 1 - sum(item.probability for item in candidates)),
        unit_set=[_name(parts, code) for code in decision["unit_set"]] if decision else [],
        deadlines=_deadlines(ticket),
        history=document["history"][::-1],
        claim=claim,
        is_mine=claim is not None and not is_others,
        is_others=is_others,
        can_act=account.may(Permission.CONFIRM_TICKETS) and is_open and not is_others,
        can_see_files=account.may(Permission.CONFIRM_TICKETS),
        can_hand_over=account.may(Permission.HAND_OVER)
        and is_open
        and (not is_others or account.role in HAND_OVER_ANY),
        can_confirm=ticket.unit is not None and DISTRICT not in named,
        undo_until=_undo_until(parts, ticket, document["history"]),
        is_report=ticket.kind in {None, "report"},
    )


def unit_words(parts: WebParts, code: str | None) -> str:
    """Return a unit as it stands in a field: its name, what is local government's included."""
    return _name(parts, code) if code else ""


def _name(parts: WebParts, code: str) -> str:
    return _LOCAL if code == DISTRICT else parts.unit_name(code)


async def _lines(
    connection: AsyncConnection, parts: WebParts, document: dict[str, Any]
) -> dict[str, list[Line]]:
    if not any(item["channel"] == "voice" for item in document["messages"]):
        return {}
    return await calls_of(connection, parts.vault, document["ticket_id"])


def _lengths(document: dict[str, Any]) -> dict[str, int]:
    texts = [(item["id"], item["text"]) for item in (*document["messages"], *document["media"])]
    return {source: len(text or "") for source, text in texts}


def _candidates(parts: WebParts, decision: dict[str, Any] | None) -> list[Candidate]:
    return [
        Candidate(item["code"], _name(parts, item["code"]), item["probability"])
        for item in (decision["candidates"] if decision else ())
    ]


def _media(
    document: dict[str, Any], reasons: dict[str, list[Why]], calls: dict[str, list[Line]]
) -> list[Medium]:
    """Return the files, those that nobody reads included; a call's lines go with its recording."""
    sizes = {item["address"]: item["size"] for item in document["attachments"]}
    waiting = [
        TimedLine(line.start, [Piece(line.text)], line.by_citizen)
        for lines in calls.values()
        for line in lines
    ]
    found: list[Medium] = []
    for item in document["media"]:
        pieces = marked(item["text"] or "", reasons.get(item["id"], ()))
        medium = _medium(document["ticket_id"], item, pieces, sizes.get(item["address"]))
        if medium.kind == "audio" and waiting:
            medium.lines.extend(waiting)
            waiting = []
        elif item["line_starts"]:
            medium.lines.extend(_timed(item["line_starts"], pieces))
        found.append(medium)
    read = {item["address"] for item in document["media"]}
    found += [
        _medium(document["ticket_id"], item, [], item["size"])
        for item in document["attachments"]
        if item["address"] not in read
    ]
    if waiting:
        found.insert(0, Medium("call", None, None, None, {}, [], waiting))
    return found


def _timed(starts: list[float | None], pieces: list[Piece]) -> list[TimedLine]:
    known = itertools.chain(starts, itertools.repeat(None))
    return [TimedLine(start, line) for line, start in zip(by_line(pieces), known, strict=False)]


def _medium(ticket_id: str, item: dict[str, Any], pieces: list[Piece], size: int | None) -> Medium:
    media_type = item["media_type"] or ""
    kind = media_type.partition("/")[0]
    shown = media_type in SHOWN
    derived = [made["address"] for made in item.get("derived", ())]
    own = _path(ticket_id, item["address"]) if item["address"] else None
    made = _path(ticket_id, derived[0]) if derived else None
    # A player for what no browser plays would only be in the way.
    playable = shown or own is None or (kind == "image" and made is not None)
    view = made or (own if kind == "image" else None)
    return Medium(
        kind if kind in {"image", "audio", "video"} and playable else "file",
        own, view, item.get("note"), item.get("facts", {}), pieces, [], size,
    )  # fmt: skip


def _path(ticket_id: str, address: str) -> str:
    return f"/api/v1/tickets/{ticket_id}/attachments/{address}"


def _deadlines(ticket: Ticket) -> list[Deadline]:
    since = ticket.dispatched_at or ticket.accepted_at
    waits = ticket.status in {Status.RECEIVED, Status.AWAITING_CONFIRMATION}
    taken = not waits and ticket.status not in {Status.DISPATCHED, Status.RETURNED}
    closed = ticket.status in CLOSED
    found = [
        ("dispatch", ticket.accepted_at, ticket.dispatch_due_at,
         ticket.dispatched_at is not None or closed),
        ("publish", ticket.accepted_at, ticket.publish_at, False),
        ("acknowledge", since, ticket.acknowledge_due_at, taken),
        ("report", since, ticket.report_due_at, closed or ticket.status is Status.REPORTED),
    ]  # fmt: skip
    return [Deadline(name, begun, due, done) for name, begun, due, done in found if due]


def _undo_until(parts: WebParts, ticket: Ticket, history: list[dict[str, Any]]) -> datetime | None:
    """Return until when the last confirmation can be taken back; None where it cannot be."""
    if ticket.confirmation is not Confirmation.AGENT or ticket.confirmed_at is None:
        return None
    if not history or history[-1]["event"] != "confirmed":
        return None
    until = ticket.confirmed_at + parts.desk.undo_for
    return until if until > parts.clock.now() else None
