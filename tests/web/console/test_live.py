"""Changes as server-sent events: who hears what, how one goes on, and how it ends."""

import signal
from itertools import islice

from tests.web.console.watching import LIVE, events_in, line_of, watching
from tests.web.test_odd_words import decided
from tests.web.wire import Served, assert_problem, serving

TEXT = "海淀区中关村街道柳荫小区五号楼的电梯坏了三天,住户电话13800138000"


def _bearer(served: Served, name: str = "agent") -> dict[str, str]:
    return {"Authorization": f"Bearer {served.tokens[name]}"}


def test_a_new_ticket_is_told_of(console: Served) -> None:
    """As soon as triage has read it: with unit, clock and first words, which are masked."""
    with watching(console, _bearer(console)) as events:
        number = console.file(TEXT)["ticket_id"]
        event, line = line_of(events, number)
    assert event.name == "tickets"
    assert line["queue"] == "unconfirmed"
    assert line["unit_name"]
    assert line["words"].startswith("海淀区中关村街道")
    assert "13800138000" not in line["words"]
    assert {"tier", "channel", "district", "confidence", "dispatch_due_at"} <= line.keys()


def test_what_is_confirmed_is_gone(console: Served) -> None:
    """A claim shows who has it, and a confirmation takes the ticket from all lists."""
    ticket = decided(console, console.file(TEXT)["ticket_id"])
    path = f"/api/v1/tickets/{ticket['ticket_id']}"
    with watching(console, _bearer(console, "supervisor")) as events:
        assert console.agent("POST", f"{path}/claim").status == 200
        _, line = line_of(events, ticket["ticket_id"])
        assert line["claimed_by"] == "agent"
        body = {"version": ticket["version"]}
        assert console.agent("POST", f"{path}/confirmation", body).status == 200
        gone = next(
            item for event in events for item in event.data.get("gone", ())
            if item["ticket_id"] == ticket["ticket_id"]
        )  # fmt: skip
    assert gone["version"] == ticket["version"] + 1


def test_who_comes_back_is_told_what_they_missed(console: Served) -> None:
    """From the last event on, by its id: in the address, or as browsers send it."""
    with watching(console, _bearer(console)) as events:
        first = console.file(TEXT)["ticket_id"]
        event, _ = line_of(events, first)
    missed = decided(console, console.file(TEXT)["ticket_id"])["ticket_id"]
    for query, headers in ((f"?after={event.id}", {}), ("?after=0", {"Last-Event-ID": event.id})):
        with watching(console, _bearer(console) | headers, query) as events:
            again, _ = line_of(events, missed)
            assert int(again.id) > int(event.id)


def test_who_asks_once_is_answered_once(console: Served) -> None:
    """Without asking for a stream one gets what has changed, and the answer ends."""
    number = decided(console, console.file(TEXT)["ticket_id"])["ticket_id"]
    newest = console.select("SELECT max(number) FROM history")[0][0]
    reply = console.call("GET", f"{LIVE}?after={newest - 8}", headers=_bearer(console))
    [event] = events_in(reply.body)
    assert number in {line["ticket_id"] for line in event.data["tickets"]}
    beyond = console.call("GET", f"{LIVE}?after={newest + 1000}", headers=_bearer(console))
    assert [event.name for event in events_in(beyond.body)] == ["reset"]


def test_who_may_not_watch(console: Served) -> None:
    """Only who reads all tickets; an id that is none is told so."""
    assert_problem(console.call("GET", LIVE), 401, "not-signed-in")
    assert_problem(console.agent("GET", LIVE, name="unit-clerk"), 403, "not-allowed")
    for query in ("?after=x", "?after=-1", "?since=1", f"?after={2**70}"):
        assert_problem(console.agent("GET", LIVE + query), 422, "invalid-fields")


def test_a_restart_ends_all_streams() -> None:
    """A gateway that is told to stop lets its streams end, and does not wait for their clients."""
    with serving(accounts=True) as served, watching(served, _bearer(served)) as events:
        child = served.process.child
        assert child is not None
        child.send_signal(signal.SIGTERM)
        assert list(islice(events, 1)) == []
        assert child.wait(15) == 0
