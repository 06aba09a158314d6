"""`/appeal`: number and code open one's own appeal for half an hour."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from channels.body import faults_of
from gateway.intake.own_tickets import Rating
from gateway.web.accepting import accept
from gateway.web.appeals import check_open, ticket_of
from gateway.web.own import RatingBody, rate, withdraw
from gateway.web.pages.cookies import close_session, open_session, session_ticket
from gateway.web.pages.filing_page import form_context, message_of
from gateway.web.pages.forms import PageForm, read_form
from gateway.web.pages.look import look_of
from gateway.web.pages.reading import own_appeal
from gateway.web.pages.rendering import render, see, told
from gateway.web.pages.words import NOTICES
from gateway.web.parts import PARTS
from gateway.web.problems import Problem, field_problem

_HERE: Final = "/appeal"
_FIELDS: Final = (
    ("/text", "text"), ("/files", "files"), ("/uploads", "files"),
    ("/stars", "stars"), ("/words", "words"),
)  # fmt: skip
_Work = Callable[[web.Request, PageForm, str], Awaitable[str]]


async def show_appeal_page(request: web.Request) -> web.Response:
    """Show the appeal that this browser may see, or ask for number and code."""
    ticket_id = await session_ticket(request)
    if ticket_id is None:
        return _ask(request, PageForm())
    return await _appeal(request, ticket_id, PageForm())


async def show_progress(request: web.Request) -> web.Response:
    """Show the part that changes by itself, for a page that is open."""
    ticket_id = await session_ticket(request)
    if ticket_id is None:
        return web.Response(status=204, headers={"Cache-Control": "no-store"})
    found = await own_appeal(request.app[PARTS], ticket_id)
    return render(request, "_progress.html", found, here=_HERE)


async def sign_in(request: web.Request) -> web.Response:
    """Take number and code; what is wrong with them is told without saying which of the two."""
    parts, form = request.app[PARTS], PageForm()
    try:
        await read_form(request, form)
        address = parts.limits.address_of(request)
        ticket_id = await ticket_of(parts, form.get("number"), form.get("code"), address)
    except Problem as problem:
        return _ask(request, form, problem)
    response = see(_HERE)
    open_session(request, response, ticket_id)
    return response


async def sign_out(request: web.Request) -> web.Response:
    """Close the session before its time."""
    await read_form(request, PageForm())
    response = see(f"{_HERE}?done=left")
    close_session(request, response)
    return response


async def add_by_form(request: web.Request) -> web.Response:
    """Add words and files to the appeal."""
    return await _with_session(request, _add)


async def withdraw_by_form(request: web.Request) -> web.Response:
    """Withdraw the appeal."""
    return await _with_session(request, _withdraw)


async def rate_by_form(request: web.Request) -> web.Response:
    """Say how the matter was dealt with."""
    return await _with_session(request, _rate)


async def _with_session(request: web.Request, work: _Work) -> web.Response:
    """Do what a form asks for on this browser's appeal, and show it again."""
    ticket_id = await session_ticket(request)
    form = PageForm()
    if ticket_id is None:
        expired = Problem(
            "not-signed-in", "enter number and code again", "查询已超时,请重新输入工单号和查询码"
        )
        return _ask(request, form, expired)
    try:
        await read_form(request, form)
        done = await work(request, form, ticket_id)
    except Problem as problem:
        return await _appeal(request, ticket_id, form, problem)
    return see(f"{_HERE}?done={done}")


async def _add(request: web.Request, form: PageForm, ticket_id: str) -> str:
    parts = request.app[PARTS]
    await check_open(parts, ticket_id)
    await accept(parts, replace(message_of(parts, form), of_ticket=ticket_id))
    return "added"


async def _withdraw(request: web.Request, form: PageForm, ticket_id: str) -> str:
    await withdraw(request.app[PARTS], ticket_id)
    return "withdrawn"


async def _rate(request: web.Request, form: PageForm, ticket_id: str) -> str:
    stars = form.get("stars")
    given = {
        "stars": int(stars) if stars in {"1", "2", "3", "4", "5"} else None,
        "words": form.get("words").strip() or None,
    }
    try:
        body = RatingBody.model_validate({key: item for key, item in given.items() if item})
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None
    await rate(request.app[PARTS], ticket_id, Rating(body.stars, body.words))
    return "rated"


def _ask(request: web.Request, form: PageForm, problem: Problem | None = None) -> web.Response:
    context = {
        "number": form.get("number"),
        "problem": told(request, problem) if problem else None,
        "notice": _notice(request),
    }
    status = problem.status if problem else 200
    response = render(request, "sign_in.html", context, here=_HERE, status=status)
    if problem is not None and "Retry-After" in problem.headers:
        response.headers["Retry-After"] = problem.headers["Retry-After"]
    return response


async def _appeal(
    request: web.Request, ticket_id: str, form: PageForm, problem: Problem | None = None
) -> web.Response:
    context: dict[str, Any] = {
        **await own_appeal(request.app[PARTS], ticket_id),
        **await form_context(request, form, problem, _FIELDS),
        "values": form.values,
        "max_text": request.app[PARTS].settings.max_text,
        "notice": _notice(request),
    }
    status = problem.status if problem else 200
    return render(request, "appeal.html", context, here=_HERE, status=status)


def _notice(request: web.Request) -> str | None:
    pair = NOTICES.get(request.query.get("done", ""))
    return look_of(request).say(*pair) if pair else None
