"""Merging by hand over the API, and what each reporter reads of it."""

import itertools
from typing import Any

import pytest

from tests.web.test_agents import TICKETS
from tests.web.test_odd_words import decided
from tests.web.wire import Served, assert_problem

_NUMBERS = itertools.count(11)


@pytest.fixture
def pair(served: Served) -> Any:
    """Receipts of two appeals of different people on one matter, read by triage."""
    block = next(_NUMBERS)
    texts = (f"广安门内{block}号院的电梯停了三天", f"{block}号院电梯坏了没人修,老人下不了楼")
    receipts = [served.file(text) for text in texts]
    for receipt in receipts:
        decided(served, receipt["ticket_id"])
    return receipts


def _merge(served: Served, ticket_id: str, into: str, name: str = "agent") -> Any:
    path = f"{TICKETS}/{ticket_id}"
    version = served.agent("GET", path).document["version"]
    return served.agent("POST", f"{path}/merge", {"version": version, "into": into}, name)


def test_merge(served: Served, pair: Any) -> None:
    """The ticket follows the other by its number in groups too; its reporter reads how that is."""
    first, second = pair
    # Which of the two is more urgent is triage's to say.
    tiers = ["emergency", "livelihood", "general"]
    pair.sort(key=lambda item: tiers.index(decided(served, item["ticket_id"])["tier"]))
    first, second = pair
    reply = _merge(served, second["ticket_id"], first["number"])
    assert reply.status == 200, reply.body
    assert reply.document["status"] == "merged"
    bearer = {"Authorization": f"Bearer {second['query_code']}"}
    shown = served.call("GET", second["status_url"], headers=bearer).document
    assert (shown["ticket_id"], shown["status"]) == (second["ticket_id"], "awaiting_confirmation")
    assert shown["merged_at"]
    assert served.agent("GET", f"{TICKETS}/{first['ticket_id']}").document["repeats"] == 1
    again = served.agent("DELETE", f"{TICKETS}/{second['ticket_id']}/merge")
    assert (again.status, again.document["status"]) == (200, "awaiting_confirmation")
    shown = served.call("GET", second["status_url"], headers=bearer).document
    assert shown["merged_at"] is None


def test_refused(served: Served, pair: Any) -> None:
    """Into itself, or into no number at all, it cannot be; what is not merged is not undone."""
    number = pair[0]["ticket_id"]
    for into in (number, "not a number", "1" * 15):
        assert_problem(_merge(served, number, into), 409, "cannot-be-merged")
    undone = served.agent("DELETE", f"{TICKETS}/{number}/merge")
    assert_problem(undone, 409, "nothing-to-undo")
    assert_problem(_merge(served, number, number, "supervisor"), 403, "not-allowed")
