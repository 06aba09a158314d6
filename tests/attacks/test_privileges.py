"""Who may do what, route by route: a route that is not in these tables fails the tests by name."""

from typing import Any, Final

import pytest

from channels.chat.adapter import TOKEN
from gateway.accounts.permissions import PERMISSIONS, Permission, Role
from gateway.web.route import OTHER_ACCESS
from gateway.web.routes import PUBLIC, Route
from gateway.web.server import _guarded
from tests.attacks.stage import Stage, who_may
from tests.attacks.table import NOWHERE, ROUTES, filled, name, parameters
from tests.web.wire import Reply, Served, assert_problem

_OPEN311: Final = {
    f"GET /open311/{path}.{wanted}": "civic apps list and follow requests; nothing personal is told"
    for wanted in ("json", "xml")
    for path in (
        "discovery", "v2/services", "v2/services/{service_code}", "v2/requests",
        "v2/requests/{service_request_id}", "v2/tokens/{token}",
    )
}  # fmt: skip
OPEN: Final[dict[str, str]] = {
    "GET /healthz": "probes of the machine's own supervisor",
    "GET /readyz": "probes of the load balancer",
    "GET /metrics": "counts alone; the proxy keeps it from the outside",
    "POST /api/v1/appeals": "anybody may file",
    "POST /api/v1/uploads": "whoever files sends files; bounded by sender",
    "POST /api/v1/chats": "anybody may open a chat of their own",
    "GET /api/v1/chats/socket": "the chat's token comes in the first line",
    "POST /api/v1/session": "who signs in has no session yet",
    "POST /api/v1/verifications": "a code goes to the telephone that called, never to the asker",
    "POST /api/v1/verifications/code": "the code is what proves it",
    "POST /api/v1/triage": "stores nothing",
    "POST /api/v1/knowledge/search": "the knowledge base is for everybody",
    "GET /api/v1/knowledge/{entry}": "the knowledge base is for everybody",
    "GET /openapi.json": "the interface's description",
    "GET /schemas/{name}": "the schemas that ship",
    "GET /problems/{name}": "what a problem means",
    **_OPEN311,
    "GET /": "the form",
    "POST /appeals": "anybody may file",
    "POST /answers": "the knowledge base is for everybody",
    "GET /receipt": "shows what this browser's sealed cookie names",
    "GET /chat": "a chat of one's own",
    "POST /chat": "a chat of one's own",
    "POST /chat/leave": "forgets one's own chat",
    "GET /appeal": "asks for number and code, or shows what the sealed cookie names",
    "GET /appeal/progress": "shows what the sealed cookie names, else nothing",
    "POST /appeal/sign-in": "number and code are what proves it",
    "POST /appeal/sign-out": "forgets one's own session",
    "POST /appeal/additions": "to what the sealed cookie names",
    "POST /appeal/withdrawal": "of what the sealed cookie names",
    "POST /appeal/rating": "of what the sealed cookie names",
    "GET /assets/{digest}/{name}": "files that ship",
    "GET /agent/sign-in": "who signs in has no session yet",
    "POST /agent/sign-in": "who signs in has no session yet",
}
"""What anybody may ask for, and why; a new name here is a decision, not a default."""
CLOSED: Final = [route for route in ROUTES if name(route) not in OPEN]
GUARDED: Final = [
    route for route in ROUTES if isinstance(route.access, Permission) or route.access == "signed in"
]
ENDING: Final = {"DELETE /api/v1/session", "POST /agent/sign-out"}
"""These end the session that all other tests here use: `test_fixation` has them."""


def _is_refused(reply: Reply) -> bool:
    """Whether somebody without session is told to sign in, as a document or by being sent there."""
    if reply.status == 303:
        return reply.headers["location"].startswith("/agent/sign-in")
    return reply.status == 401


@pytest.fixture(scope="module")
def number(stage: Stage) -> str:
    """The number of a ticket that exists."""
    return stage.ticket


def test_routes_are_told_once() -> None:
    """No method and path stand in the table twice, pages included."""
    names = [name(route) for route in ROUTES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_parameter_is_attacked(route: Route) -> None:
    """For each parameter of a path `tests/attacks/table.py` has what names nothing."""
    assert set(parameters(route)) <= set(NOWHERE), name(route)


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_no_route_is_open_by_mistake(route: Route) -> None:
    """What asks for nothing is listed above with its reason; all else asks for something."""
    assert (route.access == "public") == (name(route) in OPEN), (
        f"{name(route)}: a public route is listed in OPEN with its reason, no other one is"
    )
    assert isinstance(route.access, Permission) or route.access in OTHER_ACCESS


def test_what_is_listed_is_served() -> None:
    """The list of open routes names none that is gone."""
    assert set(OPEN) <= {name(route) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_no_credentials(stage: Stage, number: str, route: Route) -> None:
    """Without credentials only what is listed here as open answers."""
    reply = stage.ask(route.method, filled(route, ticket_id=number, channel=_channel(route)))
    if name(route) in OPEN:
        # A form without its token, or one's own page without its cookie, is refused as such.
        assert reply.status not in {401, 403} or route.media_type == "text/html"
    elif route.access == "signature":
        assert_problem(reply, 401, "bad-signature")
    elif route.access == "api key":
        assert reply.status == 403
    elif route.access == "upload token":
        assert reply.status in {404, 415}
    else:
        assert _is_refused(reply), (reply.status, reply.body)


def _channel(route: Route) -> str:
    return "voice" if route.path.endswith("/recordings") else "webhook"


@pytest.mark.parametrize("route", CLOSED, ids=name)
def test_wrong_token(stage: Stage, route: Route) -> None:
    """A token that is nobody's opens nothing, as a bearer's or as a cookie."""
    # Wrong tries are counted by ticket, and too many of them are told otherwise.
    by_code = route.access == "query code"
    number = stage.served.file("公厕没水")["ticket_id"] if by_code else stage.ticket
    path = filled(route, ticket_id=number, channel=_channel(route))
    for token in ("0000-0000-00000", "x" * 43, "' OR 1=1 --"):
        bearer = {"Authorization": f"Bearer {token}"}
        reply = stage.ask(route.method, path, None, bearer)
        if route.access in {"api key", "upload token"}:
            assert reply.status in {403, 404, 415}
        elif route.access == "chat token" and TOKEN.fullmatch(token):
            # A chat of its own, in which nothing was said yet.
            assert reply.status in {200, 415}
        else:
            assert _is_refused(reply), (token, reply.body)
        if route in GUARDED:
            cookie = {"Cookie": f"jiesu_session={token}; __Host-jiesu_session={token}"}
            assert _is_refused(stage.ask(route.method, path, None, cookie)), token


@pytest.mark.parametrize("route", [one for one in GUARDED if name(one) not in ENDING], ids=name)
def test_roles(stage: Stage, number: str, route: Route) -> None:
    """Each role gets through exactly where the table of permissions says so, by token and cookie.

    Nothing is sent that could be done: who gets through hears that.
    """
    is_page = route.media_type == "text/html"
    for role in Role:
        replies = {"cookie": stage.send(route, role.value, ticket_id=number)}
        if not is_page:  # Pages are opened by cookies: who has a token asks the API.
            bearer = {"Authorization": f"Bearer {stage.served.tokens[role.value]}"}
            replies["token"] = stage.ask(
                route.method, filled(route, ticket_id=number), None, bearer
            )  # fmt: skip
        for way, reply in replies.items():
            what = f"{name(route)} as {role} by {way}: {reply.status}"
            if role in who_may(route):
                assert reply.status not in {401, 403}, what
                assert not _is_refused(reply), what
            else:
                assert reply.status == 403, what
                if not is_page:
                    assert_problem(reply, 403, "not-allowed")


def test_every_permission_is_somebodys() -> None:
    """No permission is nobody's, and none is everybody's."""
    for permission in Permission:
        assert set() < PERMISSIONS[permission] < set(Role)


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


def test_query_code_is_no_token(stage: Stage) -> None:
    """A citizen's code opens no agent's route, and an agent's token no citizen's."""
    served: Served = stage.served
    receipt = served.file("楼道堆物")
    headers = {"Authorization": f"Bearer {receipt['query_code']}"}
    assert_problem(served.call("GET", "/api/v1/tickets", headers=headers), 401, "not-signed-in")
    reply = served.agent("GET", receipt["status_url"])
    assert_problem(reply, 401, "wrong-code")
