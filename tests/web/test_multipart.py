"""Appeals with files: what is accepted, and every way in which a form can be broken."""

import json
import socket

import pytest

from tests.web.wire import (
    APPEALS,
    Served,
    assert_problem,
    file_part,
    form,
    read_reply,
    request,
    text_part,
)

MULTIPART = "multipart/form-data; boundary=border"
TEXT = text_part("text", "小区门口井盖坏了,照片见附件")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
UTF8_NAME = "Content-Disposition: form-data; name=\"files\"; filename*=UTF-8''%E4%BA%95.png"


def _form(*parts: bytes, media_type: str = MULTIPART, closed: bool = True) -> bytes:
    return request(form(*parts, closed=closed), media_type=media_type)


ACCEPTED = {
    "words only": ((TEXT,), []),
    "a file only": ((file_part("a.png", PNG),), [("image/png", 108)]),
    "a Chinese name": ((TEXT, file_part("井盖 照片(一).png", PNG)), [("image/png", 108)]),
    "an encoded name": ((TEXT, UTF8_NAME.encode() + b"\r\n\r\n" + PNG), [("image/png", 108)]),
    "a name that climbs": ((TEXT, file_part("../../etc/passwd", b"x")), None),
    "a name with a line break": ((TEXT, file_part("a%0Ab\u202e.png", PNG)), None),
    "a name of 5000 characters": ((TEXT, file_part("长" * 2000, b"x")), None),
    "no name": (
        (TEXT, b'Content-Disposition: form-data; name="files"\r\n\r\nabc'),
        [("text/plain", 3)],
    ),
    "a type that lies": (
        (TEXT, b'Content-Disposition: form-data; name="files"; filename="a.exe"\r\n'
               b"Content-Type: image/jpeg\r\n\r\n" + PNG),
        [("image/png", 108)],
    ),
    "the border within a line": ((TEXT, file_part("a", b"see --border--\r\nand on")), None),
    "two files": (
        (file_part("一.txt", b"1"), TEXT, file_part("二.txt", b"22")), None,
    ),
    "the reporter as JSON": (
        (TEXT, text_part("reporter", '{"phone": "13000000000"}'),
         text_part("place", '{"address": "东门"}')), [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_form(served: Served, name: str) -> None:
    """A form is accepted whatever its files are called, and its files are on the ticket."""
    parts, files = ACCEPTED[name]
    reply = served.send(_form(*parts))
    assert reply.status == 201, reply.body.decode()
    ticket = served.agent("GET", f"/api/v1/tickets/{reply.document['ticket_id']}").document
    if files is not None:
        found = [(item["media_type"], item["size"]) for item in ticket["attachments"]]
        assert found == files


def _named(name: str, value: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value


REFUSED = {
    "no boundary": (_form(TEXT, media_type="multipart/form-data"), 400, "malformed-body", None),
    "an empty boundary": (
        _form(TEXT, media_type='multipart/form-data; boundary=""'), 400, "malformed-body", None,
    ),
    "another boundary": (
        _form(TEXT, media_type="multipart/form-data; boundary=other"), 400, "malformed-body", None,
    ),
    "a boundary too long": (
        _form(TEXT, media_type="multipart/form-data; boundary=" + "b" * 200),
        400, "malformed-body", None,
    ),
    "an empty body": (request(b"", media_type=MULTIPART), None, None, None),
    "no parts": (_form(), None, None, None),
    "only noise": (request(b"noise" * 100, media_type=MULTIPART), 400, "malformed-body", None),
    "cut off in a field": (
        request(form(TEXT, closed=False)[:-10], media_type=MULTIPART), 400, "malformed-body", None,
    ),
    "cut off in a file": (
        _form(TEXT, file_part("a.png", PNG), closed=False), 400, "malformed-body", None,
    ),
    "cut off in a header": (
        request(b"--border\r\nContent-Dispo", media_type=MULTIPART), 400, "malformed-body", None,
    ),
    "JSON in the place of a form": (
        request(b'{"text": "a"}', media_type=MULTIPART), 400, "malformed-body", None,
    ),
    "a part without name": (
        _form(TEXT, b"Content-Disposition: form-data\r\n\r\nx"), 400, "malformed-body", None,
    ),
    "a part without headers": (_form(TEXT, b"\r\nx"), 400, "malformed-body", None),
    "a part with a bad header": (_form(TEXT, b"nonsense\r\n\r\nx"), 400, "malformed-body", None),
    "a part with a huge header": (
        _form(b"X: " + b"a" * 50_000 + b"\r\n\r\nx"), 400, "malformed-body", None,
    ),
    "a form within a form": (
        _form(b"Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\nx\r\n"
              b"--inner--"), 400, "malformed-body", None,
    ),
    "a field twice": (_form(TEXT, TEXT), 422, "invalid-fields", "/text"),
    "an unknown field": (_form(TEXT, _named("txt", b"x")), 422, "invalid-fields", "/txt"),
    "an unknown file": (_form(TEXT, file_part("a", b"x", "photo")), 422, "invalid-fields",
                        "/photo"),
    "a field name without end": (_form(_named("x" * 3000, b"x")), 422, "invalid-fields",
                                 "/" + "x" * 64),
    "a huge field": (_form(_named("text", b"a" * 1_000_001)), 413, "too-large", None),
    "a long field": (_form(_named("text", b"a" * 100_001)), 422, "invalid-fields", "/text"),
    "a field that is no UTF-8": (
        _form(_named("text", "楼下路灯".encode("gbk"))), 400, "malformed-body", None,
    ),
    "NUL in a field": (_form(_named("text", b"a\0b")), 422, "invalid-fields", "/text"),
    "blank words": (_form(text_part("text", " \n")), 422, "invalid-fields", "/text"),
    "an empty file": (_form(TEXT, file_part("a.txt", b"")), 422, "invalid-fields", "/files"),
    "a huge file": (_form(TEXT, file_part("a.bin", b"a" * 100_001)), 413, "too-large", None),
    "too many files": (
        _form(TEXT, *[file_part(f"{n}.txt", b"x") for n in range(3)]),
        422, "invalid-fields", "/files",
    ),
    "a reporter that is no JSON": (
        _form(TEXT, text_part("reporter", "王")), 422, "invalid-fields", "/reporter",
    ),
    "a reporter with an unknown field": (
        _form(TEXT, text_part("reporter", '{"wechat": "x"}')), 422, "invalid-fields",
        "/reporter/wechat",
    ),
    "a reporter with a surrogate": (
        _form(TEXT, text_part("reporter", r'{"name": "\ud800"}')), 422, "invalid-fields",
        "/reporter/name",
    ),
    "a place with a field twice": (
        _form(TEXT, text_part("place", '{"address": "东", "address": "西"}')), 422,
        "invalid-fields", "/place/address",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_form(unchanged: Served, name: str) -> None:
    """A form that is broken is refused with the field and the remedy."""
    data, status, kind, field = REFUSED[name]
    reply = unchanged.send(data)
    assert 400 <= reply.status < 500, reply.body.decode()
    kind = kind or reply.document["type"].rpartition("/")[2]
    assert_problem(reply, status or reply.status, kind, field)


STALLED = {
    "before the first part": b"",
    "in the part's header": b"--border\r\nContent-",
    "in a field": b"--border\r\n" + _named("text", b"abc"),
    "in a file": b"--border\r\n" + file_part("a.txt", b"abc"),
    "between two parts": b"--border\r\n" + _named("text", b"abc") + b"\r\n--border\r\n",
}


@pytest.mark.parametrize("where", STALLED)
def test_form_that_stalls(unchanged: Served, where: str) -> None:
    """A form that stops coming is a 408, wherever it stops."""
    data = request(STALLED[where], media_type=MULTIPART, length="5000")
    with socket.create_connection(("127.0.0.1", unchanged.process.port), timeout=20) as wire:
        wire.sendall(data)
        assert_problem(read_reply(wire, "POST"), 408, "too-slow")


def test_many_fields(unchanged: Served) -> None:
    """Fields without number do not pile up in memory: the first unknown one ends the reading."""
    reply = unchanged.send(_form(*[_named(f"f{n}", b"x" * 100) for n in range(2000)]))
    assert_problem(reply, 422, "invalid-fields", "/f0")


def test_files_are_encrypted(served: Served) -> None:
    """A file's content and name lie nowhere in plain."""
    words = "只有附件里才有的句子"
    reply = served.send(_form(TEXT, file_part("只此一名.txt", words.encode())))
    assert reply.status == 201
    for path in served.process.folder.rglob("*"):
        if path.is_file():
            assert words.encode() not in path.read_bytes(), path
            assert "只此一名".encode() not in path.read_bytes(), path


def test_same_key_same_form(served: Served) -> None:
    """A form is repeated under its key: the same files give the same receipt, others a 409."""
    data = form(TEXT, file_part("a.txt", b"one"))
    headers = {"Content-Type": MULTIPART, "Idempotency-Key": "form-0123456789abcdef"}
    first = served.call("POST", APPEALS, data, headers)
    again = served.call("POST", APPEALS, data, headers)
    assert (first.status, again.status) == (201, 201)
    assert json.loads(first.body) == json.loads(again.body)
    changed = form(TEXT, file_part("a.txt", b"two"))
    assert_problem(served.call("POST", APPEALS, changed, headers), 409, "key-reused")
