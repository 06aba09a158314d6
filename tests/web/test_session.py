"""Sessions over HTTP: the cookie, who one is, and that only our own pages may use it."""

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest

from gateway.accounts.permissions import Permission
from tests.web.wire import PASSWORD, Reply, Served, assert_problem, serving

SESSION = "/api/v1/session"
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def desk() -> Iterator[Served]:
    """A gateway that believes a proxy at 127.0.7.7; nobody needs a second factor."""
    settings = {"JIESU_PROXIES": "127.0.7.7", "JIESU_SECOND_FACTOR": "off"}
    with serving(accounts=True, **settings) as found:
        yield found


def _sign_in(
    served: Served, name: str = "agent", password: str = PASSWORD, source: str = "127.0.0.1",
    **headers: str,
) -> Reply:  # fmt: skip
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    body = {"name": name, "password": password}
    return served.call("POST", SESSION, body, named, source=source)


def _cookie(reply: Reply) -> Any:
    [(name, morsel)] = SimpleCookie(reply.headers["set-cookie"]).items()
    return name, morsel


@pytest.fixture
def browser(desk: Served) -> dict[str, str]:
    """The headers that a page of ours sends after an agent has signed in."""
    reply = _sign_in(desk)
    name, morsel = _cookie(reply)
    token = reply.document["csrf_token"]
    return {"Cookie": f"{name}={morsel.value}", "X-CSRF-Token": token, **OUR_PAGE}


def _own(desk: Served) -> str:
    return f"http://127.0.0.1:{desk.process.port}"


def test_signing_in_sets_a_cookie_that_scripts_and_sites_do_not_get(desk: Served) -> None:
    """The cookie is for this host, out of reach of scripts, and sent by no other site."""
    reply = _sign_in(desk)
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-store"
    name, morsel = _cookie(reply)
    assert name == "jiesu_session"
    assert (morsel["path"], morsel["httponly"], morsel["samesite"]) == ("/", True, "Strict")
    assert (morsel["secure"], morsel["domain"], morsel["max-age"]) == ("", "", "")
    assert morsel.value not in reply.body.decode()


def test_behind_a_proxy_with_tls_the_cookie_is_bound_to_the_host(desk: Served) -> None:
    """Over https it is secure and named so that the browser guards it; only our proxy says so."""
    reply = _sign_in(desk, source="127.0.7.7", X_Forwarded_Proto="https")
    name, morsel = _cookie(reply)
    assert (name, morsel["secure"]) == ("__Host-jiesu_session", True)
    headers = {"Cookie": f"{name}={morsel.value}"}
    assert_problem(desk.call("GET", SESSION, headers=headers), 401, "not-signed-in")
    headers["X-Forwarded-Proto"] = "https"
    assert desk.call("GET", SESSION, headers=headers, source="127.0.7.7").status == 200
    assert _cookie(_sign_in(desk, X_Forwarded_Proto="https"))[0] == "jiesu_session"


def test_who_one_is_and_what_one_may(desk: Served, browser: dict[str, str]) -> None:
    """By cookie and by token alike; the CSRF token is the session's."""
    found = desk.call("GET", SESSION, headers=browser).document
    assert (found["name"], found["role"], found["unit"]) == ("agent", "agent", None)
    assert set(found["permissions"]) == {
        Permission.READ_TICKETS, Permission.READ_OWN_TICKETS, Permission.CONFIRM_TICKETS,
        Permission.SPLIT_MERGE, Permission.HAND_OVER, Permission.REVEAL_PEOPLE,
        Permission.SEARCH_ALL,
    }  # fmt: skip
    assert found["csrf_token"] == browser["X-CSRF-Token"]
    clerk = desk.agent("GET", SESSION, name="unit-clerk").document
    assert (clerk["unit"], clerk["csrf_token"]) == ("water-supply", None)


WRONG = {
    "a wrong password": ("agent", "another password"),
    "nobody": ("agent-99", PASSWORD),
    "a name with more": ("agent ' --", PASSWORD),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(desk: Served, name: str) -> None:
    """Whatever is wrong, the answer is the same, byte for byte but for its number."""
    number = list(WRONG).index(name)
    reply = _sign_in(desk, *WRONG[name], source=f"127.0.8.{number}")
    assert_problem(reply, 401, "sign-in-refused")
    assert "set-cookie" not in reply.headers
    again = _sign_in(desk, "agent", "yet another one", source=f"127.0.8.{number}")
    one, other = reply.document, again.document
    del one["request_id"], other["request_id"]
    assert one == other


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no password": ({"name": "agent"}, "/password"),
    "a code of letters": ({"name": "agent", "password": "x", "code": "abcdef"}, "/code"),
    "a code of full-width digits": (
        {"name": "a", "password": "x", "code": "１２３４５６"},
        "/code",
    ),
    "a number": ({"name": 1, "password": "x"}, "/name"),
    "more": ({"name": "agent", "password": "x", "remember": True}, "/remember"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_sign_in(desk: Served, name: str) -> None:
    """Fields that cannot be are refused by name, without what was in them."""
    body, field = BAD[name]
    assert_problem(desk.call("POST", SESSION, body), 422, "invalid-fields", field)


def test_a_form_of_another_site_cannot_sign_in(desk: Served) -> None:
    """Only JSON is taken, and a browser must come from a page of ours."""
    body = b'{"name": "agent", "password": "x"}'
    reply = desk.call("POST", SESSION, body, {"Content-Type": "text/plain"})
    assert_problem(reply, 415, "unsupported-media-type")
    for headers in ({"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"},
                    {"Sec_Fetch_Site": "same-site"}, {"Origin": "null"}):  # fmt: skip
        assert_problem(_sign_in(desk, **headers), 403, "csrf")
    assert _sign_in(desk, Origin=_own(desk)).status == 200


def test_after_wrong_tries_one_waits(desk: Served) -> None:
    """After five wrong ones even the right password waits, as long as the header says."""
    for _ in range(5):
        assert _sign_in(desk, "supervisor", "wrong password", "127.0.9.1").status == 401
    reply = _sign_in(desk, "supervisor", source="127.0.9.2")
    assert_problem(reply, 429, "too-many-attempts")
    assert 25 <= int(reply.headers["retry-after"]) <= 31


def test_signing_out_ends_the_session(desk: Served, browser: dict[str, str]) -> None:
    """The cookie is taken back and worth nothing any more; a token stays what it is."""
    reply = desk.call("DELETE", SESSION, headers=browser)
    assert reply.status == 204
    assert _cookie(reply)[1].value == ""
    assert_problem(desk.call("GET", SESSION, headers=browser), 401, "not-signed-in")
    assert desk.agent("DELETE", SESSION).status == 204
    assert desk.agent("GET", SESSION).status == 200


def test_signing_in_replaces_the_session(desk: Served, browser: dict[str, str]) -> None:
    """A token that somebody planted before is not the one that is signed in with."""
    reply = desk.call("POST", SESSION, {"name": "agent", "password": PASSWORD}, browser)
    assert reply.status == 200
    assert _cookie(reply)[1].value not in browser["Cookie"]
    assert_problem(desk.call("GET", SESSION, headers=browser), 401, "not-signed-in")
    planted = {"Cookie": f"jiesu_session={'x' * 43}"}
    reply = desk.call("POST", SESSION, {"name": "agent", "password": PASSWORD}, planted)
    assert _cookie(reply)[1].value != "x" * 43


def test_a_token_goes_before_a_cookie(desk: Served, browser: dict[str, str]) -> None:
    """Who sends both is the token's; a wrong token is not made good by a cookie."""
    headers = browser | {"Authorization": f"Bearer {desk.tokens['auditor']}"}
    assert desk.call("GET", SESSION, headers=headers).document["name"] == "auditor"
    headers = browser | {"Authorization": "Bearer nobody"}
    assert_problem(desk.call("GET", SESSION, headers=headers), 401, "not-signed-in")


FORGED: dict[str, dict[str, str | None]] = {
    "no token": {"X-CSRF-Token": None},
    "an empty token": {"X-CSRF-Token": ""},
    "another token": {"X-CSRF-Token": "0" * 64},
    "a token that is no ASCII": {"X-CSRF-Token": "\xff"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour's site": {"Sec-Fetch-Site": "same-site"},
    "an address typed in": {"Sec-Fetch-Site": "none"},
    "no word of where it is from": {"Sec-Fetch-Site": None},
    "another origin": {"Sec-Fetch-Site": None, "Origin": "https://evil.example"},
    "another port": {"Sec-Fetch-Site": None, "Origin": "http://127.0.0.1:1"},
    "an origin that nobody has": {"Sec-Fetch-Site": None, "Origin": "null"},
    "two that do not fit": {"Origin": "https://evil.example"},
}
GENUINE: dict[str, dict[str, str | None]] = {
    "a browser that says both": {"Origin": "own"},
    "a page that tells no referrer": {"Origin": "null"},
    "a proxy with TLS that nobody told us of": {"Origin": "own over https"},
    "an older browser": {"Sec-Fetch-Site": None, "Origin": "own"},
}


def _sent(browser: dict[str, str], desk: Served, changes: dict[str, str | None]) -> dict[str, str]:
    headers = {**browser, **changes}
    if (headers.get("Origin") or "").startswith("own"):
        headers["Origin"] = _own(desk)
    if changes.get("Origin") == "own over https":
        headers["Origin"] = _own(desk).replace("http:", "https:")
    return {name: value for name, value in headers.items() if value is not None}


@pytest.mark.parametrize("name", FORGED)
def test_other_sites_change_nothing(desk: Served, browser: dict[str, str], name: str) -> None:
    """With the cookie alone, or from elsewhere, no change is made; reading goes on."""
    headers = _sent(browser, desk, FORGED[name])
    number = desk.file("公厕没水")["ticket_id"]
    for method, path in (
        ("POST", f"/api/v1/tickets/{number}/reporter"),
        ("POST", f"/api/v1/tickets/{number}/confirmation"),
        ("DELETE", f"/api/v1/tickets/{number}/confirmation"),
        ("DELETE", SESSION),
    ):
        reply = desk.call(method, path, {"reason": "核实", "version": 1}, headers)
        assert_problem(reply, 403, "csrf")
    assert desk.call("GET", f"/api/v1/tickets/{number}", headers=headers).status == 200


@pytest.mark.parametrize("name", GENUINE)
def test_our_own_page_changes_things(desk: Served, browser: dict[str, str], name: str) -> None:
    """A page of ours, in any browser, does what its reader may do."""
    headers = _sent(browser, desk, GENUINE[name])
    number = desk.file("公厕没水")["ticket_id"]
    path = f"/api/v1/tickets/{number}/reporter"
    assert desk.call("POST", path, {"reason": "核实"}, headers).status == 200


def test_another_sessions_token_is_not_ones_own(desk: Served, browser: dict[str, str]) -> None:
    """A CSRF token is of one session: a colleague's does not fit, nor one's own of before."""
    headers = browser | {"X-CSRF-Token": _sign_in(desk).document["csrf_token"]}
    assert_problem(desk.call("DELETE", SESSION, headers=headers), 403, "csrf")


def test_a_session_is_asked_for_permissions_too(desk: Served, browser: dict[str, str]) -> None:
    """A cookie opens what the role may, and no more."""
    assert desk.call("GET", "/api/v1/tickets", headers=browser).status == 200
    assert_problem(desk.call("GET", "/api/v1/audit", headers=browser), 403, "not-allowed")


def test_disabling_ends_everything_at_once(desk: Served) -> None:
    """The command takes token and session away while the service runs."""
    reply = _sign_in(desk, "knowledge-editor")
    name, morsel = _cookie(reply)
    headers = {"Cookie": f"{name}={morsel.value}"}
    assert desk.call("GET", SESSION, headers=headers).status == 200
    desk.process.command("accounts", "disable", "knowledge-editor")
    assert_problem(desk.call("GET", SESSION, headers=headers), 401, "not-signed-in")
    reply = desk.agent("GET", SESSION, name="knowledge-editor")
    assert_problem(reply, 401, "not-signed-in")
    assert_problem(_sign_in(desk, "knowledge-editor"), 401, "sign-in-refused")


def test_nothing_secret_is_logged(desk: Served, browser: dict[str, str]) -> None:
    """Neither passwords nor tokens nor names that were tried are in the log."""
    _sign_in(desk, "用户名处误填的口令", "误填", "127.0.8.9")
    log = desk.log()
    cookie = browser["Cookie"].partition("=")[2]
    for secret in (PASSWORD, cookie, browser["X-CSRF-Token"], "误填"):
        assert secret not in log
        assert secret.encode("unicode_escape").decode() not in log
