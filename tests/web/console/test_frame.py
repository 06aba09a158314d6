"""What holds of every page of the console: who may open it, its forms, its head and its words."""

import re

import pytest

from gateway.accounts.permissions import PERMISSIONS, Permission, Role
from gateway.web.pages.agent.account_page import PERMISSION_WORDS
from gateway.web.pages.agent.frame import NAV, ROLES
from gateway.web.routes import PAGES, Route
from tests.web.console.conftest import signed_in
from tests.web.test_pages import POLICY
from tests.web.visitor import Visitor
from tests.web.wire import Served

GUARDED = [route for route in PAGES if route.access != "public"]
OUT = "/agent/sign-out"


def test_pages_of_the_console_are_open_to_nobody() -> None:
    """But for the way in, every page of the console asks for a permission or a session."""
    open_ones = {route.path for route in PAGES if route.access == "public"}
    assert {path for path in open_ones if path.startswith("/agent")} == {"/agent/sign-in"}


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.method} {route.path}")
def test_without_a_session_one_is_asked_to_sign_in(console: Served, route: Route) -> None:
    """A page that is opened leads to the sign-in; a script that asks for it is told 401."""
    method, path = route.method, re.sub(r"\{.*?\}", "none", route.path)
    visitor = Visitor(console)
    reply = visitor.send(method, path, b"", {})
    assert reply.status == 303
    assert reply.headers["location"].startswith("/agent/sign-in?next=/agent")
    assert visitor.send(method, path, b"", {"Sec-Fetch-Dest": "empty"}).status == 401


@pytest.mark.parametrize("role", Role)
def test_everybody_sees_what_they_may(console: Served, role: Role) -> None:
    """The navigation leads to pages that open; a page of another role says who could help."""
    visitor = signed_in(console, role)
    sight = visitor.get("/agent/account")
    assert sight.reply.status == 200
    assert ROLES[role][0] in sight.text()
    links = sight.tree.xpath("//nav/a/@href")
    assert all(visitor.get(link).reply.status == 200 for link in links)
    for path, _, permission in NAV:
        if permission not in _permissions(role):
            assert path not in links
    if Permission.READ_TICKETS not in _permissions(role):
        refused = visitor.get("/agent")
        assert refused.reply.status == 403
        assert "您的角色无权" in refused.text()
        assert refused.tree.xpath(f"//form[@action='{OUT}']")


def _permissions(role: Role) -> set[Permission]:
    return {permission for permission in Permission if role in PERMISSIONS[permission]}


def test_forms_fit_their_own_session_alone(console: Served, agent: Visitor) -> None:
    """No token, that of a stranger's page or of another session, another site: nothing is done."""
    other = signed_in(console, Role.SENIOR_AGENT)
    foreign = other.get("/agent").fields(OUT)["form_token"]
    stranger = Visitor(console)
    unsigned = stranger.get("/agent/sign-in").fields("/agent/sign-in")["form_token"]
    own = agent.get("/agent").fields(OUT)["form_token"]
    for token in ("", "0" * 64, foreign, unsigned, "\xff"):
        assert agent.post(OUT, {"form_token": token}).reply.status == 403
    agent.cookies["jiesu_form"] = stranger.cookies["jiesu_form"]
    assert agent.post(OUT, {"form_token": unsigned}).reply.status == 403
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                    {"Origin": "https://evil.example"}):  # fmt: skip
        assert agent.post(OUT, {"form_token": own}, headers=headers).reply.status == 403
    assert agent.get("/agent").reply.status == 200
    assert agent.post(OUT, {"form_token": own}).path.startswith("/agent/sign-in")


def test_the_form_s_token_is_that_of_scripts(console: Served, agent: Visitor) -> None:
    """What a signed-in page's forms carry is what its scripts send as X-CSRF-Token."""
    token = agent.get("/agent").fields(OUT)["form_token"]
    assert agent.send("GET", "/api/v1/session", None, {}).document["csrf_token"] == token


def test_a_form_of_an_ended_session_leads_back_to_its_page(console: Served, agent: Visitor) -> None:
    """Who was signed out meanwhile signs in again and is where the form stood."""
    agent.cookies.pop("jiesu_session")
    where = f"http://127.0.0.1:{console.process.port}/agent?tier=general"
    sight = agent.post(OUT, {}, headers={"Referer": where})
    assert sight.path == "/agent/sign-in?next=/agent%3Ftier%3Dgeneral"
    sight = agent.post(OUT, {}, headers={"Referer": "https://evil.example/agent/x"})
    assert sight.path == "/agent/sign-in?next=/agent"


def test_heads_of_the_console_s_pages(agent: Visitor) -> None:
    """The strict policy, kept by no cache, nothing inline, nothing from elsewhere."""
    for path in ("/agent", "/agent/account", "/agent/sign-in", "/agent/nowhere"):
        sight = agent.get(path)
        assert sight.reply.headers["content-security-policy"] == POLICY
        assert sight.reply.headers["cache-control"] == "no-store"
        assert not sight.tree.xpath("//style | //script[not(@src)] | //@style | //iframe")
        for address in sight.tree.xpath("//@src | //link/@href | //form/@action | //a/@href"):
            assert re.match(r"/(?!/)|#", address), address
    assert agent.get("/agent/nowhere").reply.status == 404


def test_english_pages_are_english(agent: Visitor) -> None:
    """The switch keeps the filters of the page; what is ours to say is said in English."""
    sight = agent.get("/agent?tier=general")
    assert "/agent?tier=general&lang=en" in sight.tree.xpath("//a/@href")
    agent.get("/agent?lang=en")
    for path in ("/agent", "/agent/account", "/agent/nowhere"):
        tree = agent.get(path).tree
        assert tree.get("lang") == "en"
        for quoted in tree.xpath("//*[@lang='zh-CN']"):
            quoted.getparent().remove(quoted)
        assert not re.search("[\u4e00-\u9fff]", tree.text_content())


def test_every_role_permission_and_page_has_its_words() -> None:
    """In Chinese and in English."""
    assert set(ROLES) == set(Role)
    assert set(PERMISSION_WORDS) == set(Permission)
    pairs = (*ROLES.values(), *PERMISSION_WORDS.values(), *(label for _, label, _ in NAV))
    for chinese, english in pairs:
        assert re.search("[\u4e00-\u9fff]", chinese)
        assert english.isascii()
