"""An agent's question over the API, and on the page of the appeal, where it is answered."""

from tests.web.test_agents import TICKETS
from tests.web.test_appeal_page import sign_in
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import Served, assert_problem

WHICH = "请问是几号楼?<b>几单元?</b>"


def test_a_question_and_its_answer(served: Served) -> None:
    """It stands on the ticket, in the status and on the page, until the citizen says something."""
    receipt = served.file("楼道里的灯坏了三天,没有人来修")
    number = receipt["ticket_id"]
    version = decided(served, number)["version"]
    path = f"{TICKETS}/{number}"
    reply = served.agent("POST", f"{path}/question", {"version": version, "text": WHICH})
    assert reply.status == 200, reply.body
    assert reply.document["version"] == version
    [asked] = reply.document["questions"]
    assert (asked["text"], asked["agent"], asked["channel"]) == (WHICH, "agent", None)
    bearer = {"Authorization": f"Bearer {receipt['query_code']}"}
    status = served.call("GET", receipt["status_url"], headers=bearer).document
    assert status["question"] == {"at": asked["at"], "text": WHICH}
    visitor = Visitor(served)
    sight = sign_in(visitor, receipt)
    assert WHICH in sight.text()
    assert "回答与补充" in sight.text()
    fields = {**sight.fields("/appeal/additions"), "text": "三号楼二单元"}
    assert WHICH not in visitor.post("/appeal/additions", fields).text()
    status = served.call("GET", receipt["status_url"], headers=bearer).document
    assert status["question"] is None
    [asked] = decided(served, number)["questions"]
    assert asked["answered_at"]
    stale = served.agent("POST", f"{path}/question", {"version": version, "text": "在吗?"})
    assert_problem(stale, 409, "version-conflict")
