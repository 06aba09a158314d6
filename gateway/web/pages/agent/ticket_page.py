"""`/agent/tickets/{ticket_id}`: one appeal on one screen, with all that an agent may do with it."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.accounts.permissions import Permission
from gateway.confirmation.splitting import MOST_PARTS
from gateway.intake.masking import mask
from gateway.knowledge.base import TooBusy
from gateway.knowledge.entries import Entry
from gateway.repeats.earlier import earlier_of
from gateway.repeats.similar import similar_to
from gateway.tickets.listing import Chosen, list_lines
from gateway.tickets.numbers import show_ticket_id
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import ALLOWED, Status
from gateway.web.agents import ticket_number
from gateway.web.pages.agent import ticket_words
from gateway.web.pages.agent.frame import HOME, render_agent
from gateway.web.pages.agent.ticket_view import TicketView, unit_words, view_of
from gateway.web.pages.agent.words import CHANNELS, TIERS
from gateway.web.pages.forms import PageForm, faults_by_field
from gateway.web.pages.look import look_of
from gateway.web.pages.rendering import see, told
from gateway.web.pages.words import beijing_time
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.problems import Problem
from triage.decision import DISTRICT

_MOST_ENTRIES: Final = 4
_FITS_FROM: Final = 0.5
_NEXT_AMONG: Final = 200
SUPPORTING: Final = ("supporting_1", "supporting_2", "supporting_3")
PARTS_OF_SPLIT: Final = tuple(f"part_{number}" for number in range(1, MOST_PARTS + 1))
_FIELDS: Final = tuple(
    (f"/{name}", name)
    for name in ("unit", *SUPPORTING, "district", "kind", "tier", "topic", "text", "to", "note",
                 "question-text", "reason", *PARTS_OF_SPLIT)
)  # fmt: skip


async def show_ticket_page(request: web.Request) -> web.Response:
    """Show the ticket."""
    return await ticket_page(request, ticket_number(request))


async def go_to_next(request: web.Request) -> web.Response:
    """Go to the ticket that runs out first of those that are nobody else's, else to the queue."""
    parts, account = request.app[PARTS], request[ACCOUNT]
    async with parts.database.read() as connection:
        chosen = Chosen(limit=_NEXT_AMONG)
        lines = await list_lines(connection, chosen, parts.clock.now())
    left = request.query.get("after")
    for line in lines:
        if line["ticket_id"] != left and line["claimed_by"] in {None, account.name}:
            return see(f"/agent/tickets/{line['ticket_id']}")
    return see(HOME)


async def ticket_page(
    request: web.Request,
    ticket_id: str,
    *,
    act: str = "",
    form: PageForm | None = None,
    problem: Problem | None = None,
    shown: Mapping[str, Any] | None = None,
) -> web.Response:
    """Return the page; with what was typed in the form of `act`, and what is wrong with it.

    `shown` is what a form asked to be shown beside it. Raises the `Problem` of no such ticket.
    """
    parts, account = request.app[PARTS], request[ACCOUNT]
    view = await view_of(parts, ticket_id, account)
    look = look_of(request)
    async with parts.database.read() as connection:
        similar = await similar_to(connection, view.ticket, parts.clock.now())
        earlier = await earlier_of(connection, view.ticket)
    context = {
        "similar": similar,
        "earlier": earlier,
        "number": show_ticket_id,
        "v": view,
        "t": view.ticket,
        "me": account.name,
        "act": act,
        "values": _values(parts, view, act, form),
        "problem": told(request, problem) if problem else None,
        "faults": faults_by_field(request, problem, _FIELDS) if problem else {},
        # What can be undone is told where that is done.
        "notice": None if view.undo_until else _notice(request),
        "units": parts.units.all_units(),
        "districts": [unit for unit in parts.units.all_units() if unit.kind == "district"],
        "supporting": SUPPORTING,
        "unit_words": lambda code: unit_words(parts, code),
        "area": parts.area_name,
        "now": parts.clock.now(),
        "minute": lambda moment: beijing_time(moment, look),
        "left": lambda due: ticket_words.left_until(due, parts.clock.now(), look),
        "tone": lambda item: ticket_words.tone_of(item.begun, item.due, parts.clock.now()),
        "words_of": lambda names, code: look.say(*ticket_words.pair_of(names, code)),
        "w": ticket_words,
        "tiers": TIERS,
        "channels": CHANNELS,
        "may_answer": view.can_act and Status.ANSWERED in ALLOWED[view.ticket.status],
        "may_merge": view.can_act and account.may(Permission.SPLIT_MERGE),
        "part_names": PARTS_OF_SPLIT,
        "said_all": "\n".join(item.message["text"] for item in view.said),
        "may_separate": account.may(Permission.SPLIT_MERGE) and not view.is_others,
        "may_reveal": account.may(Permission.CONFIRM_TICKETS) and not view.is_report,
        "entries": await _entries(parts, view, form if act == "entries" else None),
        "colleagues": await _colleagues(parts, view, account.name),
        "claim_seconds": int(parts.claims.lease.total_seconds()),
        "reporters": None,
        "originals": None,
        **(shown or {}),
    }
    status = problem.status if problem else 200
    here = f"/agent/tickets/{ticket_id}"
    return render_agent(request, "agent_ticket.html", context, here=here, tab=HOME, status=status)


def _notice(request: web.Request) -> str | None:
    pair = ticket_words.DONE.get(request.query.get("done", ""))
    return look_of(request).say(*pair) if pair else None


def _values(parts: WebParts, view: TicketView, act: str, form: PageForm | None) -> dict[str, str]:
    """Return what stands in the fields: what was typed, else what the ticket says."""
    typed = dict(form.values) if form is not None else {}
    found = {} if act == "correct" else _as_it_stands(parts, view.ticket)
    return {**found, **typed}


def _as_it_stands(parts: WebParts, ticket: Ticket) -> dict[str, str]:
    supporting = dict(zip(SUPPORTING, ticket.supporting_units, strict=False))
    return {
        "unit": unit_words(parts, ticket.unit),
        **{name: unit_words(parts, code) for name, code in supporting.items()},
        "kind": ticket.kind or "",
        "topic": ticket.topic or "",
        "tier": str(ticket.tier or ""),
        "district": ticket.district or (ticket.unit or "" if _is_district(ticket.unit) else ""),
        "complex": "1" if ticket.complex else "",
    }


def _is_district(code: str | None) -> bool:
    return code is not None and code.startswith(f"{DISTRICT}-")


async def _entries(parts: WebParts, view: TicketView, form: PageForm | None) -> list[Entry]:
    """Return the entries of the knowledge base that may answer, or that were searched for."""
    if not view.can_act or Status.ANSWERED not in ALLOWED[view.ticket.status]:
        return []
    query = form.get("query") if form is not None else ""
    text = query or " ".join(item.message["text"] for item in view.said)
    try:
        found = await parts.knowledge.look_up(
            mask(text).text[:500], parts.clock.now(), _MOST_ENTRIES
        )
    except TooBusy:
        return []
    return [item.entry for item in found.found if query or item.score >= _FITS_FROM]


async def _colleagues(parts: WebParts, view: TicketView, me: str) -> list[str]:
    if not view.can_hand_over:
        return []
    return [item["name"] for item in await parts.claims.colleagues() if item["name"] != me]
