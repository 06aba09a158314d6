"""`/chat`: the web chat as a page; scripts make it live, without them it is a form."""

import secrets
from typing import Final

import orjson
from aiohttp import web
from pydantic import ValidationError

from channels.appeal import AppealBody
from channels.body import faults_of
from channels.chat.adapter import CHANNEL, TOKEN
from channels.phrases import GREETING
from gateway.conversation.transcript import Place, Utterance
from gateway.tickets.numbers import show_ticket_id
from gateway.web.chats import accept_line
from gateway.web.cookies import drop_cookie, keep_cookie
from gateway.web.filing import Filed
from gateway.web.pages.filing_page import form_context
from gateway.web.pages.forms import PageForm, read_form
from gateway.web.pages.rendering import render, see
from gateway.web.parts import PARTS, WebParts
from gateway.web.problems import Problem, field_problem

_COOKIE: Final = "jiesu_chat"
_HERE: Final = "/chat"
_FIELDS: Final = (("/text", "text"), ("/files", "files"), ("/uploads", "files"))


async def show_chat(request: web.Request) -> web.Response:
    """Show the browser's chat; one that has none yet gets a new one, which nothing is kept of."""
    return await _chat(request, _token(request) or secrets.token_urlsafe(32), PageForm())


async def say_by_form(request: web.Request) -> web.Response:
    """Keep a line with its files, and show the chat again."""
    parts, form = request.app[PARTS], PageForm()
    token = _token(request) or secrets.token_urlsafe(32)
    try:
        await read_form(request, form)
        filed = Filed(_body(form), _raw(form), tuple(form.attachments))
        address = parts.limits.address_of(request)
        await accept_line(parts, filed, token, form.message_id, address)
    except Problem as problem:
        return await _chat(request, token, form, problem)
    response = see(_HERE)
    keep_cookie(request, response, _COOKIE, token)
    return response


async def leave_chat(request: web.Request) -> web.Response:
    """Have the browser forget the chat; the appeals that it told of stay."""
    await read_form(request, PageForm())
    response = see(_HERE)
    drop_cookie(request, response, _COOKIE)
    return response


async def _chat(
    request: web.Request, token: str, form: PageForm, problem: Problem | None = None
) -> web.Response:
    parts = request.app[PARTS]
    lines, after = await _whole(parts, token)
    context = {
        **await form_context(request, form, problem, _FIELDS),
        "chat": token,
        "after": str(after),
        "greeting": GREETING,
        "lines": lines,
        "number": show_ticket_id,
        "text": form.get("text"),
    }
    status = problem.status if problem else 200
    response = render(request, "chat.html", context, here=_HERE, status=status)
    keep_cookie(request, response, _COOKIE, token)
    return response


async def _whole(parts: WebParts, token: str) -> tuple[list[Utterance], Place]:
    found: list[Utterance] = []
    place = Place()
    while True:
        lines, after = await parts.transcripts.read(CHANNEL, token, place)
        if not lines:
            return found, place
        found += lines
        place = after


def _body(form: PageForm) -> AppealBody:
    try:
        return AppealBody(text=form.get("text") if form.get("text").strip() else None)
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None


def _raw(form: PageForm) -> bytes:
    return orjson.dumps({"text": form.get("text")})


def _token(request: web.Request) -> str | None:
    given = request.cookies.get(_COOKIE, "")
    return given if TOKEN.fullmatch(given) else None
