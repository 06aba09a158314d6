"""The web chat over a gateway that runs: the same chat by WebSocket and by plain HTTP."""

import asyncio
import json
import secrets
import socket as sockets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import channels.chat.adapter as chat
from channels.body import read_strictly
from channels.chat.adapter import Line, Opening
from tests.web.wire import Reply, Served, assert_problem, serving

LINES, SOCKET = "/api/v1/chats/lines", "/api/v1/chats/socket"
DANGER = "朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓"
PAYLOADS = Path(chat.__file__).parent / "payloads"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A gateway; the chat needs no setting."""
    with serving(accounts=True) as found:
        yield found


def _open(served: Served) -> str:
    reply = served.call("POST", "/api/v1/chats")
    assert reply.status == 201
    token: str = reply.document["chat"]
    return token


def _say(served: Served, token: str, text: str, **headers: str) -> Reply:
    named = {"Authorization": f"Bearer {token}", **headers}
    return served.call("POST", LINES, {"text": text}, named)


def _hear(served: Served, token: str, after: str = "", wait: int = 0) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return served.call("GET", f"{LINES}?after={after}&wait={wait}", headers=headers).document


@asynccontextmanager
async def _socket(
    served: Served, token: str, after: str = ""
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = f"http://127.0.0.1:{served.process.port}{SOCKET}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as found:
        await found.send_json({"chat": token, "after": after})
        yield found


async def _until(found: aiohttp.ClientWebSocketResponse, *names: str) -> Any:
    """The next frame that has one of these fields."""
    async with asyncio.timeout(30):
        while True:
            frame = await found.receive_json()
            if set(names) & frame.keys():
                return frame


async def _heard(found: aiohttp.ClientWebSocketResponse, words: str) -> list[Any]:
    """All lines up to the first by the hotline that holds these words."""
    lines: list[Any] = []
    while not any(words in item["text"] for item in lines if item["by"] == "hotline"):
        lines += (await _until(found, "lines"))["lines"]
    return lines


def test_payloads() -> None:
    """The frames of the folder can be read."""
    assert read_strictly(Opening, (PAYLOADS / "opening.json").read_bytes())
    assert read_strictly(Line, (PAYLOADS / "line.json").read_bytes())


async def test_a_chat_by_websocket(served: Served) -> None:
    """Lines are answered one by one; receipt and dispatch are heard without asking."""
    token = _open(served)
    async with _socket(served, token) as found:
        await found.send_json({"id": "line-0000", "text": "你好"})
        greeted = await _until(found, "kept")
        assert (greeted["kept"], greeted["number"]) == ("line-0000", None)
        assert "12345" in greeted["greeting"]
        await found.send_json({"id": "line-0001", "text": "我们楼里有点事"})
        kept = await _until(found, "kept")
        assert kept["kept"] == "line-0001"
        await found.send_json({"id": "line-0002", "text": DANGER})
        assert (await _until(found, "kept"))["number"] == kept["number"]
        lines = await _heard(found, "已派至")
    assert [item["text"] for item in lines if item["by"] == "citizen"][:1] == ["我们楼里有点事"]
    assert any(kept["query_code"] in item["text"] for item in lines)


def test_a_chat_by_plain_http(served: Served) -> None:
    """Where no socket gets through, asking again and again shows the same."""
    token = _open(served)
    assert _say(served, token, "你好").document["ticket_id"] is None
    first = _say(served, token, "我们楼里有点事").document
    assert _say(served, token, DANGER).document["number"] == first["number"]
    lines: list[Any] = []
    after, deadline = "", time.monotonic() + 30
    while not any("已派至" in item["text"] for item in lines):
        assert time.monotonic() < deadline, lines
        heard = _hear(served, token, after, wait=5)
        lines, after = [*lines, *heard["lines"]], heard["after"]
    assert [item["text"] for item in lines if item["by"] == "citizen"] == ["我们楼里有点事", DANGER]
    assert _hear(served, token, after)["lines"] == []


async def test_a_page_that_was_closed_shows_the_chat_as_it_was(served: Served) -> None:
    """Another socket, or plain HTTP, with the same token reads what was said before."""
    token = _open(served)
    async with _socket(served, token) as found:
        await found.send_json({"id": "line-0001", "text": "楼道灯不亮"})
        await _heard(found, "已受理")
    async with _socket(served, token) as found:
        lines = await _heard(found, "已受理")
    assert lines[0]["text"] == "楼道灯不亮"


async def test_a_line_sent_again_is_one_line(served: Served) -> None:
    """A page that heard no answer sends the line again, by either way."""
    token, before = _open(served), served.rows()["messages"]
    async with _socket(served, token) as found:
        frames = []
        for _ in range(3):
            await found.send_json({"id": "line-00000000001", "text": "楼道灯不亮"})
            frames.append(await _until(found, "kept"))
    assert frames[0] == frames[1] == frames[2]
    key = {"Idempotency-Key": secrets.token_hex(16)}
    assert (
        _say(served, token, "三号楼", **key).document
        == _say(served, token, "三号楼", **key).document
    )
    assert served.rows()["messages"] == before + 2
    assert_problem(_say(served, token, "四号楼", **key), 409, "key-reused")


def test_another_matter_is_said_to_be_one(served: Served) -> None:
    """A line that begins with 新诉求 opens a ticket of its own."""
    token = _open(served)
    first = _say(served, token, "楼道灯不亮").document["number"]
    assert _say(served, token, "新诉求 井盖没了").document["number"] != first


def test_a_chat_is_opened_by_its_token_alone(served: Served) -> None:
    """Another token shows another chat, and none shows nothing."""
    token = _open(served)
    _say(served, token, "楼道灯不亮")
    assert _hear(served, _open(served))["lines"] == []
    for wrong in ("", "short", "x" * 100, "ü" * 40):
        reply = served.call(
            "GET", LINES, headers={"Authorization": f"Bearer {wrong}".encode().decode("latin-1")}
        )
        assert_problem(reply, 401, "not-signed-in")


def test_pictures_are_posted(served: Served) -> None:
    """A line may be files alone; they are on the chat's ticket."""
    token = _open(served)
    number = _say(served, token, "楼道灯不亮").document["number"]
    body = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        b"text of a file\r\n--b--\r\n"
    )
    headers = {
        "Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=b"
    }  # fmt: skip
    reply = served.call("POST", LINES, body, headers)
    assert (reply.status, reply.document["number"]) == (201, number)


async def test_a_line_that_cannot_be_kept_is_refused_with_a_remedy(served: Served) -> None:
    """The page hears which line and which field; the chat goes on."""
    async with _socket(served, _open(served)) as found:
        await found.send_json({"id": "line-0001", "text": " "})
        refused = await _until(found, "refused")
        assert refused["problem"]["errors"][0]["field"] == "/text"
        await found.send_str("no JSON")
        assert (await _until(found, "refused"))["problem"]["type"] == "/problems/malformed-body"
        await found.send_json({"id": "line-0002", "text": "楼道灯不亮"})
        assert (await _until(found, "kept"))["kept"] == "line-0002"


@pytest.mark.parametrize("first", ["{}", '{"chat": "short"}', "null"])
async def test_a_socket_without_a_token_hears_nothing(served: Served, first: str) -> None:
    """What does not open a chat is refused, and a chat can still be opened then."""
    url = f"http://127.0.0.1:{served.process.port}{SOCKET}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as found:
        await found.send_str(first)
        assert (await _until(found, "refused"))["refused"] is None


async def test_frames_are_bounded(served: Served) -> None:
    """A frame that is too large, or not text, ends the socket, not the service."""
    token = _open(served)
    async with _socket(served, token) as found:
        await found.send_str("x" * (600 * 1024))
        closed = await found.receive()
        assert closed.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    async with _socket(served, token) as found:
        await found.send_bytes(b"\x00")
        closed = await found.receive()
        assert closed.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert _say(served, token, "楼道灯不亮").status == 201


def test_a_socket_that_sends_a_byte_a_second_harms_nobody(served: Served) -> None:
    """A hundred slow sockets, and others are served as before; slow ones are closed in the end."""
    address = ("127.0.0.1", served.process.port)
    head = (
        f"GET {SOCKET} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    slow = [sockets.create_connection(address, timeout=30) for _ in range(100)]
    try:
        for wire in slow:
            wire.sendall(head.encode())
            assert b"101" in wire.recv(1024)
        token, deadline = _open(served), time.monotonic() + 20
        frame, answer = iter(b"\x81\xfe\x00\xff" + bytes(200)), b""
        slow[0].settimeout(0.5)
        while answer[:1] != b"\x88":
            assert time.monotonic() < deadline
            slow[0].sendall(bytes([next(frame)]))
            assert _say(served, token, "楼道灯不亮").status == 201
            with suppress(TimeoutError):
                answer = slow[0].recv(1024)
    finally:
        for wire in slow:
            wire.close()


async def test_a_restart_says_so(served: Served) -> None:
    """When the service ends, open chats are closed with 1001, so that pages connect again."""
    with serving() as other:
        async with _socket(other, _open(other)) as found:
            await found.send_json({"id": "line-0001", "text": "楼道灯不亮"})
            await _until(found, "kept")
            stopping = asyncio.create_task(asyncio.to_thread(other.process.terminate))
            while (message := await found.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING)
            assert found.close_code == aiohttp.WSCloseCode.GOING_AWAY
            await stopping


def test_nothing_of_a_chat_is_logged(served: Served) -> None:
    """Neither token nor words stand in the log."""
    token, since = _open(served), served.logged()
    _say(served, token, "阁楼上的风铃响了一夜")
    _hear(served, token)
    log = served.log(since)
    assert token not in log
    assert json.dumps("风铃")[1:-1] not in log
    assert "风铃" not in log
