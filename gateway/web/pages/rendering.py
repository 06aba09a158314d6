"""Rendering: templates that escape everything, and what every page is sent with."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp_jinja2
import jinja2
from aiohttp import web

from gateway.web.cookies import keep_cookie
from gateway.web.pages.assets import ASSETS, Assets
from gateway.web.pages.cookies import form_token, keep_form_secret
from gateway.web.pages.look import look_of
from gateway.web.pages.words import KINDS as KIND_WORDS
from gateway.web.pages.words import STATUSES, TOPICS_EN, beijing_time, sentence
from gateway.web.problems import KINDS, Problem

_YEAR: Final = 365 * 24 * 3600
_CONTENT: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CONTENT,
    # Not `no-referrer`: browsers would then hide from our own forms' requests where they come from.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie",
}


def set_up(application: web.Application) -> None:
    """Make the application able to render pages."""
    application[ASSETS] = Assets()
    aiohttp_jinja2.setup(
        application,
        loader=jinja2.PackageLoader("gateway.web.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        default_helpers=False,
    )


def render(
    request: web.Request,
    template: str,
    context: Mapping[str, Any],
    *,
    here: str,
    status: int = 200,
) -> web.Response:
    """Return a page; `here` is the path by which it can be asked for again, without what was sent.

    Nothing of it is kept by caches: it is somebody's language, token or appeal.
    """
    look = look_of(request)
    found = {
        "look": look,
        "say": look.say,
        "here": here,
        "tab": here,
        "asset": request.app[ASSETS].path,
        "form_token": form_token(request),
        "time": lambda moment: beijing_time(moment, look),
        "problem": None,
        "notice": None,
        "faults": {},
        "statuses": STATUSES,
        "kinds": KIND_WORDS,
        "topics": TOPICS_EN,
        **context,
    }
    text = aiohttp_jinja2.render_string(template, request, found)
    response = web.Response(
        text=text, content_type="text/html", charset="utf-8", status=status, headers=_HEADERS
    )
    for name, value in look.chosen:
        keep_cookie(request, response, name, value, _YEAR)
    keep_form_secret(request, response)
    return response


def see(path: str) -> web.Response:
    """Send the browser on to a page of ours, so that loading it again sends nothing twice."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def told(request: web.Request, problem: Problem) -> dict[str, Any]:
    """Return a problem in the page's language, for the top of a page."""
    look, kind = look_of(request), KINDS[problem.kind]
    return {
        "title": look.say(kind.title_zh, kind.title),
        # The fields' own remedies stand beside them.
        "detail": "" if problem.faults else sentence(look.say(problem.remedy_zh, problem.remedy)),
    }


def trouble(request: web.Request, problem: Problem, request_id: str) -> web.Response:
    """Return a problem as a page of its own."""
    if problem.kind == "not-found":
        problem = Problem("not-found", "check the address", "请检查网址")
    context = {"trouble": told(request, problem), "request_id": request_id, "tab": None}
    response = render(request, "trouble.html", context, here="/", status=problem.status)
    response.headers.update(problem.headers)
    return response
