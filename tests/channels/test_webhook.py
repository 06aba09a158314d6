"""The signed webhook, over a gateway that runs: who is believed, and what becomes of messages."""

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

import channels.webhook.adapter as webhook
from channels.signing import FRESH_FOR, SIGNATURE, SOURCE, TIMESTAMP, sign
from tests.web.test_odd_words import decided
from tests.web.wire import WEBHOOK_SECRET, Reply, Served, assert_problem, serving

FOLDER = Path(webhook.__file__).parent
PAYLOADS = sorted((FOLDER / "payloads").glob("*.json"))
PATH = "/channels/webhook"


def _post(
    served: Served,
    body: bytes,
    *,
    secret: str = WEBHOOK_SECRET,
    source: str = "tests",
    age: float = 0,
    **headers: str,
) -> Reply:
    now = str(int(time.time() - age))
    signed = {SOURCE: source, TIMESTAMP: now, SIGNATURE: sign(secret, now, body)}
    signed |= {f"x-jiesu-{name}": value for name, value in headers.items()}
    return served.call("POST", PATH, body, signed)


def _message(text: str = "公交站台的顶棚漏雨", **fields: Any) -> dict[str, Any]:
    return {"message_id": uuid.uuid4().hex, "text": text, **fields}


def _accept(served: Served, message: dict[str, Any], **options: Any) -> Any:
    reply = _post(served, json.dumps(message).encode(), **options)
    assert reply.status == 200, reply.body.decode()
    assert reply.document["result"] == "accepted"
    return reply.document


def test_payloads(served: Served) -> None:
    """The payloads of the folder do what their names say: three of one ticket, one of another."""
    answers = {
        path.stem: _post(served, path.read_bytes()).document
        for path in sorted(PAYLOADS, key=lambda path: path.stem != "message")
    }
    assert answers.pop("unreadable") == {"result": "quarantined"}
    tickets = {name: answer["ticket_id"] for name, answer in answers.items()}
    assert tickets["message"] == tickets["edited"] == tickets["addition"]
    assert tickets["everything"] != tickets["message"]
    assert len(decided(served, tickets["message"])["messages"]) == 3


def test_readme_client(served: Served) -> None:
    """The client of the README sends a message that is accepted."""
    code = (FOLDER / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert len(code.splitlines()) <= 30
    url = f"http://127.0.0.1:{served.process.port}{PATH}"
    done = subprocess.run(
        [sys.executable, "-c", code, url, "tests", WEBHOOK_SECRET],
        input=json.dumps(_message()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "'result': 'accepted'" in done.stdout


def test_same_message_twice(served: Served) -> None:
    """A message that comes again gets the same answer and leaves one ticket."""
    message = _message()
    first = _accept(served, message)
    before = served.rows()
    assert _accept(served, message) == first
    assert served.rows()["messages"] == before["messages"]


def test_edited_message(served: Served) -> None:
    """The same id with another body is added to its ticket, which is triaged again, once."""
    message = _message("楼道灯坏了")
    first = _accept(served, message)
    decided(served, first["ticket_id"])
    edited = {**message, "text": "楼道灯坏了,电线还冒火花"}
    before = served.rows()
    for _ in range(2):
        assert _accept(served, edited) == first
    assert served.rows()["tickets"] == before["tickets"]
    ticket = _settled(served, first["ticket_id"], 2)
    assert [item["text"] for item in ticket["messages"]] == ["楼道灯坏了", edited["text"]]
    assert "added" in {line["event"] for line in ticket["history"]}
    # The first form of it is known as well: sending that once more adds nothing.
    assert _accept(served, message) == first
    assert served.rows()["messages"] == before["messages"] + 1


def test_edits(served: Served) -> None:
    """A message that names another is added to that one's ticket."""
    first = _accept(served, message := _message())
    addition = _message("补充:下雨的时候最严重", edits=message["message_id"])
    assert _accept(served, addition)["ticket_id"] == first["ticket_id"]
    assert len(_settled(served, first["ticket_id"], 2)["messages"]) == 2


def test_edits_of_nothing_known(served: Served) -> None:
    """A message that adds to one we never got is a ticket of its own: no word is lost."""
    found = _accept(served, _message(edits="never-seen"))
    assert len(decided(served, found["ticket_id"])["messages"]) == 1


def test_sources_are_kept_apart(served: Served) -> None:
    """Two sources may use the same ids; neither can add to the other's ticket."""
    message = _message()
    mine = _accept(served, message)
    other = {"source": "others", "secret": "another secret of the tests"}
    theirs = _accept(served, {**message, "text": "别的系统的消息"}, **other)
    assert theirs["ticket_id"] != mine["ticket_id"]
    addition = _message(edits=message["message_id"])
    assert _accept(served, addition, **other)["ticket_id"] == theirs["ticket_id"]


def _settled(served: Served, number: str, messages: int) -> Any:
    """Return the ticket when triage has read all of these messages."""
    deadline = time.monotonic() + 30
    while True:
        ticket = decided(served, number)
        events = [line["event"] for line in ticket["history"]]
        if len(ticket["messages"]) == messages and events[-1] != "added":
            return ticket
        assert time.monotonic() < deadline, events
        time.sleep(0.05)


FORGED: dict[str, dict[str, Any]] = {
    "another secret": {"secret": "a guess that is wrong"},
    "an unknown source": {"source": "strangers"},
    "another source's secret": {"source": "others"},
    "too old": {"age": FRESH_FOR.total_seconds() + 30},
    "from the future": {"age": -FRESH_FOR.total_seconds() - 30},
    "no signature": {"signature": ""},
    "a cut signature": {"signature": "sha256=abc"},
    "a signature in another alphabet": {"signature": "sha256=ünïcödé"},
    "another timestamp than signed": {"timestamp": str(int(time.time()) + 1)},
    "a timestamp in words": {"timestamp": "now"},
}


@pytest.mark.parametrize("name", FORGED)
def test_forged(served: Served, name: str) -> None:
    """What is not signed by a known source just now is refused, and nothing is kept of it."""
    before = served.rows()
    reply = _post(served, json.dumps(_message()).encode(), **FORGED[name])
    assert_problem(reply, 401, "bad-signature")
    assert served.rows() == before


@pytest.mark.parametrize("timestamp", ["", "1e9", "-5", "٣", "9" * 40, "9" * 11, "0x10"])
def test_signed_nonsense_as_time(served: Served, timestamp: str) -> None:
    """A timestamp that is none is refused although it was signed."""
    body = json.dumps(_message()).encode()
    headers = {SOURCE: "tests", SIGNATURE: sign(WEBHOOK_SECRET, timestamp, body)}
    # The client writes headers in Latin-1; these bytes are UTF-8.
    headers[TIMESTAMP] = timestamp.encode().decode("latin-1")
    assert_problem(served.call("POST", PATH, body, headers), 401, "bad-signature")


def test_body_changed_on_the_way(served: Served) -> None:
    """A body of which one byte was changed is refused."""
    body = json.dumps(_message()).encode()
    now = str(int(time.time()))
    headers = {SOURCE: "tests", TIMESTAMP: now, SIGNATURE: sign(WEBHOOK_SECRET, now, body)}
    reply = served.call("POST", PATH, body + b" ", headers)
    assert_problem(reply, 401, "bad-signature")


UNREADABLE = {
    "not JSON": b"text=hello",
    "nothing": b"",
    "no UTF-8": '{"message_id": "1", "text": "楼下路灯"}'.encode("gbk"),
    "a list": b"[]",
    "no id": b'{"text": "a"}',
    "no words": b'{"message_id": "1"}',
    "blank words": b'{"message_id": "1", "text": " "}',
    "a lone surrogate": rb'{"message_id": "1", "text": "\ud800"}',
    "NUL": rb'{"message_id": "1", "text": "a\u0000"}',
    "an unknown field": b'{"message_id": "1", "text": "a", "priority": 1}',
    "a time without zone": b'{"message_id": "1", "text": "a", "sent_at": "2026-11-20T08:00:00"}',
    "a field twice": b'{"message_id": "1", "text": "a", "text": "b"}',
    "too long": json.dumps({"message_id": "1", "text": "a" * 100_001}).encode(),
    "an endless id": json.dumps({"message_id": "1" * 201, "text": "a"}).encode(),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(served: Served, name: str) -> None:
    """What is genuine but unreadable is kept aside and answered well; the next one gets through."""
    before = served.rows()
    reply = _post(served, UNREADABLE[name])
    assert (reply.status, reply.document) == (200, {"result": "quarantined"})
    after = served.rows()
    assert after["quarantine"] == before["quarantine"] + 1
    assert after["tickets"] == before["tickets"]
    assert _accept(served, _message())["ticket_id"]


def test_other_methods(served: Served) -> None:
    """The webhook is posted to; a vendor that asks first signs that; anything else is a 405."""
    assert_problem(served.call("GET", PATH), 401, "bad-signature")
    assert_problem(served.call("PUT", PATH), 405, "method-not-allowed")


def test_quarantine_commands() -> None:
    """What could not be read is listed without content, and replayed when it can be read."""
    # A text that is too long under these settings, and not under those of the replay.
    secrets = json.dumps({"tests": WEBHOOK_SECRET})
    with serving(JIESU_WEBHOOK_SECRETS=secrets, JIESU_MAX_TEXT="10") as served:
        message = _message("下水道井盖松动,汽车压过去响声很大")
        for body in (json.dumps(message).encode(), b"never readable"):
            assert _post(served, body).document == {"result": "quarantined"}
        listed = served.process.command("quarantine", "list").stdout.splitlines()
        assert len(listed) == 2
        assert "text is longer than 10 characters" in listed[0]
        assert "井盖" not in "".join(listed)
        served.process.settings["JIESU_MAX_TEXT"] = "1000"
        replayed = served.process.command("quarantine", "replay", check=False)
        assert replayed.returncode == 1, "the second one still cannot be read"
        first, second = (line.split()[0] for line in listed)
        assert replayed.stdout.split()[0] == first
        assert replayed.stderr.split()[0] == second
        assert served.rows()["tickets"] == 1
        everything = served.process.command("quarantine", "list", "--replayed").stdout
        states = {line.split()[0]: line.split()[3] for line in everything.splitlines()}
        assert states == {first: "replayed", second: "waiting"}
        # By id once more, beside one that is not there: the ticket is there already.
        again = served.process.command("quarantine", "replay", first, "0" * 32, check=False)
        assert again.returncode == 1
        assert "Traceback" not in again.stderr
        assert served.rows()["tickets"] == 1
