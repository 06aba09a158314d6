"""A gateway with everybody who may attack it, and what must hold of each of its answers."""

import http.client
import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import urlencode

from lxml import html

from gateway.accounts.permissions import PERMISSIONS, Permission, Role
from gateway.web.route import Route
from tests.attacks.table import filled, name
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import PASSWORD, Reply, Served, _reply

FORM: Final = "application/x-www-form-urlencoded"
MARK: Final = "x55"
"""Stands in all markup that attackers send: where it is part of a page's markup they have won."""
_JSON: Final = re.compile(r"application/(problem\+)?json")
_FETCHES: Final = ("src", "href", "action", "formaction", "data", "srcdoc", "xlink:href", "poster")
_BUSY: Final = frozenset({
    "leases", "outbox", "stream_positions", "to_compare", "sketches", "sketch_keys", "clusters",
    "cluster_links", "sessions", "sign_in_failures", "ticket_numbers", "history", "decisions",
    "media", "replies", "retention", "knowledge_vectors", "repeats", "hourly_figures",
})  # fmt: skip
"""Tables in which the gateway itself writes at any time."""


@dataclass(slots=True)
class Stage:
    """The gateway, and who is signed in."""

    served: Served
    ticket: str
    """The number of a ticket of `wire.UNIT`; its words and all that is told of it are hostile."""
    code: str
    entry: str = "none"
    """The id of a hostile entry of the knowledge base, once there is one."""
    browsers: dict[str, dict[str, str]] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        source: str = "127.0.0.1",
    ) -> Reply:
        """Send a request and look at the answer as an attacker's victim would."""
        port = self.served.process.port
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=30, source_address=(source, 0)
        )
        named = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            named.setdefault("Content-Type", "application/json")
        with closing(connection):
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            if answer.headers.get_content_type() == "text/event-stream":
                # It has no end.
                lines = {key.lower(): value for key, value in answer.getheaders()}
                reply = Reply(answer.status, lines, b"")
            else:
                reply = _reply(answer)
        if reply.status == 500:
            errors = [line for line in self.served.log().splitlines() if '"error"' in line]
            raise AssertionError(f"{method} {path}: {errors[-1:]}")
        assert_safe(reply, f"{method} {path}")
        return reply

    def browser(self, account: str) -> dict[str, str]:
        """Return what a page of ours sends for an account that has signed in, by cookie alone."""
        if account not in self.browsers:
            reply = self.ask(
                "POST", "/api/v1/session", {"name": account, "password": PASSWORD},
                source=f"127.0.20.{len(self.browsers) + 1}",
            )  # fmt: skip
            assert reply.status == 200, reply.body
            [(cookie, morsel)] = SimpleCookie(reply.headers["set-cookie"]).items()
            self.browsers[account] = {
                "Cookie": f"{cookie}={morsel.value}",
                "X-CSRF-Token": reply.document["csrf_token"],
                "Sec-Fetch-Site": "same-origin",
            }
        return dict(self.browsers[account])

    def send(
        self, route: Route, account: str | None, body: Any = None, *, source: str = "127.0.0.1",
        query: str = "", **values: str,
    ) -> Reply:  # fmt: skip
        """Ask for a route as a page of ours does; forms bring the session's token."""
        headers = self.browser(account) if account else {}
        if route.method != "GET" and route.media_type == "text/html":
            fields = {"form_token": headers.get("X-CSRF-Token", ""), **(body or {})}
            body, headers["Content-Type"] = urlencode(fields).encode(), FORM
        return self.ask(route.method, filled(route, **values) + query, body, headers, source=source)

    def visitor(self) -> Visitor:
        """Return a citizen's browser that sees the ticket."""
        found = Visitor(self.served)
        fields = {"number": self.ticket, "code": self.code}
        assert found.fill("/appeal", "/appeal/sign-in", **fields).reply.status == 200
        return found

    def change(self, statement: str, *values: str) -> None:
        """Change the store behind the gateway's back, where only a unit could by itself."""
        path = f"{self.served.process.folder}/jiesu.sqlite3"
        with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
            connection.execute(statement, values)

    def tickets(self) -> list[str]:
        """Return the newest tickets' numbers, of all channels."""
        rows = self.served.select("SELECT id FROM tickets ORDER BY accepted_at DESC LIMIT 20")
        return [number for [number] in rows]

    def wait(self, number: str) -> None:
        """Wait until triage has read a ticket."""
        decided(self.served, number)

    def state(self) -> dict[str, Any]:
        """Return how much each table holds that nobody writes in but by an act, and the ticket."""
        path = f"file:{self.served.process.folder}/jiesu.sqlite3?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=20)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = [table for (table,) in rows if not table.startswith(("search", "sqlite"))]
            found: dict[str, Any] = {
                table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()
                for table in tables
                if table not in _BUSY
            }
            found["ticket"] = connection.execute(
                "SELECT status, version, confirmation, tier, unit FROM tickets WHERE id = ?",
                (self.ticket,),
            ).fetchall()
        return found


def who_may(route: Route) -> list[Role]:
    """Return the roles that a route is for; all of them where it asks for any account."""
    if not isinstance(route.access, Permission):
        return list(Role)
    return sorted(PERMISSIONS[route.access])


def one_who_may(route: Route) -> str:
    """Return an account that a route is for."""
    may = who_may(route)
    assert may, f"{name(route)}: no role may use it"
    return next(iter(may)).value


def assert_safe(reply: Reply, what: str) -> None:
    """What must hold of each answer, whoever asks for whatever."""
    headers = reply.headers
    assert headers.get("x-content-type-options") == "nosniff", what
    policy = headers.get("content-security-policy", "")
    assert "default-src 'none'" in policy, what
    assert "frame-ancestors 'none'" in policy, what
    assert "unsafe-" not in policy, what
    assert headers.get("x-frame-options") == "DENY", what
    place = headers.get("location", "/")
    assert re.match(r"/(?![/\\])[!-~]*$", place), (what, place)
    for line in headers.get("set-cookie", "").splitlines():
        assert "HttpOnly" in line, what
        assert "SameSite=Strict" in line, what
    media_type = headers.get("content-type", "").partition(";")[0]
    if media_type == "text/html":
        assert "form-action 'self'" in policy, what
        assert "base-uri 'none'" in policy, what
        assert_inert(reply.body, what)
    elif reply.body[:1] in {b"{", b"["}:
        assert _JSON.fullmatch(media_type) or media_type == "text/csv", (what, media_type)


def assert_inert(page: bytes, what: str) -> None:
    """Nothing that somebody wrote is markup: no element, no attribute, no script, no address."""
    tree = html.fromstring(page.decode() or "<p></p>")
    for element in tree.iter():
        if not isinstance(element.tag, str):
            assert MARK not in (element.text or ""), f"{what}: a comment holds their words"
            continue
        assert MARK not in element.tag, f"{what}: <{element.tag}>"
        if element.tag in {"script", "style"}:
            assert not (element.text or "").strip(), f"{what}: something inline"
        for key, value in element.attrib.items():
            assert MARK not in key, f"{what}: <{element.tag} {key}>"
            assert not key.startswith("on"), f"{what}: <{element.tag} {key}>"
            assert not key.startswith("hx-on"), f"{what}: <{element.tag} {key}>"
            assert key != "style", f"{what}: <{element.tag} style>"
            if key in _FETCHES:
                where = re.sub(r"[\x00-\x20]", "", value).lower()
                assert not where.startswith(("javascript:", "data:", "vbscript:", "//")), (
                    f"{what}: <{element.tag} {key}={value}>"
                )
