"""SQL in every parameter of every path, every query and every body: a value, never a statement."""

from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from gateway.accounts.permissions import Permission
from gateway.web.route import Route
from tests.attacks.hostile import SQL
from tests.attacks.stage import FORM, Stage, one_who_may
from tests.attacks.table import FIELDS, QUERY, ROUTES, WRITING, filled, name, parameters, sample

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
    for words in SQL:
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


def _bodies(stage: Stage, route: Route, words: str) -> list[tuple[bytes | Any, dict[str, str]]]:
    if route.body is not None:
        return [(sample(route.body, words), {})]
    fields = route.form if route.form is not None else FIELDS
    if route.media_type == "text/html" or route.form is not None:
        given = dict.fromkeys(sorted(fields), words)
        if route.media_type == "text/html":
            given["form_token"] = _token(stage, route)
        return [(urlencode(given).encode(errors="replace"), {"Content-Type": FORM})]
    return [(words.encode("utf-8", "replace"), {"Content-Type": "application/json"})]


def _token(stage: Stage, route: Route) -> str:
    if account := _account(route):
        return stage.browser(account)["X-CSRF-Token"]
    return stage.visitor().get("/").fields("/appeals")["form_token"]


@pytest.mark.parametrize("route", [one for one in WRITING if name(one) not in ENDING], ids=name)
def test_bodies(stage: Stage, route: Route) -> None:
    """In a body they are kept as words or refused; no table, no ticket and no account changes."""
    number = stage.served.file("公厕没水")
    account = _account(route)
    headers = dict(stage.browser(account)) if account else {"Sec-Fetch-Site": "same-origin"}
    if route.access == "query code":
        headers["Authorization"] = f"Bearer {number['query_code']}"
    before = stage.state()
    for index, words in enumerate(SQL):
        path = filled(route, ticket_id=number["ticket_id"], channel="webhook")
        for body, kind in _bodies(stage, route, words):
            named = {**headers, **kind, "If-Match": '"1"'}
            reply = stage.ask(route.method, path, body, named, source=f"127.0.6.{index + 1}")
            assert reply.status < 500 or reply.status == 503, (name(route), words)
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
