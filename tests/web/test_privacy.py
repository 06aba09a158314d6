"""Nothing that a citizen wrote is logged, and people's data lies nowhere in plain."""

import base64
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import APPEALS, Served, file_part, form, request, serving, text_part

SECRET = "the-secret-of-the-privacy-tests"
NAMES = ("欧阳疏桐", "诸葛砚秋")
PHONES = ("13987650123", "15876543210")
IDENTITIES = ("11010119900307803X", "110101198001010053")
ADDRESS = "琉璃井西巷九号院"
FILES = ("疏桐家的照片.png", "砚秋录音.txt")
WORDS = (
    "紫檀色水柜", "碧螺旋塔吊", "青釉下水道", "赭石人行道", "靛蓝配电箱",
    "琥珀路灯杆", "朱砂井盖圈", "月白健身器", "黛绿公交亭",
)  # fmt: skip
MULTIPART = "multipart/form-data; boundary=border"


@dataclass(slots=True)
class Session:
    """A gateway that has heard everything, and what must not be found of it."""

    served: Served
    metrics: str = ""
    codes: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Send distinctive words through every door, good and bad; then end the gateway."""
    secrets = json.dumps({"privacy": SECRET})
    settings = {
        "JIESU_LOG_LEVEL": "debug", "JIESU_MAX_FILES": "2", "JIESU_BODY_TIMEOUT": "1",
        "JIESU_WEBHOOK_SECRETS": secrets, "JIESU_OPEN311_KEYS": json.dumps({"app": SECRET}),
    }  # fmt: skip
    with serving(accounts=True, **settings) as served:
        found = Session(served)
        _tell_api(found)
        _tell_forms(found)
        _tell_wrongly(served)
        _tell_webhook(found)
        _tell_open311(served)
        _tell_pages(found)
        _crash_triage(found)
        found.metrics = served.call("GET", "/metrics").body.decode()
        assert served.process.terminate() == 0
        yield found


def _reporter(which: int) -> dict[str, str]:
    return {
        "name": NAMES[which],
        "phone": PHONES[which],
        "identity_number": IDENTITIES[which],
        "address": ADDRESS,
    }


def _tell_api(session: Session) -> None:
    served, key = session.served, "privacy-key-0123456789"
    session.keys.append(key)
    text = f"我叫{NAMES[0]},{WORDS[0]}漏水,电话{PHONES[0]},证件{IDENTITIES[0]}"
    body = {"text": text, "reporter": _reporter(0), "place": {"address": WORDS[1]}}
    reply = served.call("POST", APPEALS, body, {"Idempotency-Key": key})
    assert reply.status == 201
    session.codes.append(reply.document["query_code"])
    assert served.call("POST", APPEALS, {"text": WORDS[1]}, {"Idempotency-Key": key}).status == 409
    decided(served, reply.document["ticket_id"])
    for code in (session.codes[0], "wrong-" + WORDS[2].encode().hex()):
        headers = {"Authorization": f"Bearer {code}"}
        served.call("GET", f"{APPEALS}/{reply.document['ticket_id']}", headers=headers)
    served.call("POST", "/api/v1/triage", {"text": WORDS[2] + PHONES[0]})
    found = served.call("POST", "/api/v1/knowledge/search", {"text": WORDS[2] + PHONES[0]})
    assert found.status == 200


def _tell_open311(served: Served) -> None:
    """A good form, and one whose key and place are wrong."""
    form = {
        "api_key": SECRET, "service_code": "other", "address_string": WORDS[8], "phone": PHONES[1],
        "first_name": NAMES[1], "email": f"{PHONES[1]}@example.com", "description": WORDS[4],
    }  # fmt: skip
    for fields in (form, form | {"api_key": WORDS[5]}, form | {"lat": WORDS[6]}):
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(fields).encode()
        reply = served.call("POST", f"/open311/v2/requests.xml?api_key={SECRET}", body, kind)
        assert reply.status in {200, 400, 403}
    served.call("GET", f"/open311/v2/requests.json?service_request_id={quote(WORDS[7])}")


def _tell_forms(session: Session) -> None:
    served = session.served
    parts = [
        text_part("text", WORDS[3]),
        text_part("reporter", json.dumps(_reporter(1))),
        file_part(FILES[0], b"\x89PNG\r\n\x1a\n"),
        file_part(FILES[1], WORDS[3].encode()),
    ]
    reply = served.send(request(form(*parts), media_type=MULTIPART))
    assert reply.status == 201
    session.codes.append(reply.document["query_code"])
    decided(served, reply.document["ticket_id"])
    refused = (
        form(*parts, file_part(FILES[0], b"x")),
        form(text_part(NAMES[0], PHONES[0])),
        form(*parts, closed=False),
        form(text_part("text", WORDS[3]), file_part(FILES[1], b"")),
    )
    for body in refused:
        assert served.send(request(body, media_type=MULTIPART)).status in {400, 422}


def _tell_pages(session: Session) -> None:
    """A form, good and bad, an upload, an addition, a wrong code, and a chat, as browsers do."""
    served, visitor = session.served, Visitor(session.served)
    given = {"name": NAMES[1], "phone": PHONES[1], "address": WORDS[8], "text": WORDS[6]}
    for name in (NAMES[1] * 60, NAMES[1]):
        sight = visitor.fill("/", "/appeals", (FILES[0], b"\x89PNG"), **{**given, "name": name})
    number, code = sight.tree.xpath("//*[contains(@class, 'big')]/text()")
    session.codes.append(str(code))
    name = base64.b64encode(FILES[1].encode()).decode()
    headers = {"Upload-Length": "9", "Upload-Metadata": f"filename {name}"}
    upload = served.call("POST", "/api/v1/uploads", b"", headers).document["upload"]
    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    served.call("PATCH", f"/api/v1/uploads/{upload}", NAMES[1].encode()[:9], piece)
    visitor.fill("/appeal", "/appeal/additions", text=f"{WORDS[7]}{PHONES[1]}", uploads=upload)
    visitor.fill("/appeal", "/appeal/sign-out")
    visitor.fill("/appeal", "/appeal/sign-in", number=str(number), code=WORDS[5])
    visitor.fill("/chat", "/chat", text=f"{WORDS[5]}{PHONES[0]}")
    visitor.get("/" + quote(f"{WORDS[4]}/{PHONES[0]}?q={NAMES[0]}"))
    session.codes += [upload, visitor.cookies["jiesu_chat"], visitor.cookies["jiesu_form"]]


def _tell_wrongly(served: Served) -> None:
    words, phone = WORDS[4], PHONES[1]
    for body in (
        words.encode(),
        f'{{"text": "{words}", "{phone}": "{NAMES[1]}"}}'.encode(),
        f'{{"text": "{words}\\ud800"}}'.encode(),
        json.dumps({"text": words * 30_000}).encode(),
        json.dumps({"text": {"words": words}}).encode(),
        json.dumps({"text": words}, ensure_ascii=False).encode("gbk"),
    ):
        assert 400 <= served.send(request(body)).status < 500
    path = quote(f"/{words}/{phone}")
    served.call("GET", f"{path}?q={quote(words)}")
    served.call("GET", f"{APPEALS}/{quote(words)}", headers={"Authorization": f"Bearer {phone}"})
    served.call("POST", f"/channels/{quote(words)}", words.encode())
    served.send(f"GET /{words} HTTP/1.1\r\nHost: {phone}\r\n{words}\r\n\r\n".encode())
    served.send(request(words.encode() * 9, f"X-Words: {words}", length="99"))
    slow = f'{{"text": "{words}'.encode()
    assert served.send(request(slow, length="5000")).status == 408


def _post(served: Served, body: bytes, secret: str = SECRET) -> int:
    now = str(int(time.time()))
    headers = {SOURCE: "privacy", TIMESTAMP: now, SIGNATURE: sign(secret, now, body)}
    return served.call("POST", "/channels/webhook", body, headers).status


def _tell_webhook(session: Session) -> None:
    served = session.served
    good = {"message_id": "m-1", "text": WORDS[5] + PHONES[1], "reporter": _reporter(1)}
    body = json.dumps(good).encode()
    assert _post(served, body) == 200
    assert _post(served, json.dumps({**good, "text": WORDS[6]}).encode()) == 200
    assert _post(served, body, "another secret, quite wrong") == 401
    unreadable = (
        WORDS[6].encode(),
        json.dumps({"message_id": "m-2", "text": "", PHONES[0]: WORDS[6]}).encode(),
        json.dumps({"message_id": "m-3", "text": WORDS[6], NAMES[0]: IDENTITIES[0]}).encode(),
    )
    for body in unreadable:
        assert _post(served, body) == 200
    assert served.rows()["quarantine"] == 3
    assert served.process.command("quarantine", "replay", check=False).returncode == 1


def _crash_triage(session: Session) -> None:
    """Kill the triage children while they have work."""
    served = session.served
    receipts = [served.file(f"{WORDS[7]},{PHONES[0]}") for _ in range(10)]
    for pid in _triage_children(served):
        os.kill(pid, signal.SIGKILL)
    receipts += [served.file(f"{WORDS[8]},{PHONES[0]}") for _ in range(10)]
    session.codes += [receipt["query_code"] for receipt in receipts]
    for receipt in receipts:
        decided(served, receipt["ticket_id"])


def _triage_children(served: Served) -> list[int]:
    assert served.process.child is not None
    pid = served.process.child.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    assert found, "no triage process was found"
    return found


def _spellings(words: str) -> list[bytes]:
    escaped = json.dumps(words)[1:-1]
    return [
        words.encode(), words.encode("gbk"), escaped.encode(), quote(words).encode(),
        words.encode().hex().encode(), repr(words.encode())[2:-1].encode(),
    ]  # fmt: skip


def _people(session: Session) -> list[str]:
    return [*NAMES, *PHONES, *IDENTITIES, ADDRESS, *FILES]


def _credentials(session: Session) -> list[str]:
    codes = session.codes + [code.replace("-", "") for code in session.codes]
    return [*codes, *session.served.tokens.values(), SECRET]


def test_session_was_logged(session: Session) -> None:
    """The session left lines for every door, or the other tests here would prove nothing."""
    log = session.served.log()
    for trace in ("/api/v1/appeals", "/channels/{channel}", "quarantined", '"status":408',
                  "not well-formed HTTP", "/api/v1/triage", "draining",
                  "/appeal/additions"):  # fmt: skip
        assert trace in log, trace
    assert "Traceback" not in log


def test_logs_and_metrics(session: Session) -> None:
    """No word, name, number, file name, code, key or token is in any log or in the metrics."""
    folder = session.served.process.folder
    logs = [session.served.process.log.read_bytes(), session.metrics.encode()]
    logs.append((folder / "valkey" / "valkey.log").read_bytes())
    secret = [*WORDS, *_people(session), *_credentials(session), *session.keys]
    for words in secret:
        for spelling in _spellings(words):
            assert not any(spelling in log for log in logs), words


def test_files_at_rest(session: Session) -> None:
    """Names, numbers, addresses, file names, codes and tokens are in plain in no file at all."""
    paths = [path for path in session.served.process.folder.rglob("*") if path.is_file()]
    assert any(path.name == "jiesu.sqlite3" for path in paths)
    assert any("appendonly" in str(path) for path in paths)
    for path in paths:
        content = path.read_bytes()
        for words in [*_people(session), *_credentials(session)]:
            assert not any(spelling in content for spelling in _spellings(words)), (path, words)


def test_masked_words_are_kept(session: Session) -> None:
    """What may be searched is there in plain, with tokens for numbers: the check can find words."""
    content = b"".join(
        path.read_bytes() for path in session.served.process.folder.glob("jiesu.sqlite3*")
    )
    assert WORDS[0].encode() in content
    assert "我叫[诉求人]".encode() in content
