"""Who may do what, route by route: a route that is not in these tables fails the tests."""

from typing import Any

import pytest

from channels.chat.adapter import TOKEN
from gateway.accounts.permissions import PERMISSIONS, Permission, Role
from gateway.web.route import OTHER_ACCESS
from gateway.web.routes import OPERATIONS, PAGES, PUBLIC, Route
from gateway.web.server import _guarded
from tests.web.wire import Served, assert_problem

ROUTES = (*PUBLIC, *OPERATIONS)
OPEN = {
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "POST /api/v1/appeals",
    "POST /api/v1/uploads",
    "POST /api/v1/chats",
    "GET /api/v1/chats/socket",
    "POST /api/v1/session",
    "POST /api/v1/verifications",
    "POST /api/v1/verifications/code",
    "POST /api/v1/triage",
    "POST /api/v1/knowledge/search",
    "GET /api/v1/knowledge/{entry}",
    "GET /openapi.json",
    "GET /schemas/{name}",
    "GET /problems/{name}",
    *(
        f"GET /open311/{path}.{wanted}"
        for wanted in ("json", "xml")
        for path in (
            "discovery", "v2/services", "v2/services/{service_code}", "v2/requests",
            "v2/requests/{service_request_id}", "v2/tokens/{token}",
        )
    ),
}  # fmt: skip
"""What anybody may ask for; a new name here is a decision, not a default."""


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


CLOSED = [route for route in ROUTES if _name(route) not in OPEN]
WITH_ROLE = [route for route in ROUTES if isinstance(route.access, Permission)]


def _path(route: Route, number: str) -> str:
    path = route.path.replace("{ticket_id}", number)
    channel = "voice" if path.endswith("/recordings") else "webhook"
    path = path.replace("{channel}", channel).replace("{callback}", "none")
    return path.replace("{name}", "none").replace("{entry}", "none")


@pytest.fixture
def number(served: Served) -> str:
    """The number of a ticket that exists, with no wrong attempts so far."""
    return str(served.file("公厕没水")["ticket_id"])


def test_routes_are_told_once() -> None:
    """No method and path stand in the table twice, pages included."""
    names = [_name(route) for route in (*ROUTES, *PAGES)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("route", ROUTES, ids=_name)
def test_no_credentials(served: Served, number: str, route: Route) -> None:
    """Without credentials only what is listed here as open answers."""
    reply = served.call(route.method, _path(route, number))
    if _name(route) in OPEN:
        assert route.access == "public"
        assert reply.status not in {401, 403}
    elif route.access == "signature":
        assert_problem(reply, 401, "bad-signature")
    elif route.access == "api key":
        assert reply.status == 403
    elif route.access == "upload token":
        assert reply.status in {404, 415}
    else:
        assert_problem(reply, 401, "not-signed-in")


@pytest.mark.parametrize("route", CLOSED, ids=_name)
@pytest.mark.parametrize("token", ["0000-0000-00000", "x" * 43, "' OR 1=1 --", "null"])
def test_wrong_token(served: Served, number: str, route: Route, token: str) -> None:
    """A token that is nobody's opens nothing."""
    headers = {"Authorization": f"Bearer {token}"}
    reply = served.call(
        route.method, _path(route, number), None, headers, source=f"127.0.3.{len(token)}"
    )
    if route.access in {"api key", "upload token"}:
        assert reply.status in {403, 404, 415}
        return
    if route.access == "chat token" and TOKEN.fullmatch(token):
        # A chat of its own, in which nothing was said yet.
        assert reply.status in {200, 415}
        return
    assert reply.status == 401, reply.body.decode()
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("route", WITH_ROLE, ids=_name)
def test_roles(served: Served, number: str, route: Route, role: Role) -> None:
    """A role gets through exactly where the table of permissions says so."""
    assert isinstance(route.access, Permission)
    reply = served.agent(route.method, _path(route, number), name=role.value)
    if role in PERMISSIONS[route.access]:
        assert reply.status not in {401, 403}, reply.body.decode()
    else:
        assert_problem(reply, 403, "not-allowed")


@pytest.mark.parametrize("access", [None, "", "publc", "tickets:all"])
def test_a_route_that_does_not_say_who_may_use_it(access: Any) -> None:
    """A route with neither a permission nor one of the other ways keeps the service from starting.

    To leave it out is no default either: the table cannot be built.
    """
    given = ("GET", "/somewhere", PUBLIC[0].handler, "Something")
    with pytest.raises(TypeError):
        Route(*given)  # type: ignore[call-arg,arg-type]
    with pytest.raises(ValueError, match="GET /somewhere does not say"):
        _guarded(Route(*given, access))  # type: ignore[arg-type]


def test_no_route_is_open_by_mistake() -> None:
    """What asks for nothing is listed above, one by one; all else asks for something."""
    assert {_name(route) for route in ROUTES if route.access == "public"} == OPEN
    assert all(isinstance(route.access, Permission) or route.access in OTHER_ACCESS
               for route in ROUTES)  # fmt: skip


def test_query_code_is_no_token(served: Served) -> None:
    """A citizen's code opens no agent's route, and an agent's token no citizen's."""
    receipt = served.file("楼道堆物")
    headers = {"Authorization": f"Bearer {receipt['query_code']}"}
    assert_problem(served.call("GET", "/api/v1/tickets", headers=headers), 401, "not-signed-in")
    reply = served.agent("GET", receipt["status_url"])
    assert_problem(reply, 401, "wrong-code")
