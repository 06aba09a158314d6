"""Limits on one sender: clear to whoever meets them, and never in an emergency's way."""

from collections.abc import Iterator

import pytest

from tests.web.test_odd_words import decided
from tests.web.wire import APPEALS, Reply, Served, assert_problem, serving

DANGER = "朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓,越来越呛人"
CALM = "厨房里有股臭鸡蛋味,妈妈头晕得站不起来,叫她也不怎么应"


@pytest.fixture
def served() -> Iterator[Served]:
    """A gateway that takes three appeals a minute from one sender, and has a proxy."""
    settings = {"JIESU_APPEALS_PER_MINUTE": "3", "JIESU_PROXIES": "127.0.0.0/29"}
    with serving(accounts=True, **settings) as found:
        yield found


def _file(served: Served, text: str, behind: str = "203.0.113.7", source: str = "") -> Reply:
    headers = {"X-Forwarded-For": behind} if behind else {}
    return served.call("POST", APPEALS, {"text": text}, headers, source=source or "127.0.0.1")


def test_one_sender_has_to_wait(served: Served) -> None:
    """The fourth appeal within a minute is refused with the time to wait; others are not."""
    for _ in range(3):
        assert _file(served, "楼道灯不亮").status == 201
    refused = _file(served, "楼道灯不亮")
    assert_problem(refused, 429, "too-many-requests")
    assert refused.headers["retry-after"] == "60"
    assert "119" in refused.document["detail_zh"]
    assert _file(served, "楼道灯不亮", behind="203.0.113.8").status == 201


@pytest.mark.parametrize("text", [DANGER, CALM])
def test_an_emergency_is_never_refused(served: Served, text: str) -> None:
    """Whoever has filed too much is heard at once when it is an emergency, calmly told too."""
    for _ in range(4):
        _file(served, "楼道灯不亮")
    reply = _file(served, text)
    assert reply.status == 201
    assert decided(served, reply.document["ticket_id"])["tier"] == "emergency"


def test_only_our_proxies_are_believed(served: Served) -> None:
    """Who is no proxy of ours counts by its own address, whatever it says of others."""
    for number in range(3):
        assert (
            _file(served, "灯不亮", behind=f"198.51.100.{number}", source="127.0.0.99").status
            == 201
        )
    refused = _file(served, "灯不亮", behind="198.51.100.9", source="127.0.0.99")
    assert_problem(refused, 429, "too-many-requests")
    # A chain: what a proxy of ours saw last counts, not what was claimed before that.
    for number in range(3):
        assert _file(served, "灯不亮", behind=f"192.0.2.{number}, 203.0.113.9").status == 201
    assert_problem(
        _file(served, "灯不亮", behind="192.0.2.9, 203.0.113.9"), 429, "too-many-requests"
    )


def test_what_is_no_appeal_stands_aside(served: Served) -> None:
    """An advertisement is on a list of its own, whole, and not among what agents confirm."""
    number = _file(served, "低息贷款秒到账,加微信领取额度,诚招代理").document["ticket_id"]
    assert decided(served, number)["route"] == "person"
    aside, waiting = (
        [
            item["ticket_id"]
            for item in served.agent("GET", f"/api/v1/tickets?queue={queue}").document["tickets"]
        ]
        for queue in ("aside", "unconfirmed")
    )
    assert number in aside
    assert number not in waiting


def test_new_chats_are_no_way_around(served: Served) -> None:
    """Lines of chats count by address too, whether posted or not; an emergency passes."""
    for _ in range(3):
        assert _line(served, "楼道灯不亮").status == 201
    assert_problem(_line(served, "楼道灯不亮"), 429, "too-many-requests")
    assert _line(served, DANGER).status == 201


def _line(served: Served, text: str) -> Reply:
    """Say something in a chat of its own."""
    token = served.call("POST", "/api/v1/chats").document["chat"]
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.77"}
    return served.call("POST", "/api/v1/chats/lines", {"text": text}, headers)
