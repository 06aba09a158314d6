"""Surge, search, figures and export over HTTP."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.wire import APPEALS, Served, assert_problem


@pytest.fixture
def surge(served: Served) -> Iterator[Served]:
    """A gateway in which a surge may be opened, and is closed afterwards."""
    yield served
    served.agent("DELETE", "/api/v1/surge", name="supervisor")


def _search(served: Served, name: str = "agent", **body: Any) -> Any:
    return served.agent("POST", "/api/v1/search", body, name)


def _found(served: Served, words: str, name: str = "agent") -> list[str]:
    """Search until the worker has indexed what there is."""
    deadline = time.monotonic() + 20
    while served.select("SELECT count(*) FROM search_queue")[0][0]:
        assert time.monotonic() < deadline, "nothing is indexed"
        time.sleep(0.05)
    return [
        ticket["ticket_id"] for ticket in _search(served, name, words=words).document["tickets"]
    ]


def test_a_surge_is_opened_and_closed(surge: Served) -> None:
    """The next ticket is accepted under it at once; its grounds are kept masked."""
    path = "/api/v1/surge"
    opened = surge.agent("POST", path, {"grounds": "暴雨,请致电13911112222"}, "supervisor")
    assert opened.status == 201
    assert opened.document["surge"]["grounds"] == "暴雨,请致电[电话]"
    number = surge.file("激增时路灯不亮")["ticket_id"]
    history = surge.agent("GET", f"/api/v1/tickets/{number}").document["history"]
    assert history[0]["detail"]["surge"]["by"] == "supervisor"
    again = surge.agent("POST", path, {"grounds": "暴雨"}, "administrator")
    assert_problem(again, 409, "surge-running")
    assert surge.agent("DELETE", path, name="administrator").document["running"] is False
    assert_problem(surge.agent("DELETE", path, name="supervisor"), 409, "no-surge")
    after = surge.file("激增后路灯不亮")["ticket_id"]
    assert surge.select("SELECT surge FROM tickets WHERE id = ?", after) == [(0,)]


def test_tickets_are_found_by_words_and_number(served: Served) -> None:
    """What was accepted is found a moment later; the number finds at once, with dashes too."""
    number = served.file("检索专用:观测塔旁的喷泉不喷水")["ticket_id"]
    assert _found(served, number) == [number]
    assert _found(served, "喷泉 观测塔") == [number]
    assert _found(served, "观测塔 不存在的词") == []


def test_a_telephone_number_finds_only_for_who_may_see_people(served: Served) -> None:
    """It is looked up by the blind index, and the audit log has the act without the number."""
    phone = "13955556666"
    body = {"text": "检索电话:井盖丢了", "reporter": {"phone": phone}}
    number = served.call("POST", APPEALS, body).document["ticket_id"]
    assert _found(served, phone) == [number]
    assert _found(served, phone, "supervisor") == []
    query = "/api/v1/audit?event=people_searched&limit=1"
    [entry] = served.agent("GET", query, name="auditor").document["entries"]
    assert (entry["actor"], entry["detail"]) == ("agent", {"tickets": [number]})


@pytest.mark.parametrize(
    "body",
    [{"since": "2026-13-01"}, {"until": "yesterday"}, {"tier": "none"}, {"limit": 0}, {"sql": ""}],
)
def test_what_cannot_be_looked_for(served: Served, body: dict[str, Any]) -> None:
    """A wrong field is named."""
    assert_problem(_search(served, **body), 422, "invalid-fields")


def test_the_day_at_a_glance(served: Served) -> None:
    """A supervisor sees today's figures, and those of another day."""
    served.file("概览:路灯不亮")
    found = served.agent("GET", "/api/v1/overview", name="supervisor").document
    assert found["accepted"] >= 1
    assert len(found["hours"]) == 24
    past = served.agent("GET", "/api/v1/overview?day=2020-01-01", name="supervisor").document
    assert (past["day"], past["accepted"]) == ("2020-01-01", 0)
    wrong = served.agent("GET", "/api/v1/overview?day=someday", name="supervisor")
    assert_problem(wrong, 422, "invalid-fields")


@pytest.mark.parametrize("what", ["tickets", "corrections"])
def test_an_export_is_a_file(served: Served, what: str) -> None:
    """It comes as CSV to be kept, and nothing between keeps it."""
    served.file("导出:路灯不亮")
    path = f"/api/v1/export/{what}?since=2026-01-01&excel=true"
    reply = served.agent("GET", path, name="data-scientist")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == f'attachment; filename="jiesu-{what}.csv"'
    assert reply.headers["cache-control"] == "no-store"
    assert reply.body.decode("utf-8-sig").startswith("ticket_id,")
