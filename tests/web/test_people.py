"""Personal data and the audit log over HTTP."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.test_odd_words import decided
from tests.web.wire import APPEALS, UNIT, Served, assert_problem, serving

TEXT = "我是苏念慈,电话13911112222,小区停水一天"
_BUILDINGS = itertools.count(1)
SU = {"name": "苏念慈", "phone": "13911112222", "identity_number": "11010119900307803X",
      "address": "柳荫小区五号楼"}  # fmt: skip


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A gateway whose confirmations are published at once."""
    with serving(accounts=True, JIESU_UNDO_SECONDS="0") as found:
        yield found


@pytest.fixture
def number(served: Served) -> str:
    """A ticket of a reporter who gave everything, each time about another building."""
    body = {"text": f"{TEXT},{next(_BUILDINGS)}号楼", "reporter": SU}
    receipt = served.call("POST", APPEALS, body).document
    decided(served, receipt["ticket_id"])
    return str(receipt["ticket_id"])


def _ask(served: Served, number: str, what: str, name: str = "agent", **body: Any) -> Any:
    path = f"/api/v1/tickets/{number}/{what}"
    return served.agent("POST", path, {"reason": "回拨核实", **body}, name)


def _dispatch(served: Served, number: str, **choice: Any) -> None:
    """Let an agent send the ticket to the clerk's unit, and wait until it is there."""
    path = f"/api/v1/tickets/{number}"
    version = served.agent("GET", path).document["version"]
    choice = {"version": version, "unit": UNIT, **choice}
    assert served.agent("POST", f"{path}/confirmation", choice).status == 200
    deadline = time.monotonic() + 30
    while not served.agent("GET", path).document["dispatched_at"]:
        assert time.monotonic() < deadline, "it is not dispatched"
        time.sleep(0.05)


def _listed(served: Served, name: str) -> list[str]:
    reply = served.agent("GET", "/api/v1/tickets?queue=all&limit=1000", name=name)
    return [line["ticket_id"] for line in reply.document["tickets"]]


def _audit(served: Served, query: str = "") -> list[dict[str, Any]]:
    reply = served.agent("GET", f"/api/v1/audit{query}", name="auditor")
    assert reply.status == 200, reply.body
    entries: list[dict[str, Any]] = reply.document["entries"]
    return entries


def test_the_reporter_is_shown_for_a_reason(served: Served, number: str) -> None:
    """Who may sees the reporter as they gave it, and the log says who did, and why."""
    reply = _ask(served, number, "reporter", reason="回拨核实,电话13911112222")
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-store"
    assert reply.document == {"ticket_id": number, "reporters": [{**SU, "email": None}]}
    [entry] = _audit(served, "?event=people_shown&limit=1")
    assert (entry["actor"], entry["detail"]) == (
        "agent",
        {"ticket_id": number, "fields": ["name", "phone", "identity_number", "address"],
         "reason": "回拨核实,电话[电话]"},
    )  # fmt: skip


def test_the_words_are_shown_for_a_reason(served: Served, number: str) -> None:
    """Who may reads what was masked elsewhere."""
    reply = _ask(served, number, "words", "senior-agent")
    [words] = reply.document["words"]
    assert words["text"].startswith(f"{TEXT},")
    assert _audit(served, "?event=people_shown&limit=1")[0]["detail"]["fields"] == ["words"]


BAD: dict[str, dict[str, Any]] = {
    "no reason": {"reason": None},
    "an empty reason": {"reason": ""},
    "blanks": {"reason": "   "},
    "a long reason": {"reason": "因" * 501},
}


@pytest.mark.parametrize("what", ["reporter", "words"])
@pytest.mark.parametrize("name", BAD)
def test_without_a_reason_nothing_is_shown(
    served: Served, number: str, name: str, what: str
) -> None:
    """A reason is asked for, in words; without it nothing is told of either."""
    before = _audit(served, "?event=people_shown")
    assert_problem(_ask(served, number, what, **BAD[name]), 422, "invalid-fields", "/reason")
    assert _audit(served, "?event=people_shown") == before


def test_an_anonymous_reporter_is_nobody(served: Served) -> None:
    """Where nobody gave a name, nobody is shown."""
    number = served.file("楼道堆物")["ticket_id"]
    assert _ask(served, number, "reporter").document["reporters"] == []


def test_a_clerk_sees_the_tickets_of_the_unit(served: Served, number: str) -> None:
    """Before it is dispatched to the unit there is no such ticket; then there is, with people."""
    clerk = "unit-clerk"
    for method, tail in (("GET", ""), ("POST", "/reporter"), ("POST", "/words")):
        path = f"/api/v1/tickets/{number}{tail}"
        reply = served.agent(method, path, {"reason": "核实"}, clerk)
        assert_problem(reply, 404, "no-such-ticket")
    assert number not in _listed(served, clerk)
    _dispatch(served, number, kind="complaint")
    assert served.agent("GET", f"/api/v1/tickets/{number}", name=clerk).status == 200
    assert _listed(served, clerk) == [number]
    assert number in _listed(served, "agent")
    assert _ask(served, number, "reporter", clerk).document["reporters"][0]["name"] == SU["name"]


def test_a_clerk_does_not_see_who_is_at_work(served: Served, number: str) -> None:
    """Who at the hotline has the unit's ticket, or had it, is told to agents only."""
    _dispatch(served, number, kind="complaint")
    path = f"/api/v1/tickets/{number}"
    assert served.agent("POST", f"{path}/hand-over", {"to": "senior-agent"}).status == 200
    for name, holder in (("agent", "senior-agent"), ("unit-clerk", None)):
        found = served.agent("GET", path, name=name).document
        assert (found["claim"] or {}).get("agent") == holder
        events = [line["event"] for line in found["history"]]
        assert ("handed_over" in events) is (holder is not None)
        lines = served.agent("GET", "/api/v1/tickets?queue=all&limit=1000", name=name).document
        [line] = [item for item in lines["tickets"] if item["ticket_id"] == number]
        assert line["claimed_by"] == holder


def test_who_reports_is_hidden_from_the_unit(served: Served, number: str) -> None:
    """Of a report (举报) the unit reads the masked ticket, and never who it is from."""
    _dispatch(served, number, kind="report")
    reply = served.agent("GET", f"/api/v1/tickets/{number}", name="unit-clerk")
    assert reply.status == 200
    for what in ("reporter", "words"):
        assert_problem(_ask(served, number, what, "unit-clerk"), 403, "reporter-hidden")
        assert _ask(served, number, what).status == 200
    for given in SU.values():
        assert given not in reply.body.decode()


def test_an_unknown_ticket(served: Served) -> None:
    """A number that is none is a 404 for everybody."""
    for what in ("reporter", "words"):
        for number in ("abc", "1" * 15, "261123000000011"):
            assert_problem(_ask(served, number, what), 404, "no-such-ticket")


def test_reading_the_audit_log_is_told_in_it(served: Served) -> None:
    """An auditor leaves a trace too, with what was asked for; the newest entry comes first."""
    _audit(served, "?event=locked_out&actor=nobody&limit=7")
    [entry] = _audit(served, "?limit=1")
    assert (entry["event"], entry["actor"]) == ("audit_read", "auditor")
    assert entry["detail"] == {"event": "locked_out", "actor": "nobody", "limit": 7}
    older = _audit(served, f"?before={entry['number']}&limit=2")
    assert [item["number"] for item in older] == [entry["number"] - 1, entry["number"] - 2]


BAD_QUERIES = {
    "limit=0": "/limit", "event=none": "/event", "before=x": "/before", "page=2": "/page",
    "actor=": "/actor", "actor=%00": "/actor",
}  # fmt: skip


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_bad_queries_of_the_audit_log(served: Served, query: str) -> None:
    """What cannot be asked is refused with the parameter's name."""
    reply = served.agent("GET", f"/api/v1/audit?{query}", name="auditor")
    assert_problem(reply, 422, "invalid-fields", BAD_QUERIES[query])


def test_the_log_of_a_running_service_is_whole(served: Served) -> None:
    """The command walks it while the service goes on, and takes the end of an earlier walk."""
    known = served.process.command("audit", "verify").stdout.strip()
    _audit(served)
    later = served.process.command("audit", "verify", "--known", known).stdout.strip()
    assert int(later.split(":")[0]) > int(known.split(":")[0])
    number = known.split(":")[0]
    done = served.process.command("audit", "verify", "--known", f"{number}:00", check=False)
    assert done.returncode == 1
    assert f"entry {number} is not the one that is known" in done.stderr
