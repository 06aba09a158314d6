"""What browsers are told with every answer, and where nobody can make one lead or be shown."""

import socket
from typing import Any, Final

import pytest
from lxml import html

from gateway.accounts.permissions import Permission
from gateway.web.route import Route
from tests.attacks.hostile import MARKUP_FILES, TARGETS
from tests.attacks.stage import Stage, assert_safe, one_who_may
from tests.attacks.table import QUERY, ROUTES, filled, name
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import Reply, read_reply, request

READING: Final = [one for one in ROUTES if one.method == "GET"]
PAGES: Final = [one for one in READING if one.media_type == "text/html"]
HOSTS: Final = (
    "evil.example", "127.0.0.1:1", "evil.example/x?", 'evil"><script>x55', "[::1", "a" * 250,
    "evil.example@127.0.0.1", "",
)  # fmt: skip


def _headers(stage: Stage, route: Route) -> dict[str, str]:
    guarded = isinstance(route.access, Permission) or route.access == "signed in"
    return stage.browser(one_who_may(route)) if guarded else {}


@pytest.mark.parametrize("route", READING, ids=name)
def test_headers(stage: Stage, route: Route) -> None:
    """Each answer says what it is, that nobody may frame it, and where scripts come from."""
    for headers in ({}, _headers(stage, route)):
        reply = stage.ask("GET", filled(route, ticket_id=stage.ticket), None, headers)
        if reply.status in {204, 303}:
            continue
        kind = reply.headers["content-type"].partition(";")[0]
        if reply.status == 200:
            assert kind == route.media_type or name(route) == "GET /schemas/{name}", kind
        if kind == "text/html":
            assert reply.headers["cache-control"] == "no-store", name(route)
            assert "charset=utf-8" in reply.headers["content-type"]
        if headers and not kind.startswith("text/event"):
            assert "no-store" in reply.headers["cache-control"], name(route)


@pytest.mark.parametrize("route", PAGES, ids=name)
def test_redirects(stage: Stage, route: Route) -> None:
    """Whatever an address asks for, nobody is sent elsewhere (`Stage.ask` looks at each)."""
    for target in TARGETS:
        query = "&".join(f"{key}={_quoted(target)}" for key in sorted({*QUERY, "next", "url"}))
        referer = {"Referer": _plain(target)}
        reply = stage.ask("GET", f"{filled(route)}?{query}", None, referer)
        assert "evil" not in reply.headers.get("location", "").partition("?")[0]
        assert "x-evil" not in reply.headers


def _quoted(target: str) -> str:
    return "".join(f"%{byte:02x}" for byte in target.encode())


def _plain(target: str) -> str:
    return target.replace("\r\n", " ")


@pytest.mark.parametrize("route", PAGES, ids=name)
def test_links_stay_here(stage: Stage, route: Route) -> None:
    """The links of a page that keep what its address asks for lead to the same page."""
    visitor = Visitor(stage.served)
    headers = _headers(stage, route)
    for target in TARGETS:
        query = "&".join(f"{key}={_quoted(target)}" for key in sorted({*QUERY, "next"}))
        path = f"{filled(route, ticket_id=stage.ticket)}?{query}"
        reply = visitor.send("GET", path, None, headers)
        assert_safe(reply, path)
        assert "evil" not in reply.headers.get("location", "").partition("?")[0]
        if not reply.body:
            continue
        tree = _tree(reply)
        for attribute in ("href", "action", "src", "formaction"):
            for found in tree.xpath(f"//@{attribute}"):
                here = found.startswith(("/", "#", "?", "tel:")) and not found.startswith("//")
                assert here, (name(route), found)
                assert "evil" not in found.partition("?")[0], (name(route), found)


def _tree(reply: Reply) -> Any:
    return html.fromstring(reply.body.decode())


@pytest.mark.parametrize("host", HOSTS)
def test_hosts(stage: Stage, host: str) -> None:
    """Whatever host a request names, no page, link or redirect names it, and nothing fails."""
    for route in PAGES + [one for one in READING if "open311" in one.path]:
        path = filled(route, ticket_id=stage.ticket)
        line = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\n\r\n"
        if route.path.startswith("/open311/discovery."):
            continue  # It tells a client where it is: by the name that the client itself used.
        with socket.create_connection(("127.0.0.1", stage.served.process.port), 20) as wire:
            wire.sendall(line.encode())
            reply = read_reply(wire)
        assert_safe(reply, f"{path} of {host}")
        assert "evil" not in reply.body.decode(), name(route)


@pytest.mark.parametrize("name_of_file", MARKUP_FILES)
def test_files_that_are_pages(stage: Stage, name_of_file: str) -> None:
    """A page that is named like a picture is never sent as a page, wherever files are shown."""
    visitor = Visitor(stage.served)
    content = MARKUP_FILES[name_of_file]
    sight = visitor.fill("/", "/appeals", (name_of_file, content), text="楼道堆物")
    assert sight.reply.status == 200
    assert_safe(sight.reply, "/receipt")
    number = sight.text("//*[contains(@class, 'big')][1]").replace("-", "")
    decided(stage.served, number)
    other = stage.served.file("公厕没水")["ticket_id"]
    [[address]] = stage.served.select("SELECT address FROM attachments WHERE ticket_id = ?", number)
    sent = []
    for route in READING:
        headers = _headers(stage, route) or _jar(visitor)
        path = filled(route, ticket_id=number, address=address)
        reply = stage.ask("GET", path, None, headers)
        if reply.body == content:
            assert not _is_markup(reply), name(route)
            sent.append(name(route))
            elsewhere = filled(route, ticket_id=other, address=address)
            assert stage.ask("GET", elsewhere, None, headers).status == 404, name(route)
    assert sent, "no route sends files: the test finds nothing"


def _is_markup(reply: Reply) -> bool:
    """Whether a browser would take it for a page or a drawing, and run what stands in it."""
    kind = reply.headers["content-type"].partition(";")[0]
    return "html" in kind or "svg" in kind or "xml" in kind


def _jar(visitor: Visitor) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{key}={value}" for key, value in visitor.cookies.items())}


def test_what_is_not_http(stage: Stage) -> None:
    """Answers to what is not even HTTP carry the same headers."""
    bad = [request(b"{}", "Expect: a miracle"), request(b"{}", "X: " + "a" * 20_000)]
    for data in (b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", *bad):
        assert_safe(stage.served.send(data), repr(data[:30]))


@pytest.mark.parametrize("path", ["/", "/api/v1/tickets", "/agent", "/nowhere"])
def test_too_much_of_a_head(stage: Stage, path: str) -> None:
    """An address, a header or a cookie beyond all measure is refused, and stops nobody."""
    for given, headers in (
        (f"{path}?q={'a' * 9000}", {}), (path, {"Cookie": "a=" + "b" * 9000}),
        (path, {f"X-{number}": "a" * 80 for number in range(500)}),
    ):  # fmt: skip
        assert stage.ask("GET", given, None, headers).status < 500
    assert stage.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize("route", [one for one in ROUTES if one.body is not None], ids=name)
def test_too_much_of_a_body(stage: Stage, route: Route) -> None:
    """A body beyond all measure is refused before it has been read."""
    path = filled(route, ticket_id=stage.ticket)
    body = b'{"text": "' + b"a" * 2_000_000 + b'"}'
    reply = stage.ask(route.method, path, body, _headers(stage, route))
    assert 400 <= reply.status < 500, name(route)
