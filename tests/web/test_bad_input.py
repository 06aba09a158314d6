"""Malformed requests: a 4xx problem document that says what to do, and nothing is stored."""

import gzip
import json
import socket

import pytest

from tests.web.wire import (
    APPEALS,
    Served,
    assert_problem,
    read_reply,
    request,
)

TEXT = "楼下路灯坏了三天"


def _json(**fields: object) -> bytes:
    return request(json.dumps(fields).encode())


def _text(literal: str) -> bytes:
    return request(b'{"text": ' + literal.encode() + b"}")


BAD_BODIES = {
    "nothing at all": (request(b""), 400, "malformed-body", ""),
    "not JSON": (request(TEXT.encode()), 400, "malformed-body", ""),
    "cut off": (request(b'{"text": "abc'), 400, "malformed-body", ""),
    "two documents": (request(b'{"text": "a"}{"text": "b"}'), 400, "malformed-body", ""),
    "a comma too many": (request(b'{"text": "a",}'), 400, "malformed-body", ""),
    "a byte order mark": (request(b'\xef\xbb\xbf{"text": "a"}'), 400, "malformed-body", ""),
    "UTF-16": (request('{"text": "a"}'.encode("utf-16")), 400, "malformed-body", ""),
    "GBK": (request('{"text": "楼下路灯"}'.encode("gbk")), 400, "malformed-body", ""),
    "a list": (request(b"[]"), 400, "malformed-body", ""),
    "a string": (request(b'"text"'), 400, "malformed-body", ""),
    "null": (request(b"null"), 400, "malformed-body", ""),
    "NaN as document": (request(b"NaN"), 400, "malformed-body", ""),
    "deep nesting": (request(b'{"text": ' + b"[" * 100_000), 400, "malformed-body", ""),
    "deep and closed": (
        request(b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}"), 400, "malformed-body", "",
    ),
    "a number for words": (_json(text=1), 422, "invalid-fields", "/text"),
    "a huge number": (_text("9" * 5000), 400, "malformed-body", ""),
    "a list for words": (_json(text=["停水"]), 422, "invalid-fields", "/text"),
    "true for words": (_json(text=True), 422, "invalid-fields", "/text"),
    "an unknown field": (_json(text=TEXT, texts="x"), 422, "invalid-fields", "/texts"),
    "an unknown field within": (
        _json(text=TEXT, reporter={"wechat": "x"}), 422, "invalid-fields", "/reporter/wechat",
    ),
    "a name that is no pointer": (_json(text=TEXT, **{"a/b~c": 1}), 422, "invalid-fields",
                                  "/a~1b~0c"),
    "a reporter as string": (_json(text=TEXT, reporter="王"), 422, "invalid-fields", "/reporter"),
    "a phone as number": (
        _json(text=TEXT, reporter={"phone": 13000000000}), 422, "invalid-fields",
        "/reporter/phone",
    ),
    "an empty phone": (
        _json(text=TEXT, reporter={"phone": ""}), 422, "invalid-fields", "/reporter/phone",
    ),
    "a long address": (
        _json(text=TEXT, place={"address": "路" * 201}), 422, "invalid-fields", "/place/address",
    ),
    "east of the earth": (
        _json(text=TEXT, place={"longitude": 181.0}), 422, "invalid-fields", "/place/longitude",
    ),
    "an endless latitude": (
        request(b'{"text": "a", "place": {"latitude": 1e999}}'), 422, "invalid-fields",
        "/place/latitude",
    ),
    "NaN as latitude": (
        request(b'{"text": "a", "place": {"latitude": NaN}}'), 422, "invalid-fields",
        "/place/latitude",
    ),
    "a longitude as string": (
        _json(text=TEXT, place={"longitude": "116"}), 422, "invalid-fields", "/place/longitude",
    ),
    "a lone surrogate": (_text(r'"停水 \ud83d 三天"'), 422, "invalid-fields", "/text"),
    "a surrogate the wrong way": (_text(r'"\udc00\ud800"'), 422, "invalid-fields", "/text"),
    "a lone surrogate in a name": (
        request(rb'{"text": "a", "reporter": {"name": "\ud800"}}'), 422, "invalid-fields",
        "/reporter/name",
    ),
    "a surrogate as raw bytes": (
        request(b'{"text": "\xed\xa0\x80"}'), 400, "malformed-body", "",
    ),
    "NUL in words": (_text(r'"停\u0000水"'), 422, "invalid-fields", "/text"),
    "NUL in a name": (
        request(rb'{"text": "a", "reporter": {"name": "\u0000"}}'), 422, "invalid-fields",
        "/reporter/name",
    ),
    "a raw control character": (request(b'{"text": "a\x00b"}'), 400, "malformed-body", ""),
    "neither words nor file": (_json(), 422, "invalid-fields", "/text"),
    "null for words": (_json(text=None), 422, "invalid-fields", "/text"),
    "empty words": (_json(text=""), 422, "invalid-fields", "/text"),
    "only spaces": (_json(text=" \u3000\n\t\u200b\ufeff"), 422, "invalid-fields", "/text"),
    "one character too many": (_json(text="水" * 100_001), 422, "invalid-fields", "/text"),
    "one emoji too many": (_json(text="🚰" * 100_001), 413, "too-large", None),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_body(unchanged: Served, name: str) -> None:
    """A body that is wrong is refused with the field and the remedy."""
    data, status, kind, field = BAD_BODIES[name]
    assert_problem(unchanged.send(data), status, kind, field)


def test_all_faults_at_once(unchanged: Served) -> None:
    """Every field that is wrong is named in one answer."""
    body = {"text": 1, "place": {"latitude": 91.0}, "extra": None}
    errors = unchanged.call("POST", APPEALS, body).document["errors"]
    assert {item["field"] for item in errors} == {"/text", "/place/latitude", "/extra"}


def test_answers_never_repeat_values(unchanged: Served) -> None:
    """What the citizen wrote is not sent back in a problem document."""
    body = {"text": "独一无二的内容" * 20_000, "reporter": {"phone": 13912345678}}
    reply = unchanged.call("POST", APPEALS, body)
    assert reply.status == 422
    assert "独一无二" not in reply.body.decode()
    assert "13912345678" not in reply.body.decode()


def test_repeated_json_keys_are_refused(unchanged: Served) -> None:
    """A field given twice is ambiguous, so it is named and refused, not silently dropped."""
    data = request('{"text": "第一段", "text": "第二段"}'.encode())
    assert_problem(unchanged.send(data), 422, "invalid-fields", "/text")
    data = request(b'{"text": "a", "reporter": {"phone": "1", "phone": "2"}}')
    assert_problem(unchanged.send(data), 422, "invalid-fields", "/reporter/phone")


GOOD = json.dumps({"text": TEXT}).encode()
BAD_HTTP = {
    "no media type": (request(GOOD, media_type=None), 415, "unsupported-media-type"),
    "plain text": (request(GOOD, media_type="text/plain"), 415, "unsupported-media-type"),
    "XML": (request(b"<a/>", media_type="application/xml"), 415, "unsupported-media-type"),
    "a media type that is none": (request(GOOD, media_type="jsön"), 415, "unsupported-media-type"),
    "a form": (
        request(b"text=a", media_type="application/x-www-form-urlencoded"),
        415, "unsupported-media-type",
    ),
    "a negative length": (request(GOOD, length="-1"), 400, "malformed-http"),
    "a length in words": (request(GOOD, length="many"), 400, "malformed-http"),
    "a length with a plus": (request(GOOD, length="+10"), 400, "malformed-http"),
    "two lengths": (request(GOOD, "Content-Length: 5"), 400, "malformed-http"),
    "a length beyond all": (request(GOOD, length="9" * 30), None, None),
    "a length of a gigabyte": (request(GOOD, length="1000000000"), 413, "too-large"),
    "a length too short": (request(GOOD, length="9"), 400, None),
    "length and chunks": (
        request(GOOD, "Transfer-Encoding: chunked"), 400, "malformed-http",
    ),
    "chunked garbage": (
        request(b"zz\r\nabc\r\n", "Transfer-Encoding: chunked", length=None), 400, None,
    ),
    "a chunk longer than it says": (
        request(b"2\r\n{}garbage\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length=None),
        400, None,
    ),
    "a chunk of negative size": (
        request(b"-5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked", length=None), 400, None,
    ),
    "an unknown transfer coding": (
        request(GOOD, "Transfer-Encoding: cheese", length=None), 400, None,
    ),
    "broken gzip": (request(b"no gzip", "Content-Encoding: gzip"), 400, None),
    "gzip cut off": (
        request(gzip.compress(GOOD * 50)[:-20], "Content-Encoding: gzip"), 400, "malformed-body",
    ),
    "a line break in a header": (
        request(GOOD, "Idempotency-Key: 0123456789abcdef\nX-Evil: 1"), None, None,
    ),
    "a folded header": (request(GOOD, "X-Long: a\r\n b"), 400, "malformed-http"),
    "NUL in a header": (request(GOOD, "X-Nul: a\0b"), 400, "malformed-http"),
    "a header without colon": (request(GOOD, "nothing"), 400, "malformed-http"),
    "a space before the colon": (request(GOOD, "Host : x"), 400, "malformed-http"),
    "a huge header": (request(GOOD, "X-Huge: " + "a" * 20_000), 400, "malformed-http"),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "malformed-http"),
    "HTTP of the future": (request(GOOD, line=f"POST {APPEALS} HTTP/9.9"), 400, "malformed-http"),
    "a line of nonsense": (b"nonsense\r\n\r\n", 400, "malformed-http"),
    "an unknown expectation": (request(GOOD, "Expect: a miracle"), 400, "malformed-http"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_HTTP)
def test_bad_http(unchanged: Served, name: str) -> None:
    """What is not well-formed HTTP, or not our media type, gets a problem document too."""
    data, status, kind = BAD_HTTP[name]
    reply = unchanged.send(data)
    assert 400 <= reply.status < 500
    kind = kind or reply.document["type"].rpartition("/")[2]
    assert_problem(reply, status or reply.status, kind)


def test_gzip_bomb(unchanged: Served) -> None:
    """A body is counted after it was unpacked."""
    bomb = gzip.compress(json.dumps({"text": "0" * 5_000_000}).encode())
    assert_problem(unchanged.send(request(bomb, "Content-Encoding: gzip")), 413, "too-large")


def test_chunks_without_end(unchanged: Served) -> None:
    """A chunked body is stopped where it becomes too large, whatever it would have been."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    data = request(chunk * 20, "Transfer-Encoding: chunked", length=None)
    assert_problem(unchanged.send(data), 413, "too-large")


@pytest.mark.parametrize("sent", [0, 10], ids=["nothing comes", "half of it comes"])
def test_slow_body(unchanged: Served, sent: int) -> None:
    """A body that does not come in time is a 408, and the connection is closed."""
    data = request(b" " * sent, length="100")
    with socket.create_connection(("127.0.0.1", unchanged.process.port), timeout=20) as wire:
        wire.sendall(data)
        assert_problem(read_reply(wire, "POST"), 408, "too-slow")
        wire.sendall(b"x" * (100 - sent))
        assert wire.recv(1) == b""


def test_client_that_goes_away(unchanged: Served) -> None:
    """A client that hangs up in the middle leaves nothing behind and stops nobody."""
    address = ("127.0.0.1", unchanged.process.port)
    for _ in range(5):
        with socket.create_connection(address) as wire:
            wire.sendall(request(GOOD[:5], length="100"))
    assert unchanged.call("GET", "/healthz").status == 200


UNKNOWN = {
    "no such route": ("GET", "/api/v2/appeals", 404, "not-found"),
    "a path with an attack": ("GET", "/%2e%2e/%00/etc", 404, "not-found"),
    "a path of rubbish": ("GET", "/%ff%fe", 404, "not-found"),
    "the wrong method": ("GET", APPEALS, 405, "method-not-allowed"),
    "OPTIONS": ("OPTIONS", APPEALS, 405, "method-not-allowed"),
    "PATCH": ("PATCH", "/api/v1/tickets", 405, "method-not-allowed"),
    "an invented method": ("PLEASE", APPEALS, 400, "malformed-http"),
    "TRACE": ("TRACE", "/healthz", 405, "method-not-allowed"),
    "no such channel": ("POST", "/channels/pigeon", 404, "not-found"),
    "no such schema": ("GET", "/schemas/none.json", 404, "not-found"),
    "no such problem": ("GET", "/problems/none", 404, "not-found"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_routes(unchanged: Served, name: str) -> None:
    """What is not served is told in the same form; a wrong method hears which are right."""
    method, path, status, kind = UNKNOWN[name]
    reply = unchanged.call(method, path)
    assert_problem(reply, status, kind)
    assert ("allow" in reply.headers) == (status == 405)


def test_head(unchanged: Served) -> None:
    """HEAD is answered without a body and keeps the connection usable."""
    data = request(b"", line="HEAD /healthz HTTP/1.1", media_type=None, length=None)
    reply = unchanged.send(data)
    assert reply.status in {200, 405}
    assert reply.body == b""


def test_safe_headers(unchanged: Served) -> None:
    """Answers, refusals too, carry the request's id and the headers that browsers heed."""
    for path in ("/healthz", "/nowhere"):
        headers = unchanged.call("GET", path, headers={"X-Request-ID": "my-id.0001"}).headers
        assert headers["x-request-id"] == "my-id.0001"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
    reply = unchanged.call("GET", "/nowhere", headers={"X-Request-ID": "a b; c"})
    assert reply.document["request_id"] == reply.headers["x-request-id"] != "a b; c"


BAD_TRIAGE = {
    "no text": (b"{}", 422, "invalid-fields", "/text"),
    "a number": (b'{"text": 1}', 422, "invalid-fields", "/text"),
    "another field": (b'{"text": "a", "id": 1}', 422, "invalid-fields", "/id"),
    "not JSON": (b"text", 400, "malformed-body", ""),
    "a lone surrogate": (rb'{"text": "\ud800"}', 422, "invalid-fields", "/text"),
    "NUL": (rb'{"text": "\u0000"}', 422, "invalid-fields", "/text"),
    "too long": (json.dumps({"text": "a" * 100_001}).encode(), 422, "invalid-fields", "/text"),
    "given twice": (b'{"text": "a", "text": "b"}', 422, "invalid-fields", "/text"),
}


@pytest.mark.parametrize("name", BAD_TRIAGE)
def test_bad_triage_request(unchanged: Served, name: str) -> None:
    """The triage route refuses what the appeals route refuses."""
    body, status, kind, field = BAD_TRIAGE[name]
    data = request(body, line="POST /api/v1/triage HTTP/1.1")
    assert_problem(unchanged.send(data), status, kind, field)


def test_triage_media_type(unchanged: Served) -> None:
    """The triage route takes JSON only."""
    data = request(b"a", line="POST /api/v1/triage HTTP/1.1", media_type="text/plain")
    assert_problem(unchanged.send(data), 415, "unsupported-media-type")
