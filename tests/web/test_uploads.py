"""Uploads over HTTP, as tus clients make them: in pieces, over lines that break."""

import base64

import pytest

from tests.web.test_odd_words import decided
from tests.web.wire import (
    APPEALS,
    Reply,
    Served,
    assert_problem,
    file_part,
    form,
    request,
    text_part,
)

UPLOADS = "/api/v1/uploads"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


def _begin(served: Served, length: int = len(PICTURE), **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return served.call("POST", UPLOADS, b"", {**TUS, "Upload-Length": str(length), **named})


def _append(served: Served, place: str, offset: int, piece: bytes) -> Reply:
    headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": PIECE}
    return served.call("PATCH", place, piece, headers)


def _whole(served: Served, content: bytes = PICTURE) -> str:
    """The token of an upload that has come whole."""
    begun = _begin(served, len(content))
    assert _append(served, begun.headers["location"], 0, content).status == 204
    token: str = begun.document["upload"]
    return token


def test_a_file_comes_in_pieces(served: Served) -> None:
    """Begun, asked for, gone on with and filed, it is a file of the ticket."""
    name = base64.b64encode("井盖.png".encode()).decode()
    begun = _begin(served, Upload_Metadata=f"filename {name}")
    assert begun.status == 201
    place = begun.headers["location"]
    assert place == f"{UPLOADS}/{begun.document['upload']}"
    assert begun.headers["tus-resumable"] == "1.0.0"
    first = _append(served, place, 0, PICTURE[:4000])
    assert (first.status, first.headers["upload-offset"]) == (204, "4000")
    told = served.call("HEAD", place, headers=TUS)
    assert told.status == 200
    assert (told.headers["upload-offset"], told.headers["upload-length"]) == (
        "4000",
        str(len(PICTURE)),
    )
    assert told.headers["cache-control"] == "no-store"
    assert _append(served, place, 4000, PICTURE[4000:]).status == 204
    body = {"text": "井盖坏了", "uploads": [begun.document["upload"]]}
    reply = served.call("POST", APPEALS, body, {"Idempotency-Key": "upload-0123456789"})
    assert reply.status == 201
    again = served.call("POST", APPEALS, body, {"Idempotency-Key": "upload-0123456789"})
    assert again.document == reply.document
    ticket = decided(served, reply.document["ticket_id"])
    [kept] = ticket["attachments"]
    assert (kept["media_type"], kept["size"]) == ("image/png", len(PICTURE))


def test_what_came_before_the_line_fell_silent_is_kept(served: Served) -> None:
    """A piece of which no more comes is given up, and what of it had come is not lost."""
    place = _begin(served).headers["location"]
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
        f"Upload-Offset: 0\r\nContent-Type: {PIECE}\r\nContent-Length: {len(PICTURE)}\r\n\r\n"
    )
    assert_problem(served.send(head.encode() + PICTURE[:5000]), 408, "too-slow")
    assert served.call("HEAD", place).headers["upload-offset"] == "5000"
    assert _append(served, place, 5000, PICTURE[5000:]).status == 204


def test_a_form_names_uploads_beside_its_files(served: Served) -> None:
    """In a form the tokens are JSON; both kinds of files are the ticket's."""
    token = _whole(served)
    body = form(
        text_part("text", "井盖坏了"),
        text_part("uploads", f'["{token}"]'),
        file_part("a.txt", b"a"),
    )
    reply = served.send(request(body, media_type="multipart/form-data; boundary=border"))
    assert reply.status == 201
    assert len(decided(served, reply.document["ticket_id"])["attachments"]) == 2


def test_who_sends_a_piece_to_the_wrong_place_is_told_the_right_one(served: Served) -> None:
    """Another offset than the upload has is a conflict that names the offset."""
    place = _begin(served).headers["location"]
    assert _append(served, place, 0, PICTURE[:100]).status == 204
    reply = _append(served, place, 0, PICTURE[:100])
    assert_problem(reply, 409, "upload-offset")
    assert reply.headers["upload-offset"] == "100"


def test_bounds(served: Served) -> None:
    """Neither a file nor its pieces are larger than allowed, and an appeal has so many files."""
    assert_problem(_begin(served, 100_001), 413, "too-large")
    place = _begin(served, 10).headers["location"]
    assert_problem(_append(served, place, 0, b"12345678901"), 413, "too-large")
    tokens = [_whole(served) for _ in range(3)]
    reply = served.call("POST", APPEALS, {"text": "井盖", "uploads": tokens})
    assert_problem(reply, 422, "invalid-fields", "/files")


def test_what_is_no_upload(served: Served) -> None:
    """Unknown tokens, unfinished uploads, odd headers and versions are refused with the reason."""
    nowhere = f"{UPLOADS}/{'x' * 32}"
    assert served.call("HEAD", nowhere).status == 404
    assert_problem(_append(served, nowhere, 0, b"1"), 404, "no-such-upload")
    begun = _begin(served)
    for token in ("x" * 32, begun.document["upload"]):
        reply = served.call("POST", APPEALS, {"text": "井盖", "uploads": [token]})
        assert_problem(reply, 422, "invalid-fields", "/uploads/0")
    reply = served.call("POST", APPEALS, {"text": "井盖", "uploads": ["../../etc/passwd"]})
    assert_problem(reply, 422, "invalid-fields", "/uploads/0")
    place = begun.headers["location"]
    wrong = {"Upload-Offset": "0", "Content-Type": "image/png"}
    assert_problem(served.call("PATCH", place, b"1", wrong), 415, "unsupported-media-type")
    assert_problem(_begin(served, Tus_Resumable="0.2"), 412, "unknown-tus-version")
    assert_problem(served.call("POST", UPLOADS, b""), 400, "malformed-body")
    assert_problem(_begin(served, Upload_Metadata="filename ?"), 400, "malformed-body")


@pytest.mark.kills
def test_uploads_outlive_the_service(served: Served) -> None:
    """Killed and started again, the service goes on where it was."""
    place = _begin(served).headers["location"]
    assert _append(served, place, 0, PICTURE[:1000]).status == 204
    served.process.kill()
    served.process.start()
    assert served.call("HEAD", place).headers["upload-offset"] == "1000"
    assert _append(served, place, 1000, PICTURE[1000:]).status == 204
