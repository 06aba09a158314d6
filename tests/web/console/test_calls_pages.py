"""Calls in progress and call-backs as pages: what is said, masked, and what comes of a call."""

import time
import uuid
from typing import Any

from gateway.accounts.permissions import Role
from tests.web.console.conftest import report_call, signed_in
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import Served

CALLS, CALLBACKS = "/agent/calls", "/agent/callbacks"
LEAK = "朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓"


def test_a_call_in_progress_is_seen_as_it_goes(console: Served, agent: Visitor) -> None:
    """Its transcript, who speaks, and triage of what the citizen said; then that it is over."""
    call = uuid.uuid4().hex
    said = [("agent", "您好，请讲"), ("citizen", "小区的健身器材坏了想问找谁修")]
    report_call(console, *said, call=call)
    path = _path_of(agent, "小区的健身器材坏了")
    sight = agent.get(path)
    for part in ("坐席 0:00 您好，请讲", "诉求人 0:04 小区的健身器材坏了", "一般"):
        assert part in sight.text()
    assert not sight.tree.xpath("//a[starts-with(@href, '/agent/tickets/')]")
    report_call(console, *said, ("citizen", "在石景山区老山街道"), call=call)
    _until(lambda: "石景山区老山街道" in agent.get(f"{path}/now").text("//ol"))
    report_call(console, call=call, ended=True)
    _until(lambda: "通话已结束" in agent.get(f"{path}/now").text("//p"))
    assert path not in agent.get(CALLS).tree.xpath("//main//a/@href")


def test_danger_is_on_top_and_has_its_ticket(console: Served, agent: Visitor) -> None:
    """A call that may be dangerous comes before newer ones, and leads to the ticket it opened."""
    ticket = report_call(console, ("citizen", LEAK))["ticket_id"]
    report_call(console, ("citizen", "请问居住证怎么办理"))
    _until(lambda: "居住证" in agent.get(f"{CALLS}/now").text("//ol"))
    first = agent.get(CALLS).text("(//main//article)[1]")
    assert "紧急" in first
    assert "煤气味" in first
    sight = agent.get(_path_of(agent, "煤气味"))
    assert f"/agent/tickets/{ticket}" in sight.tree.xpath("//a/@href")


def test_a_number_dictated_over_segments_is_masked(console: Served, agent: Visitor) -> None:
    """Whoever speaks in between, and whoever says it again."""
    report_call(
        console, ("citizen", "我的电话是138"), ("agent", "嗯"), ("citizen", "0013"),
        ("citizen", "8000"), ("agent", "一三八零零一三八零零零对吗"), ("citizen", "小区路灯坏了"),
    )  # fmt: skip
    sight = agent.get(_path_of(agent, "小区路灯坏了"))
    told = sight.text("//ol")
    assert "[电话]" in told
    for part in ("138", "0013", "8000", "一三八"):
        assert part not in told


def test_hostile_words_of_a_call(console: Served, agent: Visitor) -> None:
    """What a vendor's platform sends adds no element."""
    report_call(console, ("citizen", "<script>alert(1)</script><b onclick=x>路灯坏了吧"))
    sight = agent.get(_path_of(agent, "路灯坏了吧"))
    assert not sight.tree.xpath("//script[not(@src)] | //@onclick")


def test_there_is_no_such_call(agent: Visitor) -> None:
    """What no call is named by is not found; the name of none is that of one that is over."""
    for given in ("x", "1", "9" * 40):
        assert agent.get(f"{CALLS}/{given}").reply.status == 404
    assert "通话已结束" in agent.get(f"{CALLS}/{'0' * 24}").text()


def test_what_came_of_a_call_back(console: Served, agent: Visitor) -> None:
    """An answer is noted on the ticket, an empty one asked for again, nobody reached noted."""
    tickets = [_asked(console) for _ in range(2)]
    sight = agent.get(CALLBACKS)
    actions = [_action(sight.tree, ticket) for ticket in tickets]
    empty = agent.fill(CALLBACKS, actions[0], answer="  ", result="answered")
    assert empty.reply.status == 422
    assert empty.tree.xpath("//textarea[@aria-invalid='true']")
    told = agent.fill(CALLBACKS, actions[0], answer="丰台方庄芳古园一区", result="answered")
    assert "已记录" in told.text("//*[@role='status']")
    texts = [item["text"] for item in decided(console, tickets[0])["messages"]]
    assert "丰台方庄芳古园一区" in texts
    token = told.fields(actions[1])["form_token"]
    again = agent.post(actions[0], {"form_token": token, "answer": "再说", "result": "answered"})
    assert again.reply.status == 404
    left = agent.fill(CALLBACKS, actions[1], answer="", result="unreached")
    assert "未接通" in left.text("//*[@role='status']")
    assert not {*actions} & {*left.tree.xpath("//form/@action")}


def test_who_only_watches_closes_nothing(console: Served) -> None:
    """A supervisor sees the list; what came of a call is for agents to note."""
    ticket = _asked(console)
    visitor = signed_in(console, Role.SUPERVISOR)
    sight = visitor.get(CALLBACKS)
    action = _action(sight.tree, ticket)
    assert visitor.fill(CALLBACKS, action, answer="是", result="answered").reply.status == 403


def _asked(console: Served) -> str:
    """A ticket of a call that left open where it is."""
    said = ("citizen", "我们楼道里的灯坏了三天了没人管")
    ticket = report_call(console, said, ended=True, phone="13000000000")["ticket_id"]
    decided(console, ticket)
    return str(ticket)


def _action(tree: Any, ticket: str) -> str:
    """Where the form of a ticket's question is sent."""
    query = f"//article[.//a[@href='/agent/tickets/{ticket}']]//form/@action"
    [action] = tree.xpath(query)
    return str(action)


def _path_of(agent: Visitor, words: str) -> str:
    """The page of the call in which that was said, once the list has it."""
    query = f"//article[contains(., '{words}')]//h2/a/@href"
    _until(lambda: agent.get(CALLS).tree.xpath(query))
    return str(agent.get(CALLS).tree.xpath(query)[0])


def _until(holds: Any) -> None:
    for _ in range(40):
        if holds():
            return
        time.sleep(0.25)
    raise AssertionError("it never came to hold")
