"""One-time codes over a gateway that runs, and a platform that sends them to telephones."""

import asyncio
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from channels.phrases import called_from, one_time_code
from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign
from tests.web.wire import Served, assert_problem, serving

SECRET = "a secret of the call centre"
CODES_SECRET = "a secret for one-time codes"
PHONE = "13900001234"
ASK = "/api/v1/verifications"
GIVE = f"{ASK}/code"


@dataclass
class Platform:
    """The call centre's platform as far as it sends short messages."""

    url: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """What it answers next, before it is well again."""

    async def take(self, request: web.Request) -> web.Response:
        """Check the signature as the README says, and keep the message."""
        body = await request.read()
        expected = sign(CODES_SECRET, request.headers[TIMESTAMP], body)
        assert (request.headers[SOURCE], request.headers[SIGNATURE]) == ("jiesu", expected)
        assert request.headers["Idempotency-Key"]
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        self.sent.append(json.loads(body))
        return web.Response(status=202)

    def code(self, count: int) -> str:
        """Wait for the `count`th message and return its digits."""
        for _ in range(200):
            if len(self.sent) >= count:
                found = re.search(r"[0-9]{6}", self.sent[count - 1]["text"])
                assert found
                return found[0]
            time.sleep(0.1)
        raise AssertionError("no code came")


@contextmanager
def _running(platform: Platform) -> Iterator[None]:
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def run() -> None:
        application = web.Application()
        application.router.add_post("/codes", platform.take)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}/codes"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def city() -> Iterator[tuple[Served, Platform]]:
    """A gateway that has codes sent by a platform."""
    platform = Platform()
    secrets = json.dumps({"platform": SECRET})
    with (
        _running(platform),
        serving(
            accounts=True, JIESU_VOICE_SECRETS=secrets, JIESU_CODES_URL=platform.url,
            JIESU_CODES_SECRET=CODES_SECRET,
        ) as served,
    ):  # fmt: skip
        yield served, platform


def _call(served: Served, phone: str) -> dict[str, str]:
    said = {"number": 0, "speaker": "citizen", "text": "丰台方庄芳古园一区四号楼楼道灯不亮"}
    call = {"call_id": uuid.uuid4().hex, "segments": [said], "ended": True, "phone": phone}
    body, now = json.dumps(call).encode(), str(int(time.time()))
    headers = {SOURCE: "platform", TIMESTAMP: now, SIGNATURE: sign(SECRET, now, body)}
    found: dict[str, str] = served.call("POST", "/channels/voice", body, headers).document
    return found


def _ask(served: Served, phone: str) -> str:
    reply = served.call("POST", ASK, json.dumps({"phone": phone}).encode())
    assert reply.status == 202
    assert reply.headers["cache-control"] == "no-store"
    return str(reply.document["verification"])


def _give(served: Served, verification: str, code: str) -> Any:
    body = {"verification": verification, "code": code}
    return served.call("POST", GIVE, json.dumps(body).encode())


def test_a_caller_gets_number_and_code_on_the_web(city: tuple[Served, Platform]) -> None:
    """Whoever has the telephone that called gets the ticket's number and query code, once."""
    served, platform = city
    call = _call(served, PHONE)
    verification = _ask(served, f"+86 {PHONE[:3]} {PHONE[3:7]} {PHONE[7:]}")
    code = platform.code(1)
    assert platform.sent[0]["phone"] == PHONE
    found = _give(served, verification, code)
    assert (found.status, found.document["ticket_id"]) == (200, call["ticket_id"])
    assert found.document["query_code"] == call["query_code"]
    assert_problem(_give(served, verification, code), 401, "wrong-code")
    assert PHONE not in served.log(0)
    assert code not in served.log(0)


def test_a_platform_that_is_away_is_asked_again(city: tuple[Served, Platform]) -> None:
    """What it does not take at first comes later, and only once."""
    served, platform = city
    before = len(platform.sent)
    _call(served, "13900007777")
    platform.statuses = [503]
    verification = _ask(served, "13900007777")
    assert _give(served, verification, platform.code(before + 1)).status == 200
    assert len(platform.sent) == before + 1


def test_an_unknown_number_is_answered_alike(city: tuple[Served, Platform]) -> None:
    """The answer does not tell whether a number has called, and no code is right."""
    served, _ = city
    verification = _ask(served, "13800009999")
    assert_problem(_give(served, verification, "000000"), 401, "wrong-code")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ASK, {}),
        (ASK, {"phone": "ring me"}),
        (GIVE, {"verification": "x" * 32, "code": "12345"}),
        (GIVE, {"verification": "short", "code": "123456"}),
    ],
)
def test_what_is_wrong_is_named(city: tuple[Served, Platform], path: str, body: Any) -> None:
    """A field that cannot be right is refused with what to do."""
    assert_problem(city[0].call("POST", path, json.dumps(body).encode()), 422, "invalid-fields")


def test_without_a_platform_nobody_is_promised_a_code(served: Served) -> None:
    """Where no codes can be sent, the interface says so, and a chat's line is words like others."""
    assert_problem(served.call("POST", ASK, b'{"phone": "13900001234"}'), 404, "not-found")
    chat = served.call("POST", "/api/v1/chats", b"").document["chat"]
    headers = {"Authorization": f"Bearer {chat}"}
    line = {"text": f"关联电话 {PHONE}"}
    assert served.call("POST", "/api/v1/chats/lines", line, headers).status == 201
    told = served.call("GET", "/api/v1/chats/lines?wait=3", None, headers).document["lines"]
    assert not any("验证码" in item["text"] for item in told)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("关联电话 13900001234", "13900001234"),
        ("补充我的来电:139 0000 1234 楼道灯", "139 0000 1234"),
        ("并入刚才的电话诉求，010-65551234", "010-65551234"),
        ("关联号码 +86 13900001234", "+86 13900001234"),
        ("我的电话是13900001234", None),
        ("补充照片", None),
        ("关联电话 1390000123", None),
        ("关联电话 139000012345", None),
    ],
)
def test_a_line_that_claims_a_call(line: str, number: str | None) -> None:
    """Only who asks for it claims a call: a number in an appeal is a number."""
    assert called_from(line) == number


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("123456", "123456"),
        (" 验证码是：１２３４５６。", "123456"),
        ("12345", None),
        ("我在123456号", None),
        ("1234567", None),
    ],
)
def test_a_line_that_is_a_code(line: str, code: str | None) -> None:
    """Six digits and nothing else, in either width."""
    assert one_time_code(line) == code
