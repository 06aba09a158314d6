"""Splitting over the API, and what its reporter sees of the parts."""

from typing import Any

import pytest

from tests.web.test_agents import TICKETS
from tests.web.test_appeal_page import sign_in
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import Served, assert_problem

PARTS = [{"text": "停车费乱涨"}, {"text": "楼道里堆满旧家具"}, {"text": "电梯<b>停运</b>"}]


def _split(served: Served, number: str, parts: Any, name: str = "agent") -> Any:
    version = decided(served, number)["version"]
    body = {"version": version, "parts": parts}
    return served.agent("POST", f"{TICKETS}/{number}/split", body, name)


def test_split(served: Served) -> None:
    """Each part has number and code, which open it; the page of the whole shows them all."""
    receipt = served.file("停车费乱涨,楼道里堆满旧家具,电梯也停运了")
    number = receipt["ticket_id"]
    reply = _split(served, number, PARTS)
    assert reply.status == 200, reply.body
    found = reply.document
    assert [item["text"] for item in found["parts"]] == [item["text"] for item in PARTS]
    assert (found["split_from"], found["part"]) == (number, "停车费乱涨")
    bearer = {"Authorization": f"Bearer {receipt['query_code']}"}
    status = served.call("GET", receipt["status_url"], headers=bearer).document
    own, *others = status["parts"]
    assert own["ticket_id"] == number
    for other in others:
        decided(served, other["ticket_id"])
        opened = {"Authorization": f"Bearer {other['query_code']}"}
        path = f"/api/v1/appeals/{other['ticket_id']}"
        assert served.call("GET", path, headers=opened).document["number"] == other["number"]
    text = sign_in(Visitor(served), receipt).text()
    for words in ("分开办理", "楼道里堆满旧家具", "电梯<b>停运</b>", others[0]["number"]):
        assert words in text


BAD_PARTS: dict[str, tuple[Any, str]] = {
    "one": (PARTS[:1], "/parts"),
    "six": ([{"text": str(place)} for place in range(6)], "/parts"),
    "the same twice": ([PARTS[0], PARTS[0]], "/parts/1/text"),
    "nothing": ([PARTS[0], {"text": " "}], "/parts/1/text"),
}


@pytest.mark.parametrize("name", BAD_PARTS)
def test_bad_parts(served: Served, name: str) -> None:
    """Two to five parts, each of which says something of its own."""
    parts, field = BAD_PARTS[name]
    number = served.file("停车费乱涨,楼道里堆满旧家具")["ticket_id"]
    assert_problem(_split(served, number, parts), 422, "invalid-fields", field)
    assert_problem(_split(served, number, PARTS, "supervisor"), 403, "not-allowed")
