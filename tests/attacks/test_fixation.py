"""Session fixation: no value that somebody planted before is one that opens anything after."""

from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from gateway.web.routes import PAGES
from tests.attacks.stage import FORM, Stage
from tests.attacks.table import ROUTES, name
from tests.web.visitor import Visitor
from tests.web.wire import PASSWORD, Reply, assert_problem

SESSION: Final = "/api/v1/session"
PLANTED: Final = "p" * 43
SIGN_INS: Final = [
    one
    for one in ROUTES
    if name(one) in {"POST /api/v1/session", "POST /agent/sign-in", "POST /appeal/sign-in"}
]
SIGN_OUTS: Final = [
    one for one in ROUTES if name(one) in {"DELETE /api/v1/session", "POST /agent/sign-out"}
]
_OURS: Final = {"Sec-Fetch-Site": "same-origin"}


def _cookies(reply: Reply) -> Any:
    return SimpleCookie("; ".join(reply.headers.get("set-cookie", "").splitlines()))


def _sign_in(stage: Stage, path: str, planted: dict[str, str], source: str) -> Reply:
    """Sign in by the API or by a page's form, in a browser in which cookies were planted."""
    if path == SESSION:
        cookie = {"Cookie": "; ".join(f"{key}={value}" for key, value in planted.items())}
        body = {"name": "senior-agent", "password": PASSWORD}
        return stage.ask("POST", path, body, {**cookie, **_OURS}, source=source)
    visitor = Visitor(stage.served, dict(planted), source)
    page = "/appeal" if path == "/appeal/sign-in" else path
    known = {"name": "senior-agent", "password": PASSWORD}
    if page == "/appeal":
        known = {"number": stage.ticket, "code": stage.code}
    fields = {**visitor.get(page).fields(path), **known}
    form = urlencode(fields).encode()
    return visitor.send("POST", path, form, {"Content-Type": FORM, **_OURS})


@pytest.mark.parametrize("route", SIGN_INS, ids=name)
def test_signing_in(stage: Stage, route: Any) -> None:
    """Whatever was planted, the session is a new one, kept from scripts and other sites."""
    names = ("jiesu_session", "jiesu_appeal")
    planted = dict.fromkeys(names, PLANTED)
    number = SIGN_INS.index(route)
    values = set()
    for again in range(2):
        reply = _sign_in(stage, route.path, planted, f"127.0.21.{number * 2 + again + 1}")
        assert reply.status in {200, 303}, reply.body
        [(cookie, morsel)] = [item for item in _cookies(reply).items() if item[0] in names]
        assert morsel["httponly"], cookie
        assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Strict", "/", "")
        assert morsel.value != PLANTED
        assert len(morsel.value) >= 43
        values.add(morsel.value)
        assert morsel.value not in reply.body.decode()
    assert len(values) == 2


@pytest.mark.parametrize("route", [one for one in SIGN_INS if one.path != "/appeal/sign-in"],
                         ids=name)  # fmt: skip
def test_signing_in_ends_the_session_before(stage: Stage, route: Any) -> None:
    """One's own earlier session, which somebody else may hold, ends with signing in again."""
    source = f"127.0.22.{SIGN_INS.index(route) + 1}"
    first = _cookies(_sign_in(stage, SESSION, {}, source))["jiesu_session"].value
    if route.path == SESSION:
        _sign_in(stage, SESSION, {"jiesu_session": first}, source)
    else:
        # The page sends who has signed in on; its form may still be open in another tab.
        visitor = Visitor(stage.served, {}, source)
        fields = {**visitor.get(route.path).fields(route.path), "name": "senior-agent"}
        visitor.cookies["jiesu_session"] = first
        visitor.post(route.path, {**fields, "password": PASSWORD}, headers=_OURS)
    headers = {"Cookie": f"jiesu_session={first}"}
    assert_problem(stage.ask("GET", SESSION, headers=headers), 401, "not-signed-in")


@pytest.mark.parametrize("route", SIGN_OUTS, ids=name)
def test_signing_out(stage: Stage, route: Any) -> None:
    """The session ends for whoever holds its value, and the browser forgets it."""
    source = f"127.0.23.{SIGN_OUTS.index(route) + 1}"
    signed = _sign_in(stage, SESSION, {}, source)
    value, token = _cookies(signed)["jiesu_session"].value, signed.document["csrf_token"]
    headers = {"Cookie": f"jiesu_session={value}", "X-CSRF-Token": token, **_OURS}
    body = urlencode({"form_token": token}).encode() if route.method == "POST" else None
    kind = {"Content-Type": FORM} if body else {}
    reply = stage.ask(route.method, route.path, body, {**headers, **kind})
    assert reply.status in {204, 303}
    assert _cookies(reply)["jiesu_session"]["max-age"] == "0"
    assert_problem(stage.ask("GET", SESSION, headers=headers), 401, "not-signed-in")


def test_every_page_that_signs_in_is_attacked_here() -> None:
    """A page with a sign-in of its own is named above."""
    named = {name(route) for route in (*SIGN_INS, *SIGN_OUTS)}
    there = {name(route) for route in PAGES if "sign-in" in route.path and route.method == "POST"}
    assert there <= named


@pytest.mark.parametrize("planted", ["", PLANTED, "e30=", "/" * 90, "\udcff"])
def test_a_planted_appeal(stage: Stage, planted: str) -> None:
    """Nobody makes a browser's session for an appeal but the gateway: it is sealed."""
    value = planted.encode(errors="surrogateescape").decode("latin-1")
    reply = stage.ask("GET", "/appeal", headers={"Cookie": f"jiesu_appeal={value}"})
    assert reply.status == 200
    assert stage.ticket not in reply.body.decode().replace("-", "")


def test_an_appeal_of_another_is_no_other_cookie(stage: Stage) -> None:
    """What is sealed for one use opens no other: a session's token is no form's, and so on."""
    cookies = stage.visitor().cookies
    for value in cookies.values():
        headers = {"Cookie": f"jiesu_session={value}; jiesu_form={value}"}
        assert_problem(stage.ask("GET", SESSION, headers=headers), 401, "not-signed-in")
