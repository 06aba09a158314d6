"""`/agent/surge`: whether calls surge, what is proposed, and the switch, with grounds."""

from typing import Any

from aiohttp import web
from pydantic import ValidationError

from channels.body import faults_of
from gateway.intake.masking import mask
from gateway.web.oversight import LONGEST_GROUNDS, Grounds, surge_document, switch_surge
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.agent.guard import FORM
from gateway.web.pages.forms import PageForm, faults_by_field
from gateway.web.pages.look import look_of
from gateway.web.pages.rendering import see, told
from gateway.web.pages.words import Pair
from gateway.web.parts import PARTS
from gateway.web.problems import Problem, field_problem

PATH = "/agent/surge"
_FIELDS = (("/grounds", "grounds"),)
_DONE: dict[str, Pair] = {
    "opened": ("激增模式已启用，此后受理的一般诉求派单时限为 48 小时。",
               "The surge is open: general appeals accepted from now on have 48 hours."),
    "closed": ("激增模式已结束，期间受理的工单时限不变。",
               "The surge is closed; tickets accepted meanwhile keep their clock."),
}  # fmt: skip


async def show_surge_page(request: web.Request) -> web.Response:
    """Show the state, the proposal with its figures, and the form that fits."""
    return await _page(request)


async def open_by_form(request: web.Request) -> web.Response:
    """Open a surge."""
    return await _switch(request, is_open=True)


async def close_by_form(request: web.Request) -> web.Response:
    """Close the surge."""
    return await _switch(request, is_open=False)


async def _switch(request: web.Request, *, is_open: bool) -> web.Response:
    form = request[FORM]
    try:
        grounds = Grounds.model_validate({"grounds": form.get("grounds").strip()}).grounds
        await switch_surge(request, mask(grounds).text, is_open=is_open)
    except ValidationError as error:
        return await _page(request, form, field_problem(faults_of(error)))
    except Problem as problem:
        return await _page(request, form, problem)
    return see(f"{PATH}?done={'opened' if is_open else 'closed'}")


async def _page(
    request: web.Request, form: PageForm | None = None, problem: Problem | None = None
) -> web.Response:
    supervisors = request.app[PARTS].supervisors
    state = await supervisors.surge()
    done = _DONE.get(request.query.get("done", ""))
    context: dict[str, Any] = {
        "s": surge_document(state),
        "rule": state.rule,
        "grounds": form.get("grounds") if form else "",
        "longest": LONGEST_GROUNDS,
        "problem": told(request, problem) if problem else None,
        "faults": faults_by_field(request, problem, _FIELDS) if problem else {},
        "notice": look_of(request).say(*done) if done else None,
    }
    status = problem.status if problem else 200
    return render_agent(
        request, "supervisor_surge.html", context, here=PATH, tab=PATH, status=status
    )
