"""`/agent/search`: search over all tickets; what is looked for stands in no address."""

from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from channels.body import faults_of
from gateway.accounts.permissions import Permission
from gateway.oversight.searching import Found
from gateway.tickets.workflow import Status
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.agent.guard import FORM
from gateway.web.pages.forms import PageForm, faults_by_field
from gateway.web.pages.rendering import told
from gateway.web.pages.supervisor.names import names
from gateway.web.parts import ACCOUNT
from gateway.web.problems import Problem, field_problem
from gateway.web.searching import SearchTickets, look_for

PATH = "/agent/search"
ASKED: Final = ("words", "unit", "tier", "status", "channel", "district", "since", "until")
_FIELDS: Final = tuple((f"/{name}", name) for name in ASKED)


async def show_search(request: web.Request) -> web.Response:
    """Show the form."""
    return _page(request, PageForm())


async def search_by_form(request: web.Request) -> web.Response:
    """Show what was found beneath the form; sent by POST, so that words stay out of addresses."""
    form = request[FORM]
    try:
        found = await look_for(request, _asked(form))
    except ValidationError as error:
        return _page(request, form, problem=field_problem(faults_of(error)))
    except Problem as problem:
        return _page(request, form, problem=problem)
    return _page(request, form, found)


def _asked(form: PageForm) -> SearchTickets:
    given: dict[str, Any] = {name: value for name in ASKED if (value := form.get(name).strip())}
    before = form.get("before")
    if before.isascii() and before.isdecimal() and len(before) < 20:
        given["before"] = int(before)
    return SearchTickets.model_validate(given)


def _page(
    request: web.Request,
    form: PageForm,
    found: Found | None = None,
    problem: Problem | None = None,
) -> web.Response:
    context = {
        **names(request),
        "asked": {name: form.get(name) for name in ASKED},
        "found": found,
        "later": bool(form.get("before")),
        "every_status": list(Status),
        "by_phone": request[ACCOUNT].may(Permission.REVEAL_PEOPLE),
        "problem": told(request, problem) if problem else None,
        "faults": faults_by_field(request, problem, _FIELDS) if problem else {},
        "marked": lambda text: _marked(text, found.words if found else []),
    }
    status = problem.status if problem else 200
    return render_agent(
        request, "supervisor_search.html", context, here=PATH, tab=PATH, status=status
    )


def _marked(text: str, words: list[str]) -> list[tuple[str, bool]]:
    """Return the pieces of an excerpt, and whether each is one of the words looked for."""
    pieces: list[tuple[str, bool]] = []
    rest, lowered = 0, text.lower()
    while rest < len(text):
        places = [(place, len(word)) for word in words if (place := lowered.find(word, rest)) >= 0]
        if not places or len(lowered) != len(text):
            break
        place, length = min(places, key=lambda item: (item[0], -item[1]))
        pieces += [(text[rest:place], False), (text[place : place + length], True)]
        rest = place + length
    return [piece for piece in [*pieces, (text[rest:], False)] if piece[0]]
