"""A ticket's files for agents: shown where that is safe, by ranges, told in the audit log."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.web.wire import Served, assert_problem, file_part, form, request, text_part

TEXT = text_part("text", "小区门口井盖坏了,照片见附件")


def _picture(side: int = 200) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(content, "PNG")
    return content.getvalue()


PICTURE = _picture()
WAV = b"RIFF\x24\x01\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00" + bytes(300)
PAGE = b"<html><script>alert(1)</script></html>"


def _filed(served: Served, *files: tuple[str, bytes]) -> tuple[str, list[str]]:
    """File an appeal with these files; return its number and their addresses."""
    parts = [TEXT, *(file_part(name, content) for name, content in files)]
    body = form(*parts)
    reply = served.send(request(body, media_type="multipart/form-data; boundary=border"))
    number = str(reply.document["ticket_id"])
    found = served.agent("GET", f"/api/v1/tickets/{number}").document["attachments"]
    return number, [item["address"] for item in found]


def _get(served: Served, number: str, address: str, role: str = "agent", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["Authorization"] = f"Bearer {served.tokens[role]}"
    path = f"/api/v1/tickets/{number}/attachments/{address}"
    return served.call("GET", path, headers=named)


def _looks(served: Served, number: str) -> int:
    reply = served.agent("GET", "/api/v1/audit?event=people_shown&limit=1000", name="auditor")
    return sum(
        (entry["detail"]["ticket_id"], entry["detail"]["fields"]) == (number, ["files"])
        for entry in reply.document["entries"]
    )


@pytest.fixture(scope="module")
def picture(served: Served) -> tuple[str, str]:
    """A ticket with a picture."""
    number, [address] = _filed(served, ("张三的家.png", PICTURE))
    return number, address


def test_a_picture_is_shown(served: Served, picture: tuple[str, str]) -> None:
    """It comes whole, under a policy in which nothing runs, without the citizen's name for it."""
    reply = _get(served, *picture)
    assert (reply.status, reply.body) == (200, PICTURE)
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["content-disposition"] == f'inline; filename="{picture[0]}-1.png"'
    assert "sandbox" in reply.headers["content-security-policy"]
    assert "script-src" not in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "private, no-store"


RANGES = {
    "bytes=0-": (0, len(PICTURE)),
    "bytes=5-9": (5, 10),
    "bytes=-7": (len(PICTURE) - 7, len(PICTURE)),
    "bytes=70000-": (70000, len(PICTURE)),
    f"bytes=9-{10**9}": (9, len(PICTURE)),
}


@pytest.mark.parametrize("asked", RANGES)
def test_ranges(served: Served, picture: tuple[str, str], asked: str) -> None:
    """Players ask for parts, and get these bytes and where they stand."""
    start, end = RANGES[asked]
    reply = _get(served, *picture, Range=asked)
    assert (reply.status, reply.body) == (206, PICTURE[start:end])
    assert reply.headers["content-range"] == f"bytes {start}-{end - 1}/{len(PICTURE)}"


@pytest.mark.parametrize("asked", ["bytes=x", "bytes=1-2,4-5", "pages=1-2", "bytes=9-5"])
def test_no_range(served: Served, picture: tuple[str, str], asked: str) -> None:
    """What is no range that is known here asks for everything."""
    assert _get(served, *picture, Range=asked).status == 200


def test_a_range_behind_the_end(served: Served, picture: tuple[str, str]) -> None:
    """It is refused with the size that the file has."""
    reply = _get(served, *picture, Range=f"bytes={len(PICTURE)}-")
    assert_problem(reply, 416, "no-such-range")
    assert reply.headers["content-range"] == f"bytes */{len(PICTURE)}"


def test_what_could_run_is_only_saved(served: Served) -> None:
    """Sound is shown; a page, whatever it is called, is saved to disk as bytes without a type."""
    number, [sound, page] = _filed(served, ("a.wav", WAV), ("a.png", PAGE))
    assert _get(served, number, sound).headers["content-type"] == "audio/x-wav"
    reply = _get(served, number, page)
    assert reply.body == PAGE
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"].startswith("attachment;")


def test_looks_are_told(served: Served) -> None:
    """However many pieces are asked for, the audit log says once who looked at which ticket."""
    number, addresses = _filed(served, ("a.png", PICTURE), ("b.wav", WAV))
    assert _looks(served, number) == 0
    for address in addresses * 2:
        assert _get(served, number, address, Range="bytes=0-5").status == 206
    assert _looks(served, number) == 1
    assert _get(served, number, addresses[0], "senior-agent").status == 200
    assert _looks(served, number) == 2


def test_a_file_belongs_to_its_ticket(served: Served, picture: tuple[str, str]) -> None:
    """Another ticket's address, one of nobody, and what is no address open nothing."""
    number, _ = _filed(served, ("a.wav", WAV))
    for address in (picture[1], "0" * 64, "x", "..%2f..%2fkeys.json"):
        assert_problem(_get(served, number, address), 404, "not-found")
    assert_problem(_get(served, "1" * 15, picture[1]), 404, "no-such-ticket")
    assert _looks(served, number) == 0


@pytest.mark.parametrize("role", ["supervisor", "unit-clerk", "administrator", "auditor"])
def test_only_agents_see_files(served: Served, picture: tuple[str, str], role: str) -> None:
    """Who does not confirm tickets sees what was found in files, not the files."""
    assert_problem(_get(served, *picture, role), 403, "not-allowed")
