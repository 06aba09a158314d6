"""What the pages' cookies hold: the secret that forms fit, and whose appeal a browser may see."""

import base64
import binascii
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Final

import orjson
from aiohttp import web

from gateway.accounts.keys import KeysError
from gateway.web.cookies import drop_cookie, keep_cookie
from gateway.web.origin import is_from_here
from gateway.web.parts import PARTS, SESSION, WebParts
from gateway.web.problems import Problem

SESSION_FOR: Final = timedelta(minutes=30)
_FORM: Final = "jiesu_form"
_APPEAL: Final = "jiesu_appeal"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_FORM_SECRET: web.RequestKey[str] = web.RequestKey("form secret", str)
_SESSION_CONTEXT: Final = "page session"


def form_token(request: web.Request) -> str:
    """Return what a form of this page must bring along; it fits the browser's cookie alone.

    On a page of somebody who has signed in it is their session's own token, the one that scripts
    send as `X-CSRF-Token`.
    """
    if (session := request.get(SESSION)) is not None:
        return request.app[PARTS].sign_in.sessions.csrf_token(session)
    secret = request.cookies.get(_FORM, "")
    if not _SECRET.fullmatch(secret):
        secret = request.get(_FORM_SECRET) or secrets.token_urlsafe(32)
        request[_FORM_SECRET] = secret
    return _token_of(request.app[PARTS], secret)


def keep_form_secret(request: web.Request, response: web.StreamResponse) -> None:
    """Set the cookie that the page's forms fit, where the browser has none yet."""
    if secret := request.get(_FORM_SECRET):
        keep_cookie(request, response, _FORM, secret)


def check_form(request: web.Request, token: str) -> None:
    """Raise a `Problem` unless a form comes from a page of ours in the same browser.

    The form of somebody who has signed in must come from a page of the same session.
    """
    check_sender(request)
    signed_in = SESSION in request
    # Without its cookie a browser would be given a new secret here, which no form can fit.
    known = signed_in or _SECRET.fullmatch(request.cookies.get(_FORM, ""))
    if not known or not hmac.compare_digest(form_token(request).encode(), token.encode()):
        raise _stale()


def check_sender(request: web.Request) -> None:
    """Raise a `Problem` where the browser says that another site's page sent this."""
    if not is_from_here(request, asked=False):
        raise _stale()


def _stale() -> Problem:
    return Problem(
        "stale-form",
        "send it once more; this page needs cookies",
        "请再次提交;本页面需要启用 Cookie",
    )


def _token_of(parts: WebParts, secret: str) -> str:
    return parts.vault.digest("form", secret).hex()


def open_session(request: web.Request, response: web.StreamResponse, ticket_id: str) -> None:
    """Let this browser see the ticket for half an hour; its code has been shown or just given."""
    parts = request.app[PARTS]
    until = parts.clock.now() + SESSION_FOR
    document = orjson.dumps({"ticket": ticket_id, "until": until.isoformat()})
    sealed = parts.vault.seal(document, _SESSION_CONTEXT)
    value = base64.urlsafe_b64encode(sealed).decode()
    keep_cookie(request, response, _APPEAL, value, SESSION_FOR.total_seconds())


async def session_ticket(request: web.Request) -> str | None:
    """Return the ticket that this browser may see just now."""
    parts = request.app[PARTS]
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(_APPEAL, ""))
        document = orjson.loads(await parts.vault.open(sealed, _SESSION_CONTEXT))
    except (KeysError, binascii.Error, ValueError):
        return None
    if datetime.fromisoformat(document["until"]) <= parts.clock.now():
        return None
    return str(document["ticket"])


def close_session(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser forget the ticket."""
    drop_cookie(request, response, _APPEAL)
