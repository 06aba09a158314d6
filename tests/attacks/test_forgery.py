"""Forgery: what another site's page has a browser send changes nothing, on any writing route."""

from typing import Any, Final
from urllib.parse import urlencode

import pytest

from gateway.accounts.permissions import Permission
from gateway.web.route import Route
from tests.attacks.stage import FORM, Stage, one_who_may
from tests.attacks.table import FIELDS, WRITING, filled, name
from tests.web.visitor import Visitor

COOKIELESS: Final = {
    "query code": "the code comes as a bearer token",
    "chat token": "the token comes as a bearer token",
    "upload token": "the token stands in the path",
    "signature": "the vendor signs what it sends",
    "api key": "the key stands in the form",
}
"""Other ways to be known, none of which a browser brings along by itself."""
ANYBODYS: Final = {
    "POST /api/v1/appeals", "POST /api/v1/uploads", "POST /api/v1/chats", "POST /api/v1/triage",
    "POST /api/v1/knowledge/search", "POST /api/v1/verifications",
    "POST /api/v1/verifications/code",
}  # fmt: skip
"""Done for whoever asks, whatever cookies come along."""
FORMS: Final = [one for one in WRITING if one.media_type == "text/html" and one.access == "public"]
SIGNED: Final = [
    one for one in WRITING if isinstance(one.access, Permission) or one.access == "signed in"
]
_FIT: Final = {"Sec-Fetch-Site": "same-origin"}
ELSEWHERE: Final[dict[str, dict[str, str]]] = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour's site": {"Sec-Fetch-Site": "same-site"},
    "an address typed in": {"Sec-Fetch-Site": "none"},
    "another origin": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "an origin that nobody has": {"Origin": "null"},
    "an origin that begins like ours": {"Origin": "http://127.0.0.1.evil.example"},
    "two that do not fit": {**_FIT, "Origin": "https://evil.example"},
}


def test_every_writing_route_is_attacked_here() -> None:
    """Each writes for whom a cookie knows, or by what no browser brings along, or for anybody."""
    attacked = {name(route) for route in (*FORMS, *SIGNED)} | ANYBODYS
    other = {name(one) for one in WRITING if one.access in COOKIELESS}
    signing_in = {"POST /api/v1/session"}
    assert {name(route) for route in WRITING} - attacked - other == signing_in


def _body(route: Route, token: str | None, stage: Stage) -> tuple[bytes, dict[str, str]]:
    """Return a request's body as the route takes it, and its media type."""
    if route.media_type != "text/html":
        return b'{"version": 1, "reason": "x"}', {"Content-Type": "application/json"}
    fields = dict.fromkeys(sorted(FIELDS), "x") | {"number": stage.ticket, "code": stage.code}
    if token is not None:
        fields["form_token"] = token
    return urlencode(fields).encode(), {"Content-Type": FORM}


@pytest.mark.parametrize("route", SIGNED, ids=name)
def test_signed_in(stage: Stage, route: Route) -> None:
    """By the cookie alone, from elsewhere, or with another session's token, nothing is done."""
    mine, theirs = stage.browser(one_who_may(route)), stage.browser("auditor")
    if mine == theirs:
        theirs = stage.browser("agent")
    token = mine.pop("X-CSRF-Token")
    cookie = {"Cookie": mine["Cookie"]}
    path = filled(route, ticket_id=stage.ticket)
    before = stage.state()
    tries: dict[str, tuple[dict[str, str], str | None]] = {
        "no token": (_FIT, None),
        "an empty token": (_FIT, ""),
        "another session's token": (_FIT, theirs["X-CSRF-Token"]),
        "a token of zeros": (_FIT, "0" * 64),
        **{where: (headers, token) for where, headers in ELSEWHERE.items()},
    }
    for what, (headers, sent) in tries.items():
        body, kind = _body(route, sent, stage)
        brought = {} if sent is None else {"X-CSRF-Token": sent}
        reply = stage.ask(route.method, path, body, {**cookie, **kind, **headers, **brought})
        assert reply.status == 403, f"{name(route)}, {what}: {reply.status}"
        if route.media_type != "text/html":
            assert reply.document["type"] == "/problems/csrf", what
    assert stage.state() == before
    known = stage.ask("GET", "/api/v1/session", headers=cookie)
    assert known.status == 200, "the session goes on"


@pytest.mark.parametrize("route", FORMS, ids=name)
def test_forms_for_everybody(stage: Stage, route: Route) -> None:
    """A form without this browser's token, with another's, or from elsewhere, is refused."""
    mine, theirs = stage.visitor(), Visitor(stage.served)
    token, other = _token(mine), _token(theirs)
    cookies = "; ".join(f"{key}={value}" for key, value in mine.cookies.items())
    before = stage.state()
    tries: dict[str, tuple[dict[str, str], str | None]] = {
        "no token": (_FIT, None),
        "an empty token": (_FIT, ""),
        "another browser's token": (_FIT, other),
        "a token of zeros": (_FIT, "0" * 64),
        **{where: (headers, token) for where, headers in ELSEWHERE.items()},
    }
    for what, (headers, sent) in tries.items():
        body, kind = _body(route, sent, stage)
        named = {"Cookie": cookies, **kind, **headers}
        reply = stage.ask(route.method, filled(route), body, named, source="127.0.4.4")
        assert reply.status == 403, f"{name(route)}, {what}: {reply.status}"
        assert "jiesu_session" not in reply.headers.get("set-cookie", ""), what
    assert stage.state() == before


def _token(visitor: Visitor) -> str:
    return visitor.get("/").fields("/appeals")["form_token"]


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_signing_in(stage: Stage, headers: dict[str, str]) -> None:
    """Another site cannot sign a browser in, as an account of its own."""
    body: dict[str, Any] = {"name": "agent", "password": "x"}
    reply = stage.ask("POST", "/api/v1/session", body, headers, source="127.0.4.5")
    assert (reply.status, reply.document["type"]) == (403, "/problems/csrf")


@pytest.mark.parametrize(
    "route", [one for one in WRITING if one.access in COOKIELESS], ids=name
)  # fmt: skip
def test_cookies_open_nothing_else(stage: Stage, route: Route) -> None:
    """Where a code, token or signature is asked for, all cookies of a browser are none."""
    visitor = stage.visitor()
    cookies = [f"{key}={value}" for key, value in visitor.cookies.items()]
    headers = {"Cookie": "; ".join([*cookies, stage.browser("senior-agent")["Cookie"]]), **_FIT}
    before = stage.state()
    path = filled(route, ticket_id=stage.ticket, channel="webhook")
    reply = stage.ask(route.method, path, {"text": "停水"}, headers)
    assert reply.status in {401, 403, 404, 415}, name(route)
    assert stage.state() == before
