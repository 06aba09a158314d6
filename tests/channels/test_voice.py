"""Telephone calls over a gateway that runs: live reports, whole calls, and recordings."""

import hashlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import channels.voice.adapter as voice
from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign
from channels.voice.adapter import CALL, CONTENT
from tests.web.test_odd_words import decided
from tests.web.wire import Reply, Served, assert_problem, serving

FOLDER = Path(voice.__file__).parent
SECRET = "a secret of the call centre"
PATH = "/channels/voice"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A gateway that knows one platform."""
    with serving(accounts=True, JIESU_VOICE_SECRETS=json.dumps({"platform": SECRET})) as found:
        yield found


def _report(served: Served, body: bytes, *, secret: str = SECRET, age: float = 0) -> Reply:
    now = str(int(time.time() - age))
    headers = {SOURCE: "platform", TIMESTAMP: now, SIGNATURE: sign(secret, now, body)}
    return served.call("POST", PATH, body, headers)


def _payload(name: str, call: str) -> bytes:
    document = json.loads((FOLDER / "payloads" / f"{name}.json").read_text("utf-8"))
    return json.dumps({**document, "call_id": call}).encode()


def _upload(served: Served, call: str, content: bytes, *, said: bytes | None = None) -> Reply:
    now = str(int(time.time()))
    digest = hashlib.sha256(content if said is None else said).hexdigest()
    headers = {
        SOURCE: "platform", TIMESTAMP: now, CALL: call, CONTENT: digest,
        SIGNATURE: sign(SECRET, now, f"{call}.{digest}".encode()),
    }  # fmt: skip
    return served.call("POST", f"{PATH}/recordings", content, headers)


def _wav() -> bytes:
    size = 16_000
    head = b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    form = (1).to_bytes(2, "little") * 2 + (8000).to_bytes(4, "little")
    form += (16000).to_bytes(4, "little") + (2).to_bytes(2, "little") + (16).to_bytes(2, "little")
    return head + form + b"data" + size.to_bytes(4, "little") + bytes(size)


def test_a_live_call_is_published_before_it_ends(served: Served) -> None:
    """At the words of danger the ticket is dispatched; what is said later is added to it."""
    call = uuid.uuid4().hex
    first = _report(served, _payload("live-1-interim", call)).document
    assert first == {"result": "heard", "ticket_id": None}
    opened = _report(served, _payload("live-2-danger", call)).document
    ticket = decided(served, opened["ticket_id"])
    assert (ticket["tier"], ticket["confirmation"]) == ("emergency", "emergency")
    for name in ("live-3-more", "live-4-ended"):
        later = _report(served, _payload(name, call)).document
        assert later == opened
    grown = _settled(served, opened["ticket_id"], 3)
    texts = [item["text"] for item in grown["messages"]]
    assert texts[1:] == ["朝阳区双井街道柳荫小区三号楼", "好的谢谢我们已经下楼了"]
    assert grown["district"] == "district-chaoyang"
    assert grown["version"] > ticket["version"]


def test_a_whole_call_is_one_ticket(served: Served) -> None:
    """A call reported at once opens its ticket, and reported twice it stays one."""
    body = _payload("whole", uuid.uuid4().hex)
    first = _report(served, body).document
    assert _report(served, body).document == first
    [message] = decided(served, first["ticket_id"])["messages"]
    assert message["text"] == "你好啊那个我们楼道里的灯坏了好几天了,丰台方庄芳古园一区四号楼"


def test_readme_client(served: Served) -> None:
    """The client of the README reports a call."""
    code = (FOLDER / "README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    url = f"http://127.0.0.1:{served.process.port}{PATH}"
    done = subprocess.run(
        [sys.executable, "-c", code, url, "platform", SECRET],
        input=_payload("whole", uuid.uuid4().hex).decode(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "'result': 'heard'" in done.stdout


def test_who_is_not_known_is_refused(served: Served) -> None:
    """A forged or stale signature keeps nothing."""
    body, before = _payload("whole", uuid.uuid4().hex), served.rows()
    assert_problem(_report(served, body, secret="another secret, as long"), 401, "bad-signature")
    assert_problem(_report(served, body, age=400), 401, "bad-signature")
    assert served.rows() == before


def test_what_cannot_be_read_is_quarantined(served: Served) -> None:
    """A genuine report that is none is kept, with a reason that quotes nothing of it."""
    before = served.rows()["quarantine"]
    body = (FOLDER / "payloads" / "unreadable.json").read_bytes()
    reply = _report(served, body)
    assert (reply.status, reply.document) == (200, {"result": "quarantined"})
    assert served.rows()["quarantine"] == before + 1
    assert "nobody" not in served.log()


def test_what_a_call_left_open_is_asked_by_an_agent(served: Served) -> None:
    """A question waits on the agents' list; the answer is on the ticket, and the question done."""
    call = {
        "call_id": uuid.uuid4().hex, "ended": True, "phone": "13000000000",
        "segments": [{"number": 0, "speaker": "citizen", "text": "我们楼道里的灯坏了三天了没人管"}],
    }  # fmt: skip
    ticket = _report(served, json.dumps(call).encode()).document["ticket_id"]
    decided(served, ticket)
    [waiting] = [item for item in _callbacks(served) if item["ticket_id"] == ticket]
    assert waiting["question"].startswith("请问具体在什么地方")
    path = f"/api/v1/callbacks/{waiting['id']}"
    assert served.agent("POST", path, {"answer": "丰台方庄芳古园一区四号楼"}).status == 204
    assert _settled(served, ticket, 2)["district"] == "district-fengtai"
    assert [item for item in _callbacks(served) if item["ticket_id"] == ticket] == []
    assert_problem(served.agent("POST", path, {"answer": "再说一遍"}), 404, "not-found")
    version = decided(served, ticket)["version"]
    asked = {"version": version, "text": "请问是几单元?"}
    assert served.agent("POST", f"/api/v1/tickets/{ticket}/question", asked).status == 200
    [waiting] = [item for item in _callbacks(served) if item["ticket_id"] == ticket]
    assert waiting["question"] == "请问是几单元?"


def _callbacks(served: Served) -> Any:
    return served.agent("GET", "/api/v1/callbacks").document["callbacks"]


def test_an_uploaded_recording_goes_with_its_call(served: Served) -> None:
    """Uploaded before or after the end, it is an attachment of the call's ticket."""
    call = uuid.uuid4().hex
    ticket = _report(served, _payload("whole", call)).document["ticket_id"]
    assert _upload(served, call, _wav()).document["ticket_id"] == ticket
    [attachment] = _settled(served, ticket, 2)["attachments"]
    assert attachment["media_type"] in ("audio/x-wav", "audio/wav")
    early = uuid.uuid4().hex
    assert _upload(served, early, _wav()).document["ticket_id"] is None
    ticket = _report(served, _payload("whole", early)).document["ticket_id"]
    assert len(decided(served, ticket)["attachments"]) == 1


def test_a_recording_must_be_what_was_signed(served: Served) -> None:
    """Other bytes than those of the digest are refused, and nothing of them stays."""
    before = served.rows()
    reply = _upload(served, uuid.uuid4().hex, _wav(), said=b"something else")
    assert_problem(reply, 400, "malformed-body")
    assert_problem(_upload(served, uuid.uuid4().hex, b""), 400, "malformed-body")
    assert served.rows() == before


def _settled(served: Served, ticket_id: str, messages: int) -> Any:
    """Return the ticket when it holds so many messages and has been triaged with them."""
    for _ in range(100):
        ticket = decided(served, ticket_id)
        triaged = [line for line in ticket["history"] if line["event"] == "triaged"]
        added = [line for line in ticket["history"] if line["event"] == "added"]
        if (
            len(ticket["messages"]) == messages
            and triaged[-1:]
            and (not added or triaged[-1]["version"] > added[-1]["version"])
        ):
            return ticket
        time.sleep(0.1)
    raise AssertionError(f"the ticket never held {messages} messages")
