"""One's own appeal by number and code: seen, added to, withdrawn, rated; and not by others."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from gateway.accounts.keys import Vault
from gateway.clock import SimulatedClock
from gateway.tickets.workflow import Status
from gateway.web.pages.cookies import open_session, session_ticket
from gateway.web.parts import PARTS
from tests.web.test_form_page import PICTURE
from tests.web.test_odd_words import decided
from tests.web.test_own import set_status
from tests.web.visitor import Sight, Visitor
from tests.web.wire import Served

PHONE = "13987650123"


@pytest.fixture
def visitor(served: Served) -> Visitor:
    """Somebody who has never been here."""
    return Visitor(served)


def sign_in(visitor: Visitor, receipt: dict[str, Any], code: str | None = None) -> Sight:
    """Show number and code."""
    fields = {"number": receipt["number"], "code": code or receipt["query_code"]}
    return visitor.fill("/appeal", "/appeal/sign-in", **fields)


def test_number_and_code_open_the_appeal(served: Served, visitor: Visitor) -> None:
    """It shows what it was understood as, its steps in Beijing's time, and the words masked."""
    receipt = served.file(f"楼道里堆满了旧家具,请打 {PHONE}")
    ticket = decided(served, receipt["ticket_id"])
    sight = sign_in(visitor, receipt)
    assert sight.reply.status == 200
    assert sight.path == "/appeal"
    text = sight.text()
    for words in (receipt["number"], "已受理", "待派单", ticket["topic"], "楼道里堆满了旧家具"):
        assert words in text
    assert PHONE not in sight.reply.body.decode()
    assert receipt["query_code"] not in sight.reply.body.decode()
    [first, *_] = sight.tree.xpath("//ol[@class='steps']//time")
    at = datetime.fromisoformat(first.get("datetime")).astimezone(UTC) + timedelta(hours=8)
    assert f"{at:%H:%M}" in first.text_content()
    assert visitor.get("/appeal").text() == text
    assert "无" not in visitor.get("/appeal/progress").reply.headers
    assert visitor.get("/appeal/progress").reply.status == 200


def test_wrong_codes(served: Served, visitor: Visitor) -> None:
    """Another code opens nothing, keeps the number typed, and after ten tries one has to wait."""
    receipt = served.file("楼道里堆满了旧家具")
    for _ in range(10):
        sight = sign_in(visitor, receipt, "0000-0000-00000")
        assert sight.reply.status == 401
    assert sight.fields("/appeal/sign-in")["number"] == receipt["number"]
    assert sight.fields("/appeal/sign-in").get("code", "") == ""
    sight = sign_in(visitor, receipt)
    assert sight.reply.status == 429
    assert int(sight.reply.headers["retry-after"]) > 0
    assert visitor.fill("/appeal", "/appeal/sign-in", number="1", code="x").reply.status == 404


def test_additions(served: Served, visitor: Visitor) -> None:
    """Words and a photo are added once, however often the page is sent."""
    receipt = served.file("楼道里堆满了旧家具")
    fields = {**sign_in(visitor, receipt).fields("/appeal/additions"), "text": "是三号楼二单元"}
    for _ in range(2):
        sight = visitor.post("/appeal/additions", fields, ("a.png", PICTURE))
        assert sight.reply.status == 200
        assert "已补充" in sight.text()
    ticket = decided(served, receipt["ticket_id"])
    assert [item["text"] for item in ticket["messages"]] == ["楼道里堆满了旧家具", "是三号楼二单元"]
    assert ticket["messages"][1]["channel"] == "web"
    assert len(ticket["attachments"]) == 1
    empty = visitor.fill("/appeal", "/appeal/additions", text=" ")
    assert empty.reply.status == 422
    assert empty.tree.xpath("//*[@id='text-fault']")


def test_withdrawal(served: Served, visitor: Visitor) -> None:
    """Withdrawn, the page says so and offers neither adding nor withdrawing any more."""
    receipt = served.file("楼道里堆满了旧家具")
    decided(served, receipt["ticket_id"])
    sign_in(visitor, receipt)
    sight = visitor.fill("/appeal", "/appeal/withdrawal")
    assert "已撤回" in sight.text("//*[@role='status']")
    assert not sight.tree.xpath("//form[@action='/appeal/withdrawal']")
    assert not sight.tree.xpath("//form[@action='/appeal/additions']")
    assert served.agent("GET", f"/api/v1/tickets/{receipt['ticket_id']}").document["status"] == (
        "withdrawn"
    )


def test_rating(served: Served, visitor: Visitor) -> None:
    """Closed, it can be rated; the rating is shown again, and can be changed."""
    receipt = served.file("楼道里堆满了旧家具")
    decided(served, receipt["ticket_id"])
    assert not sign_in(visitor, receipt).tree.xpath("//form[@action='/appeal/rating']")
    set_status(served, receipt["ticket_id"], Status.RESOLVED)
    assert visitor.fill("/appeal", "/appeal/rating", words="好").reply.status == 422
    sight = visitor.fill("/appeal", "/appeal/rating", stars="4", words="来得很快")
    assert "感谢" in sight.text("//*[@role='status']")
    kept = sight.fields("/appeal/rating")
    assert (kept["stars"], kept["words"]) == ("4", "来得很快")
    again = visitor.fill("/appeal", "/appeal/rating", stars="5")
    assert again.fields("/appeal/rating")["stars"] == "5"
    for stars in ("0", "6", "x", "٣"):
        assert visitor.fill("/appeal", "/appeal/rating", stars=stars).reply.status == 422


def test_signed_out_nothing_is_shown_or_done(served: Served, visitor: Visitor) -> None:
    """Without session every page asks for number and code, and no form does anything."""
    receipt = served.file("楼道里堆满了旧家具")
    fields = sign_in(visitor, receipt).fields("/appeal/withdrawal")
    sight = visitor.fill("/appeal", "/appeal/sign-out")
    assert sight.fields("/appeal/sign-in")
    for what in ("withdrawal", "additions", "rating"):
        reply = visitor.post(f"/appeal/{what}", fields).reply
        assert reply.status == 401
    assert receipt["number"] not in visitor.get("/appeal").reply.body.decode()
    assert visitor.get("/receipt").path == "/appeal"
    assert visitor.get("/appeal/progress").reply.status == 204


@pytest.mark.parametrize("change", ["", "!", "eyJ0aWNrZXQiOiAiMSJ9", "=" * 8, "é"])
def test_forged_sessions(served: Served, change: str) -> None:
    """A cookie that we did not seal opens nothing and breaks nothing."""
    visitor = Visitor(served)
    sign_in(visitor, served.file("楼道里堆满了旧家具"))
    good = visitor.cookies["jiesu_appeal"]
    for value in (change, change + good[len(change) + 8 :], good[:-6]):
        visitor.cookies["jiesu_appeal"] = value.encode().decode("latin-1")
        sight = visitor.get("/appeal")
        assert sight.reply.status == 200
        assert sight.fields("/appeal/sign-in")


async def test_a_session_ends_after_half_an_hour(vault: Vault) -> None:
    """By the service's clock, whatever the browser does with its cookie."""
    clock = SimulatedClock(datetime(2026, 11, 23, tzinfo=UTC))
    parts: Any = SimpleNamespace(
        vault=vault, clock=clock, limits=SimpleNamespace(scheme_of=lambda _: "https")
    )
    application = web.Application()
    application[PARTS] = parts
    response = web.Response()
    open_session(make_mocked_request("GET", "/", app=application), response, "260301481770352")
    cookie = response.cookies["jiesu_appeal"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Strict")
    assert cookie["max-age"] == "1800"
    headers = CIMultiDict({"Cookie": f"jiesu_appeal={cookie.value}"})
    request = make_mocked_request("GET", "/", headers, app=application)
    clock.advance(timedelta(minutes=29, seconds=59))
    assert await session_ticket(request) == "260301481770352"
    clock.advance(timedelta(seconds=1))
    assert await session_ticket(request) is None
