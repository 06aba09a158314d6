"""Agents beside one another, over the API: who is at work on a ticket, and handing it over."""

from typing import Any

import pytest

from tests.web.test_agents import TICKETS
from tests.web.test_odd_words import compared, decided
from tests.web.wire import Served, assert_problem


@pytest.fixture
def ticket(served: Served) -> Any:
    """A ticket that waits for an agent."""
    number = served.file("朝阳区双井街道广渠路路灯不亮已经一个星期了")["ticket_id"]
    return decided(served, number)


def _claim(served: Served, ticket: Any, name: str = "agent", method: str = "POST") -> Any:
    return served.agent(method, f"{TICKETS}/{ticket['ticket_id']}/claim", name=name)


def _line(served: Served, ticket: Any, query: str = "") -> Any:
    """The ticket's line of the list; None where it is not there."""
    lines = served.agent("GET", f"{TICKETS}?limit=1000{query}").document["tickets"]
    return next((item for item in lines if item["ticket_id"] == ticket["ticket_id"]), None)


def test_a_claim_is_seen_by_the_others(served: Served, ticket: Any) -> None:
    """Lists and the ticket tell who is at work on it; another agent is refused, and told who."""
    claimed = _claim(served, ticket)
    assert claimed.status == 200
    assert claimed.document["agent"] == "agent"
    line = _line(served, ticket)
    assert (line["claimed_by"], line["claimed_until"]) == ("agent", claimed.document["until"])
    path = f"{TICKETS}/{ticket['ticket_id']}"
    shown = served.agent("GET", path, name="supervisor").document["claim"]
    assert shown == {**claimed.document, "handed_by": None, "note": None}
    other = _claim(served, ticket, "senior-agent")
    assert_problem(other, 409, "claimed-by-another")
    assert other.document["detail"].startswith("agent is at work on the ticket until ")
    body = {"version": ticket["version"]}
    for tail, given in (("confirmation", body), ("answer", {**body, "text": "已转物业。"})):
        reply = served.agent("POST", f"{path}/{tail}", given, name="senior-agent")
        assert_problem(reply, 409, "claimed-by-another")
    assert _claim(served, ticket, method="DELETE").status == 204
    assert _line(served, ticket)["claimed_by"] is None
    confirmed = served.agent("POST", f"{path}/confirmation", body, name="senior-agent")
    assert (confirmed.status, confirmed.document["claim"]) == (200, None)


def test_hand_over(served: Served, ticket: Any) -> None:
    """A ticket goes to a colleague of the list, who reads the note; nobody else is one."""
    names = served.agent("GET", "/api/v1/colleagues").document["colleagues"]
    assert {item["name"]: item["role"] for item in names} == {
        "agent": "agent", "senior-agent": "senior-agent",
    }  # fmt: skip
    path = f"{TICKETS}/{ticket['ticket_id']}"
    body = {"to": "senior-agent", "note": "住户电话 13900001111"}
    assert served.agent("POST", f"{path}/hand-over", body).document["agent"] == "senior-agent"
    shown = served.agent("GET", path, name="senior-agent").document
    assert (shown["claim"]["handed_by"], shown["claim"]["note"]) == ("agent", "住户电话 [电话]")
    assert shown["history"][-1]["event"] == "handed_over"
    assert_problem(served.agent("POST", f"{path}/hand-over", body), 409, "claimed-by-another")
    nobody = served.agent("POST", f"{path}/hand-over", {"to": "unit-clerk"}, name="supervisor")
    assert_problem(nobody, 422, "no-such-colleague")
    taken = served.agent("POST", f"{path}/hand-over", {"to": "agent"}, name="supervisor")
    assert taken.document["agent"] == "agent"


def test_filters(served: Served, ticket: Any) -> None:
    """The list is narrowed by channel, unit, district and how sure triage is of its candidate."""
    compared(served)
    line = _line(served, ticket)
    named = {name: line[name] for name in ("tier", "channel", "unit", "district")}
    assert named["channel"] == "api"
    assert named["district"] == "district-chaoyang"
    probability = ticket["decision"]["candidates"][0]["probability"]
    assert line["confidence"] == pytest.approx(probability)
    band = "low" if probability < 0.5 else "middle" if probability < 0.9 else "high"
    for name, value in {**named, "confidence": band}.items():
        assert _line(served, ticket, f"&{name}={value}") == line
    for query in ("&channel=voice", "&unit=sports", "&district=district-yanqing"):
        assert _line(served, ticket, query) is None
    others = {"low", "middle", "high"} - {band}
    assert all(_line(served, ticket, f"&confidence={other}") is None for other in others)


@pytest.mark.parametrize("query", ["confidence=sure", "unit=", "colour=red"])
def test_bad_filters(unchanged: Served, query: str) -> None:
    """What the list cannot be narrowed by is refused with the parameter's name."""
    reply = unchanged.agent("GET", f"{TICKETS}?{query}")
    assert_problem(reply, 422, "invalid-fields", f"/{query.partition('=')[0]}")
