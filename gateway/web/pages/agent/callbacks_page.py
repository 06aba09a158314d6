"""`/agent/callbacks`: whom to call back, and what came of it."""

from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import ValidationError

from channels.body import faults_of
from channels.errors import FieldFault
from channels.phrases import as_printed
from gateway.tickets.numbers import show_ticket_id
from gateway.web.callbacks import CallBackAnswer, close_with, open_callbacks
from gateway.web.pages.agent.frame import render_agent
from gateway.web.pages.agent.guard import FORM
from gateway.web.pages.forms import PageForm
from gateway.web.pages.look import look_of
from gateway.web.pages.rendering import see, told
from gateway.web.pages.words import Pair, sentence
from gateway.web.parts import ACCOUNT, PARTS
from gateway.web.problems import Problem, field_problem

_HERE: Final = "/agent/callbacks"
_MOST: Final = 100
_NOTICES: Final[dict[str, Pair]] = {
    "answered": ("已记录，内容已补充到工单。", "Noted, and added to the ticket."),
    "unreached": (
        "已记录未接通，不再询问。",
        "Noted that nobody was reached; it is not asked again.",
    ),
}


async def show_callbacks(request: web.Request) -> web.Response:
    """Show the questions that wait for a call, the longest waiting first."""
    return await _page(request)


async def close_by_form(request: web.Request) -> web.Response:
    """Note what came of a call, and show what still waits."""
    parts, form = request.app[PARTS], request[FORM]
    callback = request.match_info["callback"]
    reached = form.get("result") != "unreached"
    try:
        answer = _answer(form) if reached else None
        raw = orjson.dumps({"answer": answer})
        await close_with(parts, callback, answer, raw, by=request[ACCOUNT].name)
    except Problem as problem:
        return await _page(request, problem, callback)
    return see(f"{_HERE}?done={'answered' if reached else 'unreached'}")


def _answer(form: PageForm) -> str:
    """Return what the citizen said; raise a `Problem` where the field is empty or too full."""
    if not form.get("answer").strip():
        remedy = "write down what the citizen said, or note that nobody was reached"
        raise field_problem([FieldFault("/answer", remedy, "请记录诉求人的回答,或点击“未接通”")])
    try:
        given = CallBackAnswer.model_validate({"answer": form.get("answer").strip()})
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
    return given.answer or ""


async def _page(
    request: web.Request, problem: Problem | None = None, callback: str = ""
) -> web.Response:
    look = look_of(request)
    waiting = await open_callbacks(request.app[PARTS])
    faults = (
        [sentence(look.say(item.remedy_zh, item.remedy)) for item in problem.faults]
        if problem
        else []
    )
    stands = any(item["id"] == callback for item in waiting)
    notice = _NOTICES.get(request.query.get("done", ""))
    context: dict[str, Any] = {
        "waiting": waiting[:_MOST],
        "printed": as_printed,
        "count": len(waiting),
        "number": show_ticket_id,
        "problem": told(request, problem) if problem else None,
        "faults": {f"answer-{callback}" if stands else "": faults[0]} if faults else {},
        "typed": {callback: request[FORM].get("answer")} if problem else {},
        "notice": look.say(*notice) if notice else None,
    }
    status = problem.status if problem else 200
    return render_agent(request, "agent_callbacks.html", context, here=_HERE, status=status)
