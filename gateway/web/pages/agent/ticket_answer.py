"""Answering a ticket on the spot by form: search the knowledge base, choose, edit, send."""

from typing import Any, Final

from aiohttp import web

from gateway.accounts.people import NoLongerKept, ReporterHidden
from gateway.accounts.permissions import Account
from gateway.intake.masking import mask
from gateway.knowledge.answering import Said
from gateway.tickets.store import TicketNotFound, find_tickets
from gateway.web.agents import AnswerBody, no_such_ticket, ticket_number
from gateway.web.pages.agent.guard import FORM
from gateway.web.pages.agent.ticket_acts import by_form, read_fields, version_of
from gateway.web.pages.agent.ticket_page import ticket_page
from gateway.web.pages.forms import PageForm
from gateway.web.parts import ACCOUNT, PARTS, WebParts
from gateway.web.people import Reason, people_refusal
from gateway.web.problems import Problem
from triage.decision import Kind


async def search_entries(request: web.Request) -> web.Response:
    """Show the ticket with what the query finds; one that was chosen stands in the answer."""
    form = request[FORM]
    if chosen := form.get("use"):
        entry = await request.app[PARTS].entries.find(chosen)
        if entry is not None and not entry.retired:
            form.values |= {
                "text": entry.content.answer,
                "entry": entry.id,
                "entry_version": str(entry.version),
            }
    return await ticket_page(request, ticket_number(request), act="entries", form=form)


async def _answer(parts: WebParts, account: Account, ticket_id: str, form: PageForm) -> str:
    entry_version = form.get("entry_version")
    fields: dict[str, Any] = {
        "version": max(version_of(form), 1),
        "text": form.get("text").strip(),
        "entry": form.get("entry") or None,
        "entry_version": int(entry_version) if entry_version.isdecimal() else None,
    }
    body = read_fields(AnswerBody, fields)
    said = Said(body.text, body.entry, body.entry_version)
    await parts.answers.answer(ticket_id, account.name, version_of(form), said)
    return "answered"


async def show_reporter(request: web.Request) -> web.Response:
    """Show the ticket with who the reporter is, once, for a reason; never for a report 举报."""
    return await _reveal(request, "reporters")


async def show_words(request: web.Request) -> web.Response:
    """Show the ticket with the words as they were told, once, for a reason."""
    return await _reveal(request, "originals")


async def _reveal(request: web.Request, what: str) -> web.Response:
    parts, account, ticket_id = request.app[PARTS], request[ACCOUNT], ticket_number(request)
    form, problem = request[FORM], None
    shown: dict[str, Any] = {}
    try:
        reason = mask(read_fields(Reason, {"reason": form.get("reason").strip()}).reason).text
        await _check_no_report(parts, ticket_id)
        ask = parts.people.reporters if what == "reporters" else parts.people.words
        shown = {what: await ask(ticket_id, account, reason)}
    except (TicketNotFound, ReporterHidden, NoLongerKept) as error:
        problem = people_refusal(error)
    except Problem as error:
        problem = error
    if problem is not None and problem.kind == "no-such-ticket":
        raise problem
    return await ticket_page(request, ticket_id, act=what, form=form, problem=problem, shown=shown)


async def _check_no_report(parts: WebParts, ticket_id: str) -> None:
    """Raise `ReporterHidden` for a report; this screen shows nobody who told of one."""
    async with parts.database.read() as connection:
        ticket = (await find_tickets(connection, [ticket_id])).get(ticket_id)
    if ticket is None:
        raise no_such_ticket()
    if ticket.kind in {None, Kind.REPORT}:
        raise ReporterHidden


answer_by_form: Final = by_form("answer", _answer)
