"""Signing in and out by the page: the same door as the API's, and a way back to where one was."""

import asyncio
import re
from collections.abc import Iterator

import pyotp
import pytest

from gateway.accounts.accounts import Accounts
from gateway.accounts.permissions import Role
from gateway.foundation import foundation
from gateway.settings import Settings
from gateway.web.pages.agent.guard import local_path
from tests.web.console.conftest import SIGN_IN, enter, signed_in
from tests.web.visitor import Visitor
from tests.web.wire import PASSWORD, Served, serving

SESSION = "/api/v1/session"


def test_who_has_not_signed_in_comes_back_to_where_they_were(console: Served) -> None:
    """The page asks for name and password, then shows what was asked for, filters included."""
    visitor = Visitor(console)
    asked = visitor.get("/agent?tier=general&unit=water-supply")
    assert asked.path.startswith(SIGN_IN)
    sight = visitor.post(SIGN_IN, {**asked.fields(SIGN_IN), "name": "agent", "password": PASSWORD})
    assert sight.reply.status == 200
    assert sight.path == "/agent?tier=general&unit=water-supply"
    assert visitor.get(SIGN_IN).path == "/agent"


ELSEWHERE = (
    "//evil.example", "https://evil.example/agent", "/agent//evil.example", "/\\evil.example",
    "/agent/../appeal", "/agent@evil.example", "/agentevil", "/agent\r\nSet-Cookie: a=b", "/",
    "javascript:alert(1)", "/agent?next=https://evil.example#" + "x" * 1000, "/agent/sign-in",
)  # fmt: skip


@pytest.mark.parametrize("address", ELSEWHERE)
def test_the_way_back_leads_nowhere_else(console: Served, address: str) -> None:
    """Whatever address somebody puts there, signing in leads to a page of the console."""
    assert local_path(address) is None
    visitor = Visitor(console)
    fields = visitor.get(SIGN_IN).fields(SIGN_IN)
    given = {**fields, "next": address, "name": "agent", "password": PASSWORD}
    assert visitor.post(SIGN_IN, given).path == "/agent"


def test_addresses_of_the_console_are_kept_whole() -> None:
    """A page of the console is gone back to with all that was asked for."""
    for address in ("/agent", "/agent/tickets/261123481770352", "/agent/search?q=%E6%B0%B4&page=2"):
        assert local_path(address) == address


def test_what_does_not_fit_is_told_in_both_languages(console: Served) -> None:
    """The same words whichever is wrong; the name stays, the password does not."""
    visitor = Visitor(console)
    for name, password in (("agent", "wrong"), ("agent-99", PASSWORD)):
        sight = enter(visitor, name, password)
        assert sight.reply.status == 401
        assert "用户名、密码或验证码不正确" in sight.text("//*[@role='alert']")
        assert sight.fields(SIGN_IN)["name"] == name
        assert not sight.tree.xpath("//input[@id='password']/@value")
        assert "jiesu_session" not in visitor.cookies
    visitor.get(f"{SIGN_IN}?lang=en")
    sight = enter(visitor, "agent", "wrong")
    assert "do not go together" in sight.text("//*[@role='alert']")
    assert not re.search("[\u4e00-\u9fff]", sight.text().replace("中文", ""))


def test_an_empty_form_says_which_fields_are_missing(console: Served) -> None:
    """Each fault stands beside its field."""
    sight = enter(Visitor(console), "", "", code="abcdef")
    assert sight.reply.status == 422
    faulty = sight.tree.xpath("//input[@aria-invalid='true']/@id")
    assert set(faulty) == {"name", "password", "code"}


def test_the_page_and_the_api_count_the_same_tries(console: Served) -> None:
    """Wrong tries on the page make the API wait too, and the page says for how long."""
    visitor = Visitor(console)
    for _ in range(5):
        assert enter(visitor, "data-scientist", "wrong").reply.status == 401
    sight = enter(visitor, "data-scientist")
    assert sight.reply.status == 429
    assert int(sight.reply.headers["retry-after"]) > 20
    assert "秒后重试" in sight.text("//*[@role='alert']")
    body = {"name": "data-scientist", "password": PASSWORD}
    assert console.call("POST", SESSION, body).status == 429


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Served, str]]:
    """A gateway on which the agent has an authenticator, and its secret."""
    with serving(accounts=True) as found:
        uri = asyncio.run(_enrol(Settings(data_dir=found.process.folder)))
        yield found, pyotp.parse_uri(uri).secret


async def _enrol(settings: Settings) -> str:
    async with foundation(settings, sealing=True) as base:
        return await Accounts(base.database, base.vault, base.clock).enrol("agent")


def test_who_has_an_authenticator_needs_its_code(guarded: tuple[Served, str]) -> None:
    """Without the code there is no way in; it may be typed as it is shown, in two halves."""
    served, secret = guarded
    visitor = Visitor(served)
    assert enter(visitor, "agent").reply.status == 401
    code = pyotp.TOTP(secret).now()
    assert enter(visitor, "agent", code=f"{code[:3]} {code[3:]}").path == "/agent"


def test_signing_out_ends_the_session(console: Served) -> None:
    """The page says so, and the cookie that somebody may have copied opens nothing any more."""
    visitor = signed_in(console, Role.AGENT)
    copied = visitor.cookies["jiesu_session"]
    sight = visitor.fill("/agent", "/agent/sign-out")
    assert "已退出登录" in sight.text("//*[@role='status']")
    assert "jiesu_session" not in visitor.cookies
    headers = {"Cookie": f"jiesu_session={copied}"}
    assert console.call("GET", SESSION, headers=headers).status == 401


def test_a_planted_session_is_not_the_one_signed_in_with(console: Served) -> None:
    """Whatever cookie was there before, signing in makes a new one."""
    visitor = Visitor(console, {"jiesu_session": "x" * 43})
    enter(visitor, "agent")
    assert visitor.cookies["jiesu_session"] != "x" * 43
