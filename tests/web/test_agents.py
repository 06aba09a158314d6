"""Agents: what waits, confirm or correct it, and take that back while it is possible."""

from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.tickets.document import TicketDocument
from gateway.tickets.numbers import ticket_id
from tests.web.test_odd_words import compared, decided
from tests.web.wire import Served, assert_problem

TICKETS = "/api/v1/tickets"


@pytest.fixture
def ticket(served: Served) -> Any:
    """A ticket that triage has decided on, compared with all others, that waits for an agent."""
    number = served.file("我们小区自来水停了一整天,没有人通知")["ticket_id"]
    decided(served, number)
    compared(served)
    found = decided(served, number)
    assert (found["status"], found["confirmation"]) == ("awaiting_confirmation", "none")
    return found


def _confirm(served: Served, ticket: Any, **choice: Any) -> Any:
    path = f"{TICKETS}/{ticket['ticket_id']}/confirmation"
    return served.agent("POST", path, {"version": ticket["version"], **choice})


def _undo(served: Served, ticket: Any) -> Any:
    return served.agent("DELETE", f"{TICKETS}/{ticket['ticket_id']}/confirmation")


def test_list(served: Served, ticket: Any) -> None:
    """The list has what waits, what is due first on top, and nothing that was written."""
    reply = served.agent("GET", f"{TICKETS}?limit=1000")
    assert reply.status == 200
    lines = reply.document["tickets"]
    assert ticket["ticket_id"] in {line["ticket_id"] for line in lines}
    due = [line["dispatch_due_at"] for line in lines]
    assert due == sorted(due)
    assert "自来水" not in reply.body.decode()


def test_list_by_tier(served: Served, ticket: Any) -> None:
    """The list can be narrowed to a tier, and cut."""
    lines = served.agent("GET", f"{TICKETS}?tier={ticket['tier']}").document["tickets"]
    assert {line["tier"] for line in lines} == {ticket["tier"]}
    assert len(served.agent("GET", f"{TICKETS}?limit=1").document["tickets"]) == 1


BAD_QUERIES = {"queue=mine": "/queue", "tier=urgent": "/tier", "limit=0": "/limit",
               "limit=many": "/limit", "limit=1001": "/limit", "page=2": "/page"}  # fmt: skip


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_bad_query(unchanged: Served, query: str) -> None:
    """What cannot be asked of the list is refused with the parameter's name."""
    reply = unchanged.agent("GET", f"{TICKETS}?{query}")
    assert_problem(reply, 422, "invalid-fields", BAD_QUERIES[query])


def test_show(served: Served, ticket: Any) -> None:
    """A ticket is shown with its masked words, its decision with reasons, and its history."""
    history = ticket.pop("history")
    beside = [ticket.pop(name) for name in ("claim", "questions", "parts")]
    assert beside == [None, [], []]
    TicketDocument.model_validate(ticket)
    assert [line["event"] for line in history][:2] == ["received", "triaged"]
    words = ticket["messages"][0]["text"]
    for reason in ticket["decision"]["reasons"]:
        assert 0 <= reason["start"] <= reason["end"] <= len(words)


def test_masked_words(served: Served) -> None:
    """Agents read tokens where the citizen wrote phone, identity number and their own name."""
    body = {
        "text": "我是苏念慈,电话13911112222,身份证11010119900307803X,楼上漏水",
        "reporter": {"name": "苏念慈"},
    }
    number = served.call("POST", "/api/v1/appeals", body).document["ticket_id"]
    text = decided(served, number)["messages"][0]["text"]
    assert text == "我是[诉求人],电话[电话],身份证[身份证号],楼上漏水"


@pytest.mark.parametrize("number", ["abc", "1" * 15])
def test_no_such_ticket(unchanged: Served, number: str) -> None:
    """A number that is none, on every route that takes one, is a 404."""
    body = {"version": 1}
    for method, tail in (("GET", ""), ("POST", "/confirmation"), ("DELETE", "/confirmation")):
        reply = unchanged.agent(method, f"{TICKETS}/{number}{tail}", body)
        assert_problem(reply, 404, "no-such-ticket")


def test_unknown_ticket(unchanged: Served) -> None:
    """A well-formed number that nobody has is a 404 too."""
    number = ticket_id(97_000_001, SystemClock().now())
    assert_problem(unchanged.agent("GET", f"{TICKETS}/{number}"), 404, "no-such-ticket")
    reply = _confirm(unchanged, {"ticket_id": number, "version": 1})
    assert_problem(reply, 404, "no-such-ticket")


def test_confirm(served: Served, ticket: Any) -> None:
    """Confirming keeps what triage said, names the agent, and takes the ticket off the list."""
    reply = _confirm(served, ticket)
    assert reply.status == 200
    found = reply.document
    assert (found["confirmation"], found["confirmed_by"]) == ("agent", "agent")
    assert found["version"] == ticket["version"] + 1
    assert found["unit"] == ticket["unit"]
    assert found["history"][-1]["detail"] == {"corrected": []}
    lines = served.agent("GET", f"{TICKETS}?limit=1000").document["tickets"]
    assert ticket["ticket_id"] not in {line["ticket_id"] for line in lines}


def test_correct(served: Served, ticket: Any) -> None:
    """What an agent corrects is on the ticket and told in its history; the clock follows."""
    units = {candidate["code"] for candidate in ticket["decision"]["candidates"]}
    other = next(code for code in ("gov-services", "environment") if code not in units)
    found = _confirm(served, ticket, unit=other, tier="emergency", kind="report").document
    assert (found["unit"], found["tier"], found["kind"]) == (other, "emergency", "report")
    assert set(found["history"][-1]["detail"]["corrected"]) >= {"tier", "unit"}
    assert found["dispatch_due_at"] < ticket["dispatch_due_at"]
    assert found["decision"] == ticket["decision"]


def test_version_conflict(served: Served, ticket: Any) -> None:
    """Who has read an older version hears so, and nothing changes."""
    assert _confirm(served, ticket).status == 200
    assert_problem(_confirm(served, ticket), 409, "version-conflict")
    later = {**ticket, "version": 2**31 - 1}
    assert_problem(_confirm(served, later), 409, "version-conflict")


BAD_CHOICES: dict[str, tuple[dict[str, Any], str]] = {
    "a version as string": ({"version": "x"}, "/version"),
    "version nought": ({"version": 0}, "/version"),
    "a huge version": ({"version": 2**31}, "/version"),
    "an unknown field": ({"colour": "red"}, "/colour"),
    "an unknown tier": ({"tier": "urgent"}, "/tier"),
    "an unknown topic": ({"topic": "其他"}, "/topic"),
    "an empty unit": ({"unit": ""}, "/unit"),
    "eleven supporting units": ({"supporting_units": ["fire"] * 11}, "/supporting_units"),
    "a unit with a surrogate": ({"unit": "\ud800"}, "/unit"),
}


@pytest.mark.parametrize("name", BAD_CHOICES)
def test_bad_choice(served: Served, ticket: Any, name: str) -> None:
    """A choice that is wrong is refused with the field, and the ticket stays as it is."""
    choice, field = BAD_CHOICES[name]
    assert_problem(_confirm(served, ticket, **choice), 422, "invalid-fields", field)
    path = f"{TICKETS}/{ticket['ticket_id']}"
    assert served.agent("GET", path).document == ticket


def test_version_is_asked_for(served: Served, ticket: Any) -> None:
    """A confirmation without the version that was read is refused."""
    path = f"{TICKETS}/{ticket['ticket_id']}/confirmation"
    assert_problem(served.agent("POST", path, {}), 422, "invalid-fields", "/version")


@pytest.mark.parametrize("unit", ["no-such-unit", "district-atlantis"])
def test_unknown_unit(served: Served, ticket: Any, unit: str) -> None:
    """Only units of the catalogue can be named."""
    assert_problem(_confirm(served, ticket, unit=unit), 422, "unknown-unit")
    reply = _confirm(served, ticket, supporting_units=[unit])
    assert_problem(reply, 422, "unknown-unit")


def test_unknown_district(served: Served, ticket: Any) -> None:
    """A district that does not exist is refused, whoever is to act."""
    reply = _confirm(served, ticket, district="district-atlantis")
    assert_problem(reply, 422, "unknown-unit")


def test_unit_missing(served: Served) -> None:
    """A ticket without a unit cannot be confirmed as it is, only with one."""
    ticket = decided(served, served.file("?")["ticket_id"])
    assert ticket["unit"] is None
    assert_problem(_confirm(served, ticket), 422, "unit-missing")
    reply = _confirm(served, ticket, unit="district", district="district-haidian")
    assert reply.document["unit"] == "district-haidian"


def test_undo(served: Served, ticket: Any) -> None:
    """Undoing puts everything back, as a new version, and can be followed by another choice."""
    _confirm(served, ticket, tier="emergency", unit="gov-services")
    reply = _undo(served, ticket)
    assert reply.status == 200
    found = reply.document
    for name in ("unit", "tier", "confirmation", "confirmed_by", "status", "dispatch_due_at"):
        assert found[name] == ticket[name], name
    assert found["version"] == ticket["version"] + 2
    assert found["history"][-1]["event"] == "confirmation_undone"
    assert_problem(_undo(served, ticket), 409, "nothing-to-undo")
    assert _confirm(served, found).status == 200


def test_nothing_to_undo(served: Served, ticket: Any) -> None:
    """What nobody confirmed cannot be undone."""
    assert_problem(_undo(served, ticket), 409, "nothing-to-undo")
