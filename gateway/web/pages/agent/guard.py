"""Who may open a page of the console, and that its forms come from a page of the same session."""

import re
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from gateway.accounts.permissions import Permission
from gateway.web.pages.cookies import check_sender
from gateway.web.pages.forms import PageForm, read_form
from gateway.web.pages.rendering import see
from gateway.web.problems import Problem
from gateway.web.route import Handler, Route
from gateway.web.signed_in import sender_of

SIGN_IN: Final = "/agent/sign-in"
FORM: web.RequestKey[PageForm] = web.RequestKey("form", PageForm)
"""The form that a page of this session has sent: read and checked before the handler is called."""
_OURS: Final = re.compile(r"/agent(?:/[A-Za-z0-9._~-]+)*(?:\?[A-Za-z0-9._~%&=+:,/-]*)?")
_LONGEST: Final = 1000


def guarded_page(route: Route) -> Handler:
    """Return the page's handler behind its permission; who has not signed in is sent to do so.

    What is sent by POST is read here as a form (`request[FORM]`), so that none is taken unchecked.
    """
    access = route.access

    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            check_sender(request)
        try:
            account = await sender_of(request)
        except Problem as problem:
            if problem.kind != "not-signed-in" or not _is_opened(request):
                raise
            return see(f"{SIGN_IN}?next={quote(_where(request), safe='/')}")
        if isinstance(access, Permission) and not account.may(access):
            raise Problem(
                "not-allowed",
                f"ask an administrator for a role with {access}",
                "请向管理员申请相应权限",
            )
        if request.method == "POST":
            request[FORM] = form = PageForm()
            await read_form(request, form)
        return await route.handler(request)

    return guarded


def local_path(given: str) -> str | None:
    """Return the address of a page of the console, None where it is none: no other is gone to."""
    fits = len(given) <= _LONGEST and _OURS.fullmatch(given)
    return given if fits and ".." not in given and not given.startswith(SIGN_IN) else None


def came_from(request: web.Request) -> str | None:
    """Return the page of the console whose form or link was followed, as the browser tells it."""
    told = urlsplit(request.headers.get("Referer", ""))
    if told.netloc != request.host:
        return None
    return local_path(f"{told.path}?{told.query}" if told.query else told.path)


def _is_opened(request: web.Request) -> bool:
    """Whether a page is opened; a script that asks for a part of one must hear that it may not."""
    by_script = request.headers.get("Sec-Fetch-Dest") == "empty" or "HX-Request" in request.headers
    return not by_script


def _where(request: web.Request) -> str:
    """Return where to come back to: the page itself, or that whose form was sent."""
    if request.method == "GET":
        return local_path(request.path_qs) or "/agent"
    return came_from(request) or "/agent"
