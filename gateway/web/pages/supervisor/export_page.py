"""`/agent/export`: tickets and corrections as files."""

from typing import Final

from aiohttp import web
from pydantic import ValidationError

from channels.body import faults_of
from gateway.oversight.exporting import Exported
from gateway.web.oversight import ExportQuery, send_export
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.agent.guard import FORM
from gateway.web.pages.forms import PageForm, faults_by_field
from gateway.web.pages.rendering import told
from gateway.web.problems import Problem, field_problem

PATH = "/agent/export"
_FIELDS: Final = (("/since", "since"), ("/until", "until"))


async def show_export(request: web.Request) -> web.Response:
    """Ask what is wanted, and of which days."""
    return _page(request, PageForm())


async def export_by_form(request: web.Request) -> web.StreamResponse:
    """Send the file."""
    form = request[FORM]
    what = "corrections" if form.get("what") == "corrections" else "tickets"
    given = {name: value for name in ("since", "until") if (value := form.get(name).strip())}
    try:
        query = ExportQuery.model_validate({**given, "excel": bool(form.get("excel"))})
    except ValidationError as error:
        return _page(request, form, field_problem(faults_of(error)))
    return await send_export(request, Exported(what), query)


def _page(request: web.Request, form: PageForm, problem: Problem | None = None) -> web.Response:
    context = {
        "what": form.get("what") or "tickets",
        "since": form.get("since"),
        "until": form.get("until"),
        "excel": not form.values or bool(form.get("excel")),
        "problem": told(request, problem) if problem else None,
        "faults": faults_by_field(request, problem, _FIELDS) if problem else {},
    }
    status = problem.status if problem else 200
    return render_agent(
        request, "supervisor_export.html", context, here=PATH, tab=PATH, status=status
    )
