"""A repeat over the wire: its own code shows where the first ticket stands."""

import time
from typing import Any

from gateway.tickets.workflow import Status
from tests.web.test_own import set_status
from tests.web.visitor import Visitor
from tests.web.wire import APPEALS, Served, assert_problem

WORDS = "柳荫里小区2号楼一层的垃圾桶三天没有清运,味道很大,请物业和环卫尽快处理"


def _status(served: Served, receipt: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {receipt['query_code']}"}
    return served.call("GET", f"{APPEALS}/{receipt['ticket_id']}", headers=headers).document


def _eventually(look: Any) -> Any:
    for _ in range(100):
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")


def test_a_repeat_follows_the_first(served: Served) -> None:
    """Both keep number and code; the repeat's page tells the first one's status and steps."""
    body = {"text": WORDS, "reporter": {"phone": "13900001111"}}
    first, again = (served.call("POST", APPEALS, body).document for _ in range(2))
    assert again["ticket_id"] != first["ticket_id"]
    _eventually(lambda: _status(served, again)["merged_at"])
    mine, theirs = _status(served, again), _status(served, first)
    assert mine["ticket_id"] == again["ticket_id"]
    assert (mine["status"], mine["steps"]) == (theirs["status"], theirs["steps"])
    assert theirs["merged_at"] is None
    ticket = served.agent("GET", f"/api/v1/tickets/{first['ticket_id']}").document
    assert ticket["repeats"] == 1
    merged = served.agent("GET", f"/api/v1/tickets/{again['ticket_id']}").document
    assert merged["status"] == "merged"


def test_each_reporter_rates_for_themselves(served: Served) -> None:
    """Once the first is resolved a repeat is rated too; neither changes what the other said."""
    body = {"text": WORDS.replace("2号楼", "9号楼"), "reporter": {"phone": "13900001112"}}
    first, again = (served.call("POST", APPEALS, body).document for _ in range(2))
    _eventually(lambda: _status(served, again)["merged_at"])
    assert_problem(_rate(served, again, 1), 409, "not-yet-closed")
    set_status(served, first["ticket_id"], Status.RESOLVED)
    assert _rate(served, first, 5).status == 200
    visitor = Visitor(served)
    fields = {"number": again["number"], "code": again["query_code"]}
    sight = visitor.fill("/appeal", "/appeal/sign-in", **fields)
    assert "stars" not in sight.fields("/appeal/rating")
    sight = visitor.fill("/appeal", "/appeal/rating", stars="2")
    assert sight.fields("/appeal/rating")["stars"] == "2"
    kept = dict(served.select("SELECT ticket_id, stars FROM ratings"))
    assert (kept[first["ticket_id"]], kept[again["ticket_id"]]) == (5, 2)


def _rate(served: Served, receipt: dict[str, Any], stars: int) -> Any:
    headers = {"Authorization": f"Bearer {receipt['query_code']}"}
    return served.call("PUT", f"{receipt['status_url']}/rating", {"stars": stars}, headers)


def test_agents_read_a_cluster(served: Served) -> None:
    """Members and reasons, for agents only; what is no cluster is not found."""
    numbers = [served.file(WORDS.replace("垃圾桶", "垃圾站"))["ticket_id"] for _ in range(2)]
    path = f"/api/v1/tickets/{numbers[1]}"
    cluster = _eventually(lambda: served.agent("GET", path).document["cluster"])
    found = served.agent("GET", f"/api/v1/clusters/{cluster}").document
    assert {member["ticket_id"] for member in found["tickets"]} >= set(numbers)
    assert all(link["reason"]["places"] or link["reason"]["words"] for link in found["links"])
    reply = served.call("GET", f"/api/v1/clusters/{cluster}")
    assert_problem(reply, 401, "not-signed-in")
    alone = served.file("公交车站的座椅坏了")["ticket_id"]
    assert_problem(served.agent("GET", f"/api/v1/clusters/{alone}"), 404, "no-such-ticket")
