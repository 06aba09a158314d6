"""Who sends a request: by bearer token, or by the session's cookie with proof of its own page."""

import hmac
from typing import Final

from aiohttp import web

from gateway.accounts.permissions import Account
from gateway.web.appeals import bearer
from gateway.web.cookies import came_by_tls, drop_cookie, keep_cookie
from gateway.web.origin import is_from_here
from gateway.web.parts import ACCOUNT, PARTS, SESSION
from gateway.web.problems import Problem

COOKIE: Final = "jiesu_session"
CSRF_HEADER: Final = "X-CSRF-Token"
_HOST_PREFIX: Final = "__Host-"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


async def sign_request(request: web.Request) -> Account:
    """Return who sends it, and note that in the request; raise a `Problem`.

    A change by a session's cookie must prove that one of its own pages asks for it.
    """
    account = await sender_of(request)
    token = request.get(SESSION)
    if token is not None and request.method not in _READING:
        _check_own_page(request, token)
    return account


async def sender_of(request: web.Request) -> Account:
    """Return who sends it, and note that in the request; raise a `Problem`.

    A bearer token goes before a cookie: no other site can make a browser send one. Whether a page
    of ours sends it is for the caller to check: `sign_request` for the API, forms for pages.
    """
    parts = request.app[PARTS]
    if "Authorization" in request.headers:
        account = await parts.accounts.of_token(bearer(request))
    else:
        token = session_token(request)
        account = await parts.sign_in.sessions.account_of(token) if token else None
        if account is not None and token is not None:
            request[SESSION] = token
    if account is None:
        raise Problem(
            "not-signed-in",
            "sign in, or send a token that `jiesu accounts add` gave",
            "请先登录,或使用 jiesu accounts add 发放的令牌",
            headers={"WWW-Authenticate": "Bearer"},
        )
    request[ACCOUNT] = account
    return account


def session_token(request: web.Request) -> str | None:
    """Return the session's token that the browser sends, None where it sends none."""
    token = request.cookies.get(_cookie_name(request))
    return token if token and token.isascii() else None


def set_session(request: web.Request, response: web.Response, token: str) -> None:
    """Let the browser keep the token until it is closed, out of reach of scripts and sites."""
    keep_cookie(request, response, _cookie_name(request), token)


def forget_session(request: web.Request, response: web.Response) -> None:
    """Let the browser forget the token."""
    drop_cookie(request, response, _cookie_name(request))


def check_origin(request: web.Request, *, asked: bool) -> None:
    """Raise a `Problem` where another site's page sends this; `asked` is that of `is_from_here`."""
    if not is_from_here(request, asked=asked):
        raise _from_elsewhere()


def _check_own_page(request: web.Request, token: str) -> None:
    """Raise a `Problem` unless a page of this session sends the request."""
    check_origin(request, asked=True)
    given = request.headers.get(CSRF_HEADER, "").encode(errors="surrogateescape")
    expected = request.app[PARTS].sign_in.sessions.csrf_token(token).encode()
    if not hmac.compare_digest(given, expected):
        raise _from_elsewhere()


def _from_elsewhere() -> Problem:
    return Problem(
        "csrf",
        f"send {CSRF_HEADER} as GET /api/v1/session gives it, from a page of this site",
        f"请在本站页面操作,并按 GET /api/v1/session 的返回值提供 {CSRF_HEADER}",
    )


def _cookie_name(request: web.Request) -> str:
    """Return the name; with the prefix the browser itself sees to it that nobody else set it."""
    return _HOST_PREFIX + COOKIE if came_by_tls(request) else COOKIE
