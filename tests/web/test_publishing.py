"""From the agent's click to the stream: what is published, when, and what it says."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.tickets.document import TicketDocument
from tests.web.test_odd_words import decided
from tests.web.wire import Served, assert_problem, serving

EMERGENCY = "厨房燃气泄漏,味道很大,有人头晕"
WAITING = "请问小区自来水停了一天什么时候来水,没有人通知"


@pytest.fixture(scope="module")
def stage() -> Iterator[Served]:
    """A gateway whose confirmations can be undone for one second."""
    with serving(accounts=True, JIESU_UNDO_SECONDS="1") as found:
        yield found


def _dispatched(served: Served, number: str, version: int = 0) -> Any:
    deadline = time.monotonic() + 30
    while True:
        found = served.agent("GET", f"/api/v1/tickets/{number}").document
        if found["dispatched_at"] and found["version"] >= version:
            return found
        assert time.monotonic() < deadline, f"{number} is not published"
        time.sleep(0.1)


def _consume(served: Served, group: str = "dispatch") -> dict[str, list[Any]]:
    """Return the payloads of all new entries by ticket, in the order in which they came."""
    printed = served.process.command("consume", "--once", "--group", group).stdout
    found: dict[str, list[Any]] = {}
    for line in printed.splitlines():
        payload = json.loads(line)
        TicketDocument.model_validate(payload)
        found.setdefault(payload["ticket_id"], []).append(payload)
    return found


def _confirm(served: Served, ticket: Any, **choice: Any) -> Any:
    path = f"/api/v1/tickets/{ticket['ticket_id']}/confirmation"
    reply = served.agent("POST", path, {"version": ticket["version"], **choice})
    assert reply.status == 200, reply.body.decode()
    return reply.document


def test_what_is_published(stage: Served) -> None:
    """An emergency at once, a confirmed ticket as the agent left it, a waiting one not at all."""
    urgent = stage.file(EMERGENCY)["ticket_id"]
    confirmed, corrected, waiting = (
        decided(stage, stage.file(WAITING)["ticket_id"]) for _ in range(3)
    )
    after = _confirm(stage, confirmed)
    corrected = _confirm(stage, corrected, unit="gov-services", kind="complaint")
    assert _dispatched(stage, urgent)["confirmation"] == "emergency"
    for ticket in (after, corrected):
        assert _dispatched(stage, ticket["ticket_id"])["status"] == "dispatched"
    entries = _consume(stage)
    assert waiting["ticket_id"] not in entries
    assert entries[urgent][0]["tier"] == "emergency"
    assert entries[urgent][0]["confirmation"] == "emergency"
    assert entries[confirmed["ticket_id"]][0]["unit"] == confirmed["unit"]
    published = entries[corrected["ticket_id"]][0]
    assert (published["unit"], published["addressed_unit"]) == ("gov-services", "gov-services")
    assert (published["addressed_as"], published["confirmed_by"]) == ("unit", "agent")
    assert published["version"] == corrected["version"]
    assert set(_consume(stage, "handling")) == set(entries), "every group reads for itself"
    path = f"/api/v1/tickets/{confirmed['ticket_id']}/confirmation"
    assert_problem(stage.agent("DELETE", path), 409, "too-late-to-undo")


def test_what_is_undone_stays_unpublished(stage: Served) -> None:
    """A confirmation that was taken back never reaches the stream."""
    ticket = decided(stage, stage.file(WAITING)["ticket_id"])
    _confirm(stage, ticket, unit="gov-services")
    path = f"/api/v1/tickets/{ticket['ticket_id']}/confirmation"
    reply = stage.agent("DELETE", path)
    later = decided(stage, stage.file(WAITING)["ticket_id"])
    _confirm(stage, later)
    _dispatched(stage, later["ticket_id"])
    entries = _consume(stage)
    assert later["ticket_id"] in entries
    assert (ticket["ticket_id"] in entries) == (reply.status != 200)


def test_a_later_correction_is_a_new_entry(stage: Served) -> None:
    """What is corrected after it was published is published again with a higher version."""
    number = stage.file(EMERGENCY)["ticket_id"]
    first = _dispatched(stage, number)
    second = _confirm(stage, first, unit="gov-services")
    deadline = time.monotonic() + 30
    seen: list[int] = []
    while second["version"] not in seen:
        assert time.monotonic() < deadline
        seen += [item["version"] for item in _consume(stage).get(number, [])]
    assert seen == sorted(set(seen))


def test_published_by_the_clock() -> None:
    """With the share nought nothing waits for an agent, and the entry says that nobody looked."""
    with serving(accounts=True, JIESU_PUBLISH_UNCONFIRMED_AT="0") as served:
        plain, vague = (served.file(text)["ticket_id"] for text in (WAITING, "?"))
        for number in (plain, vague):
            assert _dispatched(served, number)["confirmation"] in {"clock", "automatic"}
        entries = _consume(served)
        assert entries[plain][0]["addressed_as"] in {"unit", "duty_desk"}
        desk = entries[vague][0]
        assert (desk["unit"], desk["addressed_unit"]) == (None, "gov-services")
        assert desk["addressed_as"] == "duty_desk"
        lines = served.agent("GET", "/api/v1/tickets?queue=aside").document["tickets"]
        assert vague in {line["ticket_id"] for line in lines}
