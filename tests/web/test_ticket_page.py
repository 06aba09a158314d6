"""The screen of one ticket: every act by form, done, refused, not allowed, forged."""

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.desk_visitor import act, filed, now, path_of, signed_in
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import APPEALS, Served, serving

_NUMBERS = itertools.count(1)
SU = {"name": "苏念慈", "phone": "13911112222"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A gateway of its own, so that nobody else takes tickets away."""
    with serving(accounts=True, JIESU_UNDO_SECONDS="600", JIESU_SECOND_FACTOR="off") as found:
        yield found


@pytest.fixture(scope="module")
def agent(served: Served) -> Visitor:
    """An agent who has signed in."""
    return signed_in(served)


@pytest.fixture(scope="module")
def senior(served: Served) -> Visitor:
    """A colleague."""
    return signed_in(served, "senior-agent")


@pytest.fixture
def ticket(served: Served) -> Any:
    """A ticket about water that waits for an agent."""
    return filed(served, f"海淀区中关村街道柳荫小区{next(_NUMBERS)}号楼自来水停了一整天")


def test_what_the_screen_shows(served: Served, agent: Visitor) -> None:
    """Words masked with their reasons marked, candidates with numbers, deadlines, place."""
    body = {
        "text": "我是苏念慈,电话13911112222,朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓",
        "reporter": SU,
        "place": {"address": "柳荫小区三号楼"},
    }
    number = served.call("POST", APPEALS, body).document["ticket_id"]
    ticket = filed(served, "另一件")
    sight = agent.get(path_of({"ticket_id": number}))
    while "智能分类" not in sight.text("//ol[@class='history']"):
        sight = agent.get(path_of({"ticket_id": number}))
    assert sight.reply.status == 200
    page = sight.reply.body.decode()
    assert "13911112222" not in page
    assert "苏念慈" not in page
    words = sight.text("//p[@class='words marked']")
    assert words == "我是[诉求人],电话[电话],朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓"
    [mark] = [item for item in sight.tree.xpath("//mark") if item.text == "煤气味"]
    told = mark.get("aria-describedby").split()
    reasons = " ".join(sight.text(f"//*[@id='{name}']") for name in told)
    assert "等级" in reasons
    assert mark.get("tabindex") == "0"
    assert "紧急" in sight.text("//p[@class='badges']")
    assert "柳荫小区三号楼" in sight.text("//dl")
    assert "北京燃气集团" in sight.text("//ul[@class='candidates']")
    assert sight.tree.xpath("//meter")
    assert "%" in sight.text("//ul[@class='candidates']")
    assert "还剩" in sight.text("//ul[@class='deadlines']")
    assert agent.get(f"{path_of(ticket)}?lang=en").text("//h2").startswith("What they said")
    agent.get(f"{path_of(ticket)}?lang=zh")


def test_confirm_and_undo(served: Served, agent: Visitor, ticket: Any) -> None:
    """One button confirms what triage said; another takes it back, and it can be confirmed anew."""
    sight = act(agent, ticket, "/confirm")
    assert sight.path.endswith("?done=confirmed")
    assert "已确认，派往 北京自来水集团" in sight.text("//form[contains(@class, 'undo')]")
    assert now(served, ticket)["confirmed_by"] == "agent"
    sight = act(agent, ticket, "/undo")
    assert "已撤销确认" in sight.text("//p[@class='notice']")
    assert now(served, ticket)["confirmation"] == "none"
    assert act(agent, ticket, "/confirm").path.endswith("?done=confirmed")


CORRECTIONS = {
    "a name": ("市公安局", "police"),
    "a code": ("market", "market"),
    "initials that fit one": ("bjzlsjt", "water-supply"),
    "pinyin": ("jiaotongwei", "transport"),
    "local government": ("属地政府", "district-haidian"),
}


@pytest.mark.parametrize("how", CORRECTIONS)
def test_correct(served: Served, agent: Visitor, ticket: Any, how: str) -> None:
    """The lead unit is named by whatever is known of it; all else is chosen beside it."""
    typed, code = CORRECTIONS[how]
    sight = act(
        agent, ticket, "/correct", unit=typed, supporting_1="消防救援总队", kind="complaint",
        tier="livelihood", district="district-haidian", complex="1",
    )  # fmt: skip
    assert sight.path.endswith("?done=corrected"), sight.text("//*[@role='alert']")
    found = now(served, ticket)
    assert (found["unit"], found["supporting_units"]) == (code, ["fire-rescue"])
    assert (found["kind"], found["tier"], found["complex"]) == ("complaint", "livelihood", True)


def test_a_correction_that_is_refused_keeps_what_was_typed(
    served: Served, agent: Visitor, ticket: Any
) -> None:
    """What names no unit, or several, is told beside its field; nothing typed is lost."""
    for typed, told in (("某某大学", "没有找到"), ("区", "多个单位")):
        sight = act(
            agent, ticket, "/correct", unit="市公安局", supporting_2=typed, tier="emergency",
            complex="1",
        )  # fmt: skip
        assert sight.reply.status == 422
        assert told in sight.text("//*[@id='supporting_2-fault']")
        kept = sight.fields(path_of(ticket, "/correct"))
        assert (kept["unit"], kept["supporting_2"]) == ("市公安局", typed)
        assert (kept["tier"], kept["complex"]) == ("emergency", "1")
    sight = act(agent, ticket, "/correct", unit="")
    assert "请填写牵头单位" in sight.text("//*[@id='unit-fault']")
    assert now(served, ticket)["confirmation"] == "none"


def test_who_has_read_an_older_version_hears_so(
    served: Served, agent: Visitor, ticket: Any
) -> None:
    """The page comes again with the reason, the new version in its forms, and what was typed."""
    old = agent.get(path_of(ticket)).fields(path_of(ticket, "/correct"))
    assert act(agent, ticket, "/confirm").reply.status == 200
    sight = agent.post(path_of(ticket, "/correct"), {**old, "unit": "市公安局"})
    assert sight.reply.status == 409
    assert "工单已有变更" in sight.text("//*[@role='alert']")
    kept = sight.fields(path_of(ticket, "/correct"))
    assert (kept["unit"], kept["version"]) == ("市公安局", str(ticket["version"] + 1))


def test_claims(served: Served, agent: Visitor, senior: Visitor, ticket: Any) -> None:
    """Who claims a ticket has it; a colleague sees who does, and has no acts until it is let go."""
    assert "由您处理" in act(agent, ticket, "/claim").text("//*[@class='holder']")
    form = senior.get(path_of(ticket)).fields(path_of(ticket, "/hand-over"))
    sight = senior.get(path_of(ticket))
    assert "agent 正在处理" in sight.text("//*[@class='holder']")
    assert not sight.tree.xpath("//form[contains(@action, '/confirm')]")
    confirm = {"form_token": form["form_token"], "version": str(ticket["version"])}
    sight = senior.post(path_of(ticket, "/confirm"), confirm)
    assert sight.reply.status == 409
    assert "agent 正在处理该工单" in sight.text("//*[@role='alert']")
    assert act(agent, ticket, "/let-go").path.endswith("?done=let-go")
    assert senior.get(path_of(ticket)).tree.xpath("//form[contains(@action, '/confirm')]")


def test_hand_over(served: Served, agent: Visitor, senior: Visitor, ticket: Any) -> None:
    """A colleague gets the ticket with a note, in which numbers are masked."""
    sight = act(agent, ticket, "/hand-over", to="senior-agent", note="请回拨13911112222")
    assert "senior-agent 正在处理" in sight.text("//*[@class='holder']")
    assert "请回拨[电话]" in senior.get(path_of(ticket)).text("//*[@class='holder']")
    sight = act(senior, ticket, "/hand-over", to="agent", note="因" * 501)
    assert sight.reply.status == 422
    assert sight.text("//*[@id='note-fault']")
    assert act(senior, ticket, "/let-go").reply.status == 200


def test_answer_from_the_knowledge_base(served: Served, agent: Visitor, ticket: Any) -> None:
    """An entry is searched for, chosen, edited and sent; the ticket closes."""
    where = path_of(ticket, "/entries")
    sight = agent.get(path_of(ticket))
    search = f"{where}#answer"
    fields = sight.fields(search)
    sight = agent.post(where, {**fields, "query": "居住证怎么办理"})
    assert sight.reply.status == 200
    [first, *_] = sight.tree.xpath("//ul[@class='entries']//button/@value")
    sight = agent.post(where, {**fields, "use": first})
    kept = sight.fields(path_of(ticket, "/answer"))
    assert kept["entry"] == first
    assert len(kept["text"]) > 10
    sight = agent.post(path_of(ticket, "/answer"), {**kept, "text": kept["text"] + "祝好。"})
    assert sight.path.endswith("?done=answered")
    found = now(served, ticket)
    assert found["status"] == "answered"
    assert found["history"][-1]["detail"]["entry"] == first
    assert not sight.tree.xpath("//details[@data-act]")


def test_an_answer_that_is_refused(served: Served, agent: Visitor, ticket: Any) -> None:
    """Without words, or by an entry that there is not, nothing is sent, and the words stay."""
    assert act(agent, ticket, "/answer", text="  ").reply.status == 422
    sight = act(agent, ticket, "/answer", text="可拨 96116", entry="none", entry_version="1")
    assert sight.reply.status == 422
    assert sight.fields(path_of(ticket, "/answer"))["text"] == "可拨 96116"
    assert now(served, ticket)["status"] == "awaiting_confirmation"


def test_people_are_shown_for_a_reason(served: Served, agent: Visitor) -> None:
    """Who reported and the words as told are shown once, with a reason that the audit log keeps."""
    body = {"text": "我是苏念慈,电话13911112222,小区停水一天", "reporter": SU}
    ticket = {"ticket_id": served.call("POST", APPEALS, body).document["ticket_id"]}
    while now(served, ticket)["status"] == "received":
        pass
    if now(served, ticket)["kind"] == "report":
        pytest.fail("this is no report")
    sight = act(agent, ticket, "/reporter", reason="回拨核实")
    assert "13911112222" in sight.text("//section[contains(@class, 'revealed')]")
    fields = agent.get(path_of(ticket)).fields(path_of(ticket, "/reporter"))
    sight = agent.post(path_of(ticket, "/words"), {**fields, "reason": "回拨核实"})
    assert "我是苏念慈" in sight.text("//section[contains(@class, 'revealed')]")
    assert "苏念慈" not in agent.get(path_of(ticket)).reply.body.decode()
    entries = served.agent("GET", "/api/v1/audit?event=people_shown&limit=2", name="auditor")
    told = [entry["detail"] for entry in entries.document["entries"]]
    assert {json.dumps(item["fields"]) for item in told} == {'["words"]', '["name", "phone"]'}
    sight = act(agent, ticket, "/reporter", reason=" ")
    assert sight.reply.status == 422
    assert "13911112222" not in sight.reply.body.decode()


def test_nobody_is_shown_of_a_report(served: Served, agent: Visitor, ticket: Any) -> None:
    """A report (举报) has no such form, and whoever sends one is refused."""
    act(agent, ticket, "/correct", kind="report")
    sight = agent.get(path_of(ticket))
    assert "举报工单" in sight.text()
    fields = sight.fields(path_of(ticket, "/correct"))
    token = {"form_token": fields["form_token"], "reason": "核实"}
    for tail in ("/reporter", "/words"):
        sight = agent.post(path_of(ticket, tail), token)
        assert sight.reply.status == 403
        assert not sight.tree.xpath("//section[contains(@class, 'revealed')]")


def test_ask_the_citizen(served: Served, agent: Visitor, ticket: Any) -> None:
    """A question is sent and stands in the history, masked; without words it is refused."""
    sight = act(agent, ticket, "/question", question=" ")
    assert sight.reply.status == 422
    assert sight.text("//*[@id='question-text-fault']")
    sight = act(agent, ticket, "/question", question="是整栋楼还是一户？可拨13911112222")
    assert sight.path.endswith("?done=asked"), sight.text("//*[@role='alert']")
    assert "整栋楼还是一户？可拨[电话]" in sight.text("//ol[@class='history']")
    long = "问" * 3000
    sight = act(agent, ticket, "/question", question=long)
    assert sight.reply.status == 422
    assert sight.fields(path_of(ticket, "/question"))["question"] == long


def test_split(served: Served, agent: Visitor) -> None:
    """What tells of two matters becomes two tickets; the history leads from one to the other."""
    ticket = filed(served, "海淀区柳荫小区路灯坏了三天没人修,另外楼下烧烤店每天半夜很吵")
    kept = agent.get(path_of(ticket)).fields(path_of(ticket, "/split"))
    assert kept["part_1"].startswith("海淀区柳荫小区路灯")
    sight = act(agent, ticket, "/split", part_1="路灯坏了", part_2=" ", part_3="烧烤店很吵")
    assert sight.reply.status == 422
    assert sight.text("//*[@id='part_2-fault']")
    assert sight.fields(path_of(ticket, "/split"))["part_3"] == "烧烤店很吵"
    sight = act(agent, ticket, "/split", part_1="路灯坏了", part_2="吵" * 4001)
    assert sight.text("//*[@id='part_2-fault']")
    sight = act(
        agent, ticket, "/split", part_1="海淀区柳荫小区路灯坏了三天没人修",
        part_3="", part_2="海淀区柳荫小区楼下烧烤店每天半夜很吵",
    )  # fmt: skip
    assert sight.path.endswith("?done=split"), sight.text("//*[@role='alert']")
    [other] = sight.tree.xpath("//ol[@class='history']//a/@href")
    assert "烧烤店" in agent.get(other).text("//p[@class='words marked']")


def test_merge_and_take_it_back(served: Served, agent: Visitor, ticket: Any) -> None:
    """A ticket that is like another is merged into it by one button, or by number, and back."""
    building = now(served, ticket)["messages"][0]["text"]
    later = filed(served, f"{building},到现在也没人通知")
    sight = agent.get(path_of(later))
    deadline = time.monotonic() + 30
    while ticket["ticket_id"] not in sight.tree.xpath("//button[@name='into']/@value"):
        assert time.monotonic() < deadline, "they are not found alike"
        sight = agent.get(path_of(later))
    [token] = set(sight.tree.xpath("//form[contains(@action, '/merge')]//@value")) & {
        sight.fields(path_of(later, "/claim"))["form_token"]
    }
    given = {"form_token": token, "version": str(now(served, later)["version"])}
    sight = agent.post(path_of(later, "/merge"), {**given, "into": ticket["ticket_id"]})
    assert sight.path.endswith("?done=merged"), sight.text("//*[@role='alert']")
    assert now(served, later)["status"] == "merged"
    sight = act(agent, later, "/separate")
    assert sight.path.endswith("?done=separated")
    decided(served, later["ticket_id"])
    version = str(now(served, later)["version"])
    for into in ("123", later["ticket_id"]):
        sight = agent.post(path_of(later, "/merge"), {**given, "version": version, "into": into})
        assert sight.reply.status == 409
        assert sight.tree.xpath("//input[@id='into']/@value") == [into]


def test_earlier_appeals(served: Served, agent: Visitor) -> None:
    """What the same reporter told before stands beside the ticket, masked."""
    person = {"name": "罗大年", "phone": "13922223333"}
    tickets = []
    for text in ("通州区梨园镇柳荫小区路灯不亮", "顺义区仁和镇柳荫小区门口垃圾没人清运"):
        body = {"text": text, "reporter": person}
        receipt = served.call("POST", APPEALS, body).document
        tickets.append(decided(served, receipt["ticket_id"]))
    sight = agent.get(path_of(tickets[1]))
    assert "路灯不亮" in sight.text("//section[@aria-labelledby='earlier-title']")


def test_next_ticket(served: Served, agent: Visitor, senior: Visitor, ticket: Any) -> None:
    """The next one is what runs out first and is nobody else's; never the one just left."""
    first = agent.get("/agent/next").path
    assert first.startswith("/agent/tickets/")
    number = first.rpartition("/")[2]
    assert agent.get(f"/agent/next?after={number}").path != first
    act(senior, {"ticket_id": number}, "/claim")
    assert agent.get("/agent/next").path != first


FORMS = ("confirm", "undo", "correct", "claim", "let-go", "hand-over", "entries", "answer",
         "merge", "question", "split", "separate", "reporter", "words")  # fmt: skip


@pytest.mark.parametrize("tail", FORMS)
def test_forged_and_foreign_forms(served: Served, agent: Visitor, ticket: Any, tail: str) -> None:
    """Without the session's own token, or from another site's page, nothing happens."""
    fields = agent.get(path_of(ticket)).fields(path_of(ticket, "/confirm"))
    before = now(served, ticket)
    for forged, headers in (({**fields, "form_token": "0" * 64}, {}),
                            (fields, {"Sec-Fetch-Site": "cross-site"})):  # fmt: skip
        sight = agent.post(path_of(ticket, f"/{tail}"), forged, headers=headers)
        assert sight.reply.status == 403
    after = now(served, ticket)
    assert (after["version"], after["history"]) == (before["version"], before["history"])


@pytest.mark.parametrize("tail", FORMS)
def test_a_number_that_no_ticket_has(agent: Visitor, ticket: Any, tail: str) -> None:
    """Each form of a ticket that is not there is a 404, as the screen itself."""
    fields = agent.get(path_of(ticket)).fields(path_of(ticket, "/confirm"))
    fields |= {
        "question": "几号楼？",
        "part_1": "路灯",
        "part_2": "噪声",
        "unit": "police",
        "text": "答复",
        "to": "agent",
        "reason": "核实",
    }
    for number in ("1" * 15, "261123000000011"):
        nowhere = {"ticket_id": number}
        assert agent.get(path_of(nowhere)).reply.status == 404
        assert agent.post(path_of(nowhere, f"/{tail}"), fields).reply.status == 404


def test_who_does_not_confirm_has_no_acts(served: Served, ticket: Any) -> None:
    """A supervisor reads the ticket and may hand it over; others do not see it at all."""
    supervisor = signed_in(served, "supervisor")
    sight = supervisor.get(path_of(ticket))
    assert sight.reply.status == 200
    actions = {form.get("action") for form in sight.tree.xpath("//main//form")}
    assert actions == {path_of(ticket, "/hand-over")}
    token = sight.fields(path_of(ticket, "/hand-over"))["form_token"]
    reply = supervisor.post(path_of(ticket, "/confirm"), {"form_token": token}).reply
    assert reply.status == 403
    assert signed_in(served, "unit-clerk").get(path_of(ticket)).reply.status == 403
