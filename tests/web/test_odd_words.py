"""Words that are odd but well-formed are accepted, kept as they came, and decided on."""

import json
import time
from typing import Any

import pytest

from tests.web.wire import APPEALS, Served, request

ODD = {
    "traditional characters": "樓上漏水三個月了,物業說要等,實在沒有辦法",
    "one character": "水",
    "one punctuation mark": "?",
    "one emoji": "🚰",
    "ten thousand emoji": "🚰" * 10_000,
    "a family of joined emoji": "👨‍👩‍👧‍👦在楼道里迷路了",
    "the longest that is allowed": "停水了。" * 25_000,
    "one word without end": "a" * 100_000,
    "rare characters": "𠮷野家𪚥龘门前污水",
    "combining marks": "Z̷̢̛a̶l̸g̵o̷" * 200,
    "right to left": "مرحبا الشارع مظلم",
    "a direction override": "abc\u202edef\u202c路灯坏了",
    "full-width digits": "１２３号楼没有热水",
    "control characters": "第一行\x07\x1b[31m\x7f第二行",
    "all kinds of line breaks": "一\r\n二\r三\u2028四\u2029五\x85六",
    "a byte order mark within": "\ufeff楼道没灯\ufeff",
    "what is no character": "\ufffe\uffff\U0010ffff 停水",
    "markup": "<script>alert(1)</script>'\"; DROP TABLE tickets; -- {{7*7}} ${jndi:ldap://x}",
    "format strings": "%s%n%x {0} {self} \\u0041 \\x00",
    "a JSON document": '{"text": "套娃"}',
}


@pytest.mark.parametrize("name", ODD)
def test_odd_words(served: Served, name: str) -> None:
    """Odd words are accepted, and come back to the agent as they were."""
    receipt = served.file(ODD[name])
    ticket = decided(served, receipt["ticket_id"])
    assert ticket["messages"][0]["text"] == ODD[name]
    assert ticket["status"] in {"awaiting_confirmation", "dispatched"}
    assert ticket["tier"] in {"emergency", "livelihood", "general"}


@pytest.mark.parametrize("name", ODD)
def test_odd_words_to_triage(served: Served, name: str) -> None:
    """The triage route decides on odd words, and its spans lie within them."""
    reply = served.call("POST", "/api/v1/triage", {"text": ODD[name]})
    assert reply.status == 200, reply.body.decode()
    for reason in reply.document["reasons"]:
        assert 0 <= reason["start"] <= reason["end"] <= len(ODD[name])


WAYS = {
    "escaped": json.dumps({"text": "停水🚰"}).encode(),
    "plain": json.dumps({"text": "停水🚰"}, ensure_ascii=False).encode(),
    "with spaces around": b" \r\n\t" + json.dumps({"text": "停水🚰"}).encode() + b"\n\n",
    "a pair of surrogates": rb'{"text": "\u505c\u6c34\ud83d\udeb0"}',
}


@pytest.mark.parametrize("name", WAYS)
def test_ways_to_write_json(served: Served, name: str) -> None:
    """The same words in every spelling of JSON are the same words."""
    reply = served.send(request(WAYS[name]))
    assert reply.status == 201, reply.body.decode()
    ticket = decided(served, reply.document["ticket_id"])
    assert ticket["messages"][0]["text"] == "停水🚰"


TRANSPORTS = {
    "chunked": (["Transfer-Encoding: chunked"], None, "1.1"),
    "HTTP/1.0": ([], "", "1.0"),
    "a charset": ([], "", "1.1"),
    "waiting for 100 Continue": (["Expect: 100-continue", "Connection: close"], "", "1.1"),
    "an unknown header": (["X-Anything: at all"], "", "1.1"),
}


@pytest.mark.parametrize("name", TRANSPORTS)
def test_ways_to_send(served: Served, name: str) -> None:
    """Every well-formed way of HTTP to send a body is taken."""
    headers, length, version = TRANSPORTS[name]
    body = json.dumps({"text": "路口信号灯不亮"}).encode()
    if length is None:
        half = len(body) // 2
        pieces = (body[:half], body[half:], b"")
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    media_type = "Application/JSON; charset=UTF-8" if name == "a charset" else "application/json"
    line = f"POST {APPEALS} HTTP/{version}"
    data = request(body, *headers, line=line, media_type=media_type, length=length)
    reply = served.send(data)
    assert reply.status == 201, reply.body.decode()


def decided(served: Served, ticket_id: str) -> Any:
    """Return the ticket once triage has read it."""
    deadline = time.monotonic() + 30
    while True:
        reply = served.agent("GET", f"/api/v1/tickets/{ticket_id}")
        assert reply.status == 200, reply.body.decode()
        if reply.document["status"] != "received":
            return reply.document
        assert time.monotonic() < deadline, "triage does not come"
        time.sleep(0.05)


def compared(served: Served) -> None:
    """Return once every ticket has been compared with all others."""
    deadline = time.monotonic() + 30
    while served.select("SELECT 1 FROM to_compare"):
        assert time.monotonic() < deadline, "nobody compares"
        time.sleep(0.05)
