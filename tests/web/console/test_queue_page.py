"""The queue as a page without scripts: its order, its filters in the address, whose each is."""

import re
from datetime import timedelta
from typing import Any

import pytest

from gateway.accounts.permissions import Role
from gateway.web.pages.agent.queue_page import left
from tests.web.console.conftest import signed_in
from tests.web.test_odd_words import decided
from tests.web.test_pages import HOSTILE, shape
from tests.web.visitor import Sight, Visitor
from tests.web.wire import Served

GAS = "朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓"
LIFT = "海淀区中关村街道柳荫小区五号楼的电梯坏了三天,老人下不了楼"
LAMP = "石景山区老山街道路灯不亮已经一个星期了"


def rows(sight: Sight) -> list[str]:
    """The numbers of the tickets on the page, from top to bottom."""
    return [str(number) for number in sight.tree.xpath("//li/@data-ticket")]


def filed(served: Served, text: str) -> Any:
    """A ticket that waits for an agent."""
    return decided(served, served.file(text)["ticket_id"])


def test_what_runs_out_first_is_on_top(console: Served, agent: Visitor) -> None:
    """Whatever came first: an emergency has less time than a lift, a lamp has a day."""
    tickets = [filed(console, text) for text in (LAMP, LIFT, GAS)]
    due = [item["dispatch_due_at"] for item in tickets]
    assert due == sorted(due, reverse=True)
    found = rows(agent.get("/agent"))
    places = [found.index(item["ticket_id"]) for item in reversed(tickets)]
    assert places == sorted(places)


def test_a_row_says_what_an_agent_needs(console: Served, agent: Visitor) -> None:
    """Time left in words too, tier, words, unit, how sure, channel; the row leads to the ticket."""
    ticket = filed(console, LIFT)
    sight = agent.get("/agent")
    query = f"//li[@data-ticket='{ticket['ticket_id']}']"
    told = sight.text(query)
    for part in ("剩 1 小时 59 分", "充裕", "民生", LIFT, "把握", "接口"):
        assert part in told
    assert sight.tree.xpath(f"{query}/a/@href") == [f"/agent/tickets/{ticket['ticket_id']}"]


def test_filters_stand_in_the_address(console: Served, agent: Visitor) -> None:
    """Each narrows the list, is kept in the form, and leaves out what is not asked for."""
    gas, lift = filed(console, GAS), filed(console, LIFT)
    narrowed = {
        "tier=emergency": (gas, lift), "district=district-haidian": (lift, gas),
        f"unit={gas['unit']}": (gas, lift), "channel=web": (None, lift), "queue=aside": (None, gas),
    }  # fmt: skip
    for query, (kept, left_out) in narrowed.items():
        sight = agent.get(f"/agent?{query}&lang=zh")
        found = rows(sight)
        assert left_out["ticket_id"] not in found
        assert kept is None or kept["ticket_id"] in found
        name, _, value = query.partition("=")
        assert sight.tree.xpath(f"//select[@name='{name}']/option[@selected]/@value") == [value]
    everything = rows(agent.get("/agent?tier=&channel=&unit=nowhere"))
    assert everything == []
    bands = [
        set(rows(agent.get(f"/agent?confidence={band}"))) for band in ("low", "middle", "high")
    ]
    assert lift["ticket_id"] in set().union(*bands)
    assert not bands[0] & bands[1]
    assert not bands[1] & bands[2]


def test_what_cannot_be_asked_for_narrows_nothing(console: Served, agent: Visitor) -> None:
    """An address that somebody has mangled shows the queue."""
    filed(console, GAS)
    sight = agent.get("/agent?tier=%27%3B--&confidence=sure&queue=all%00&unit=")
    assert sight.reply.status == 200
    assert rows(sight) == rows(agent.get("/agent"))


def test_who_has_a_ticket_is_seen(console: Served, agent: Visitor) -> None:
    """By name for the others, as one's own for who has it."""
    ticket = filed(console, LAMP)
    query = f"//li[@data-ticket='{ticket['ticket_id']}']"
    claim = f"/api/v1/tickets/{ticket['ticket_id']}/claim"
    assert console.agent("POST", claim).status == 200
    assert "我在办" in agent.get("/agent").text(query)
    assert "agent 在办" in signed_in(console, Role.SENIOR_AGENT).get("/agent").text(query)
    assert console.agent("DELETE", claim).status == 204
    assert "在办" not in agent.get("/agent").text(query)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_stay_words(console: Served, agent: Visitor, hostile: str) -> None:
    """What a citizen wrote adds no element and no attribute to the queue."""
    ticket = filed(console, f"{hostile.replace(chr(0), '')} 家里停水一天了")
    sight = agent.get("/agent?tier=livelihood")
    [row] = sight.tree.xpath(f"//li[@data-ticket='{ticket['ticket_id']}']")
    assert {item.tag for item in row.iter()} == {"li", "span", "b", "small", "a"}
    assert not [name for name in shape(sight) if "@on" in name]


def test_english(console: Served, agent: Visitor) -> None:
    """What is ours to say on a row is said in English."""
    ticket = filed(console, LIFT)
    sight = agent.get("/agent?lang=en")
    [row] = sight.tree.xpath(f"//li[@data-ticket='{ticket['ticket_id']}']")
    for quoted in row.xpath(".//*[@lang='zh-CN']"):
        quoted.getparent().remove(quoted)
    told = " ".join(row.text_content().split())
    assert "1 h 59 min left" in told
    assert not re.search("[\u4e00-\u9fff]", told)


def test_time_left_in_words() -> None:
    """To the minute, in days, hours and minutes; what is over says so."""
    spans = {
        timedelta(days=1, hours=3, minutes=2): "剩 1 天 3 小时",
        timedelta(hours=1, minutes=20): "剩 1 小时 20 分",
        timedelta(minutes=5, seconds=59): "剩 5 分",
        timedelta(0): "剩 0 分",
        -timedelta(minutes=7): "超 7 分",
        -timedelta(hours=2, minutes=1): "超 2 小时 1 分",
    }
    for span, words in spans.items():
        assert left(span, lambda chinese, english: chinese) == words
