"""SQL in every parameter of every path, every query and every body: a value, never a statement."""

from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from gateway.accounts.permissions import Permission
from gateway.web.route import Route
from tests.attacks.hostile import SQL
from tests.attacks.stage import FORM, Stage, one_who_may
from tests.attacks.table import FIELDS, QUERY, ROUTES, WRITING, filled, name, parameters, sample
from tests.web.visitor import Visitor

READING: Final = [one for one in ROUTES if one.method == "GET"]
ENDING: Final = {"DELETE /api/v1/session", "POST /agent/sign-out"}


def _account(route: Route) -> str | None:
    guarded = isinstance(route.access, Permission) or route.access == "signed in"
    return one_who_may(route) if guarded else None


def _headers(stage: Stage, route: Route) -> dict[str, str]:
    if route.access == "query code":
        return {"Authorization": f"Bearer {stage.code}"}
    return stage.browser(account) if (account := _account(route)) else {}


@pytest.mark.parametrize("route", [one for one in ROUTES if parameters(one)], ids=name)
def test_paths(stage: Stage, route: Route) -> None:
    """In a path they name nothing: the answer is that there is nothing."""
    headers = _headers(stage, route)
    before = stage.state()
    for words in SQL:
        for parameter in parameters(route):
            path = filled(route, **{parameter: words})
            reply = stage.ask(route.method, path, None, headers)
            assert 400 <= reply.status < 500, (name(route), words, reply.status)
            assert stage.ticket not in reply.body.decode()
    assert stage.state() == before


def _queries(route: Route) -> list[str]:
    """Each field of a query that has a model by itself, since one that is wrong refuses all."""
    if route.query is not None:
        return [*route.query.model_fields, "another"]
    return ["&".join(sorted(QUERY)) or "q"]


@pytest.mark.parametrize("route", READING, ids=name)
def test_queries(stage: Stage, route: Route) -> None:
    """In an address they are refused, ignored or looked for: nothing else is told than without.

    What is listed for such a value, is listed for no other reason than that it holds the words.
    """
    headers = _headers(stage, route)
    before = stage.state()
    path = filled(route, ticket_id=stage.ticket)
    for words in SQL if route.query is None else SQL[::3]:
        for names in _queries(route):
            given = urlencode([(key, words) for key in names.split("&")])
            reply = stage.ask("GET", f"{path}?{given}", None, headers)
            assert reply.status < 500 or route.path == "/readyz", (name(route), names, words)
            if reply.status == 200 and route.query is not None and _is_json(reply):
                _assert_nothing_listed(reply.document, name(route))
    after = stage.state()
    if route.path == "/api/v1/audit":
        after["audit"] = before["audit"]  # Who reads it is told of in it.
    assert after == before


def _is_json(reply: Any) -> bool:
    return "json" in reply.headers.get("content-type", "")


def _assert_nothing_listed(document: Any, what: str) -> None:
    lists = [document] if isinstance(document, list) else document.values()
    assert not any(isinstance(item, list) and item for item in lists), what


@pytest.fixture(scope="module")
def spare(stage: Stage) -> Any:
    """The receipt of a ticket that may come to harm."""
    return stage.served.file("公厕没水")


def _body(route: Route, words: str, token: str) -> tuple[bytes | Any, dict[str, str]]:
    """Return a body with these words in all that may hold words, as the route takes it."""
    if route.body is not None:
        return sample(route.body, words), {}
    is_page = route.media_type == "text/html"
    if is_page or route.form is not None:
        given = dict.fromkeys(sorted(FIELDS if route.form is None else route.form), words)
        given |= {"form_token": token} if is_page else {}
        return urlencode(given).encode(errors="replace"), {"Content-Type": FORM}
    return words.encode("utf-8", "replace"), {"Content-Type": "application/json"}


def _sender(stage: Stage, route: Route, spare: Any) -> tuple[dict[str, str], str]:
    """Return the headers of who may use the route, and the token of their forms."""
    if account := _account(route):
        headers = stage.browser(account)
        return headers, headers["X-CSRF-Token"]
    if route.access == "query code":
        return {"Authorization": f"Bearer {spare['query_code']}"}, ""
    if route.media_type != "text/html":
        return {}, ""
    visitor = Visitor(stage.served)
    fields = {"number": spare["number"], "code": spare["query_code"]}
    visitor.fill("/appeal", "/appeal/sign-in", **fields)
    token = visitor.get("/").fields("/appeals")["form_token"]
    cookie = "; ".join(f"{key}={value}" for key, value in visitor.cookies.items())
    return {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}, token


@pytest.mark.parametrize("route", [one for one in WRITING if name(one) not in ENDING], ids=name)
def test_bodies(stage: Stage, route: Route, spare: Any) -> None:
    """In a body they are kept as words or refused; no table, no ticket and no account changes."""
    headers, token = _sender(stage, route, spare)
    before = stage.state()
    path = filled(route, ticket_id=spare["ticket_id"], channel="webhook")
    for index, words in enumerate(SQL):
        body, kind = _body(route, words, token)
        named = {**headers, **kind, "If-Match": '"1"'}
        reply = stage.ask(route.method, path, body, named, source=f"127.0.6.{index + 1}")
        assert reply.status < 500 or reply.status == 503, (name(route), words)
        if token:
            assert "stale" not in reply.body.decode(), "the form was not read"
    after = stage.state()
    assert after["ticket"] == before["ticket"]
    assert after["accounts"] == before["accounts"]
    assert set(after) == set(before), "tables"


@pytest.mark.parametrize("words", SQL)
def test_headers(stage: Stage, words: str) -> None:
    """In headers, cookies and keys they open nothing and break nothing."""
    sent = quote(words, safe="' ();=,*-_%\"")
    for header in ("Idempotency-Key", "X-Request-ID", "Accept-Language", "X-Forwarded-For",
                   "User-Agent", "Referer", "Accept"):  # fmt: skip
        reply = stage.ask("GET", "/api/v1/tickets", None, {header: sent})
        assert reply.status == 401
    named = ("session", "appeal", "chat", "form", "lang", "type")
    cookies = "; ".join(f"jiesu_{key}={sent}" for key in named)
    for path in ("/", "/appeal", "/chat", "/receipt", "/agent"):
        reply = stage.ask("GET", path, None, {"Cookie": cookies})
        assert reply.status in {200, 303}, path
        assert stage.ticket not in reply.body.decode().replace("-", "")
