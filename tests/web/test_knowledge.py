"""The knowledge base over HTTP: anybody asks, editors edit, agents answer."""

import time
from typing import Any

import pytest

from gateway.conversation.events import Event
from tests.web.test_odd_words import ODD, decided
from tests.web.wire import APPEALS, Reply, Served, assert_problem

KNOWLEDGE = "/api/v1/knowledge"
SEARCH = f"{KNOWLEDGE}/search"
ENTRY: dict[str, Any] = {
    "question": "雪地足球场怎么预约?",
    "answer": "请在场馆的公众号预约,每周一公布场次。",
    "asks": ["雪地足球几点开放"],
    "topic": "教育文体",
    "unit": "sports",
    "source": {"title": "测试公告", "url": "https://example.org/a"},
}


def _edit(
    served: Served, method: str, path: str, body: Any = None, version: int | None = None
) -> Reply:
    headers = {"Authorization": f"Bearer {served.tokens['knowledge-editor']}"}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return served.call(method, path, body, headers)


def _search(served: Served, text: str) -> Any:
    reply = served.call("POST", SEARCH, {"text": text})
    assert reply.status == 200, reply.body
    return reply.document


@pytest.fixture
def entry(served: Served) -> Any:
    """An entry that an editor has just added."""
    reply = _edit(served, "POST", KNOWLEDGE, ENTRY)
    assert reply.status == 201, reply.body
    found = reply.document
    assert reply.headers["location"] == f"{KNOWLEDGE}/{found['id']}"
    return found


def _until_found(served: Served, text: str, identity: str, *, found: bool) -> None:
    for _ in range(100):
        ids = [item["id"] for item in _search(served, text)["entries"]]
        if (identity in ids) is found:
            return
        time.sleep(0.05)
    raise AssertionError(ids)


def test_a_question_is_answered(served: Served) -> None:
    """What ships is there from the first start: the answer, where it is sure, and what may fit."""
    _until_found(served, "北京几号供暖", "heating-season", found=True)
    reply = served.call("POST", SEARCH, {"text": "北京几号供暖", "limit": 3})
    assert reply.headers["cache-control"] == "no-store"
    found = reply.document
    assert found["answer"]["id"] == "heating-season"
    assert len(found["entries"]) == 3
    assert found["entries"][0]["id"] == "heating-season"
    assert "owner" not in found["entries"][0]


def test_what_is_not_sure_is_not_told_as_the_answer(served: Served) -> None:
    """A complaint that shares words with entries gets entries to choose from, and no answer."""
    found = _search(served, "我家暖气从昨天起就是凉的,家里有老人,请派人来修")
    assert found["answer"] is None
    assert found["entries"]


@pytest.mark.parametrize("name", [name for name in ODD if len(ODD[name]) <= 2000])
def test_odd_words_are_searched(served: Served, name: str) -> None:
    """Whatever is typed is answered with 200."""
    _search(served, ODD[name])


BAD_SEARCHES: dict[str, tuple[Any, int, str]] = {
    "no text": ({}, 422, "/text"),
    "too long": ({"text": "水" * 2001}, 422, "/text"),
    "no limit": ({"text": "水", "limit": 0}, 422, "/limit"),
    "unknown": ({"text": "水", "q": 1}, 422, "/q"),
}


@pytest.mark.parametrize("name", BAD_SEARCHES)
def test_a_search_that_is_wrong_is_refused(unchanged: Served, name: str) -> None:
    """Each bad field is named."""
    body, status, field = BAD_SEARCHES[name]
    reply = unchanged.call("POST", SEARCH, body)
    assert_problem(reply, status, "invalid-fields", field)


def test_nothing_that_was_asked_is_logged(served: Served) -> None:
    """The log has the route of a search, and none of its words."""
    before = served.logged()
    _search(served, "琉璃瓦上的青苔怎么清理")
    logged = served.log(before)
    assert "/api/v1/knowledge/search" in logged
    assert "琉璃瓦" not in logged


def test_anybody_reads_an_entry_that_holds(served: Served, entry: Any) -> None:
    """It has its source and its version, and not who edits it."""
    reply = served.call("GET", f"{KNOWLEDGE}/{entry['id']}")
    assert reply.status == 200
    assert reply.headers["etag"] == '"1"'
    assert reply.document["answer"] == ENTRY["answer"]
    assert reply.document["source"] == ENTRY["source"]
    assert not {"owner", "editor"} & set(reply.document)


@pytest.mark.parametrize("days", [{"valid_to": "2022-10-31"}, {"valid_from": "2099-01-01"}])
def test_what_does_not_hold_is_for_editors_only(served: Served, days: dict[str, str]) -> None:
    """An entry whose days are over or still to come is neither found nor shown."""
    question = f"极光观测点{next(iter(days))}在哪里?"
    body = {**ENTRY, "question": question, "asks": [], **days}
    identity = _edit(served, "POST", KNOWLEDGE, body).document["id"]
    assert_problem(served.call("GET", f"{KNOWLEDGE}/{identity}"), 404, "no-such-entry")
    listed = _edit(served, "GET", f"{KNOWLEDGE}?limit=1000").document["entries"]
    assert identity in {item["id"] for item in listed}
    other = _edit(served, "POST", KNOWLEDGE, {**ENTRY, "question": question + "?"}).document["id"]
    _until_found(served, question, other, found=True)
    _until_found(served, question, identity, found=False)


def test_edits_are_versions(served: Served, entry: Any) -> None:
    """Each edit names the version that it follows; the history keeps all of them."""
    path = f"{KNOWLEDGE}/{entry['id']}"
    changed = _edit(served, "PUT", path, {**ENTRY, "answer": "改为现场预约。"}, 1)
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert changed.document["editor"] == "knowledge-editor"
    stale = _edit(served, "PUT", path, ENTRY, 1)
    assert_problem(stale, 412, "entry-changed")
    assert_problem(_edit(served, "DELETE", path, None, 1), 412, "entry-changed")
    assert_problem(_edit(served, "PUT", path, ENTRY), 428, "version-needed")
    assert_problem(_edit(served, "DELETE", path), 428, "version-needed")
    retired = _edit(served, "DELETE", path, None, 2)
    assert (retired.status, retired.document["retired"]) == (200, True)
    assert_problem(served.call("GET", path), 404, "no-such-entry")
    assert_problem(_edit(served, "PUT", path, ENTRY, 3), 404, "no-such-entry")
    versions = _edit(served, "GET", f"{path}/history").document["versions"]
    assert [item["version"] for item in versions] == [1, 2, 3]
    assert [item["answer"] for item in versions][:2] == [ENTRY["answer"], "改为现场预约。"]


def test_search_follows_edits(served: Served, entry: Any) -> None:
    """A new entry is found within a moment, a retired one no more."""
    _until_found(served, ENTRY["question"], entry["id"], found=True)
    _edit(served, "DELETE", f"{KNOWLEDGE}/{entry['id']}", None, 1)
    _until_found(served, ENTRY["question"], entry["id"], found=False)


BAD_ENTRIES: dict[str, tuple[dict[str, Any], str]] = {
    "no question": ({"question": " "}, "/question"),
    "no answer": ({"answer": ""}, "/answer"),
    "too many ways": ({"asks": ["问"] * 21}, "/asks"),
    "unknown topic": ({"topic": "其他"}, "/topic"),
    "a script as source": ({"source": {"title": "x", "url": "javascript:alert(1)"}}, "/source/url"),
    "no day": ({"valid_to": "2026-02-30"}, "/valid_to"),
    "an end before the beginning": ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, ""),
    "an unknown field": ({"colour": "red"}, "/colour"),
}


@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_an_entry_that_is_wrong_is_refused(unchanged: Served, name: str) -> None:
    """Each bad field is named, and nothing is kept."""
    fields, field = BAD_ENTRIES[name]
    reply = _edit(unchanged, "POST", KNOWLEDGE, {**ENTRY, **fields})
    if field:
        assert_problem(reply, 422, "invalid-fields", field)
    else:
        assert reply.status in {400, 422}


def test_an_entry_names_a_unit_of_the_catalogue(unchanged: Served) -> None:
    """A code that is nobody's is refused."""
    reply = _edit(unchanged, "POST", KNOWLEDGE, {**ENTRY, "unit": "moon-base"})
    assert_problem(reply, 422, "unknown-unit")


@pytest.mark.parametrize("identity", ["none", "A", "a" * 65, "%00", "%E6%B0%B4", ".."])
def test_no_such_entry(unchanged: Served, identity: str) -> None:
    """What names no entry is a 404."""
    path = f"{KNOWLEDGE}/{identity}"
    assert unchanged.call("GET", path).status == 404
    assert _edit(unchanged, "PUT", path, ENTRY, 1).status in {404, 405}


def test_agents_do_not_edit(unchanged: Served) -> None:
    """Editing takes its own permission."""
    assert_problem(unchanged.agent("POST", KNOWLEDGE, ENTRY), 403, "not-allowed")


def test_an_agent_answers_a_ticket(served: Served, entry: Any) -> None:
    """The ticket closes, and whoever filed it reads the answer by number and code."""
    receipt = served.file("雪地足球场周末能不能预约")
    number = receipt["ticket_id"]
    ticket = decided(served, number)
    path = f"/api/v1/tickets/{number}/answer"
    body = {
        "version": ticket["version"], "text": ENTRY["answer"], "entry": entry["id"],
        "entry_version": 1,
    }  # fmt: skip
    reply = served.agent("POST", path, body)
    assert reply.status == 200, reply.body
    assert reply.document["status"] == "answered"
    assert reply.document["history"][-1]["detail"]["entry"] == entry["id"]
    assert served.agent("POST", path, body).document == reply.document
    headers = {"Authorization": f"Bearer {receipt['query_code']}"}
    status = served.call("GET", f"{APPEALS}/{number}", headers=headers).document
    assert (status["status"], status["answer"]) == ("answered", ENTRY["answer"])


def test_a_chat_hears_the_answer(served: Served) -> None:
    """Who asked in a chat reads the answer there."""
    token = served.call("POST", "/api/v1/chats").document["chat"]
    headers = {"Authorization": f"Bearer {token}"}
    said = served.call("POST", "/api/v1/chats/lines", {"text": "滑冰场几点开门啊"}, headers)
    number = said.document["ticket_id"]
    ticket = decided(served, number)
    body = {"version": ticket["version"], "text": "每天九点开门。"}
    assert served.agent("POST", f"/api/v1/tickets/{number}/answer", body).status == 200
    lines: list[str] = []
    for _ in range(100):
        found = served.call("GET", "/api/v1/chats/lines", headers=headers).document
        lines = [line["text"] for line in found["lines"]]
        if any("每天九点开门。" in line for line in lines):
            return
        time.sleep(0.05)
    raise AssertionError((Event.ANSWERED, len(lines)))


def test_an_answer_is_refused_as_a_confirmation_is(served: Served) -> None:
    """An old version, an unknown entry, a field that is wrong: each its problem."""
    number = served.file("滑冰场的鞋多少码")["ticket_id"]
    ticket = decided(served, number)
    path = f"/api/v1/tickets/{number}/answer"
    body = {"version": ticket["version"], "text": "好的"}
    old = served.agent("POST", path, {**body, "version": ticket["version"] + 7})
    assert_problem(old, 409, "version-conflict")
    unknown = served.agent("POST", path, {**body, "entry": "none", "entry_version": 1})
    assert_problem(unknown, 422, "unknown-entry")
    assert_problem(
        served.agent("POST", path, {**body, "text": " "}), 422, "invalid-fields", "/text"
    )
    assert served.agent("POST", path, body).status == 200
    closed = served.agent("POST", path, {**body, "version": ticket["version"] + 1})
    assert_problem(closed, 409, "ticket-closed")
