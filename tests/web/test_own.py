"""What the query code opens beside reading: withdrawing and rating, over HTTP."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from gateway.tickets.workflow import Status
from tests.web.test_odd_words import decided
from tests.web.wire import Reply, Served, assert_problem


def set_status(served: Served, ticket_id: str, status: Status) -> None:
    """Bring a ticket to a status that only units can bring it to."""
    path = f"{served.process.folder}/jiesu.sqlite3"
    with closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute("UPDATE tickets SET status = ? WHERE id = ?", (status, ticket_id))


def _call(
    served: Served, method: str, receipt: dict[str, Any], what: str, body: Any = None, **code: str
) -> Reply:
    headers = {"Authorization": f"Bearer {code.get('code', receipt['query_code'])}"}
    return served.call(method, f"{receipt['status_url']}/{what}", body, headers)


def test_withdrawal(served: Served) -> None:
    """Number and code withdraw the appeal; a second time nothing changes, and nothing is added."""
    receipt = served.file("楼道堆物,没人管")
    decided(served, receipt["ticket_id"])
    reply = _call(served, "POST", receipt, "withdrawal")
    assert (reply.status, reply.document["status"]) == (200, "withdrawn")
    assert reply.document["status_zh"] == "已撤回"
    assert _call(served, "POST", receipt, "withdrawal").document == reply.document
    headers = {"Authorization": f"Bearer {receipt['query_code']}"}
    more = served.call("POST", receipt["status_url"], {"text": "还有"}, headers)
    assert_problem(more, 409, "ticket-closed")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(Status.RESOLVED, "ticket-closed"), (Status.REPORTED, "cannot-be-withdrawn")],
)
def test_what_cannot_be_withdrawn(served: Served, status: Status, kind: str) -> None:
    """What is closed, or reported and looked at, is told apart."""
    receipt = served.file("楼道堆物,没人管")
    decided(served, receipt["ticket_id"])
    set_status(served, receipt["ticket_id"], status)
    assert_problem(_call(served, "POST", receipt, "withdrawal"), 409, kind)


def test_rating(served: Served) -> None:
    """A resolved appeal is rated, and rated anew; one that is open is not."""
    receipt = served.file("楼道堆物,没人管")
    decided(served, receipt["ticket_id"])
    body = {"stars": 4, "words": "来得很快"}
    assert_problem(_call(served, "PUT", receipt, "rating", body), 409, "not-yet-closed")
    set_status(served, receipt["ticket_id"], Status.RESOLVED)
    assert _call(served, "PUT", receipt, "rating", body).document == body
    again = _call(served, "PUT", receipt, "rating", {"stars": 1})
    assert again.document == {"stars": 1, "words": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stars": 0}, "/stars"),
        ({"stars": 6}, "/stars"),
        ({"stars": "5"}, "/stars"),
        ({"stars": 5, "words": " "}, "/words"),
        ({"stars": 5, "words": "好" * 2001}, "/words"),
        ({"words": "好"}, "/stars"),
    ],
)
def test_ratings_that_cannot_be(served: Served, body: Any, field: str) -> None:
    """One to five stars, and words that say something."""
    receipt = served.file("楼道堆物,没人管")
    assert_problem(_call(served, "PUT", receipt, "rating", body), 422, "invalid-fields", field)


def test_another_s_code_opens_nothing(served: Served) -> None:
    """The code of one appeal neither withdraws nor rates another."""
    mine, other = served.file("楼道堆物,没人管"), served.file("路灯不亮,三天了")
    for method, what, body in (("POST", "withdrawal", None), ("PUT", "rating", {"stars": 5})):
        reply = _call(served, method, mine, what, body, code=other["query_code"])
        assert_problem(reply, 401, "wrong-code")
