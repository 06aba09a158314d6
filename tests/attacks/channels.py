"""Hostile words by every channel's own way in, in every field that its sender can fill."""

import base64
import json
import smtplib
import time
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO
from typing import Any, Final
from urllib.parse import quote, urlencode

from PIL import Image

from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign
from tests.attacks.hostile import FILE, HOSTILE, PERSON
from tests.attacks.stage import FORM, Stage
from tests.web.visitor import Visitor
from tests.web.wire import WEBHOOK_SECRET, Reply, file_part, form, text_part

_IMAGE_DESCRIPTION: Final = 0x010E
_ARTIST: Final = 0x013B


def picture() -> bytes:
    """Return a picture whose EXIF is markup."""
    exif = Image.Exif()
    exif[_IMAGE_DESCRIPTION] = exif[_ARTIST] = HOSTILE
    found = BytesIO()
    Image.new("RGB", (8, 8)).save(found, "JPEG", exif=exif)
    return found.getvalue()


def _signed(body: bytes) -> dict[str, str]:
    now = str(int(time.time()))
    return {SOURCE: "tests", TIMESTAMP: now, SIGNATURE: sign(WEBHOOK_SECRET, now, body)}


def _post(stage: Stage, path: str, body: Any, headers: dict[str, str] | None = None) -> Reply:
    sent = json.dumps(body).encode()
    named = {"Content-Type": "application/json", **(headers or _signed(sent))}
    return stage.ask("POST", path, sent, named)


_PERSON: Final = {"name": PERSON, "phone": "13900003333", "address": HOSTILE}


def by_api(stage: Stage) -> Reply:
    """As multipart with a file whose name and EXIF are markup."""
    fields = {"place": {"address": HOSTILE}, "reporter": _PERSON}
    parts = [text_part(key, json.dumps(value)) for key, value in fields.items()]
    body = form(
        text_part("text", f"路灯坏了 {HOSTILE}"), *parts,
        file_part(FILE.replace('"', "%22"), picture()),
    )  # fmt: skip
    kind = {"Content-Type": "multipart/form-data; boundary=border"}
    return stage.ask("POST", "/api/v1/appeals", body, kind)


def by_page(stage: Stage) -> Reply:
    """By the form, with a file that a script had uploaded under a hostile name."""
    name = base64.b64encode(FILE.encode()).decode()
    content = picture()
    begun = stage.ask(
        "POST", "/api/v1/uploads", b"",
        {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {name}"},
    ).document["upload"]  # fmt: skip
    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert stage.ask("PATCH", f"/api/v1/uploads/{begun}", content, piece).status == 204
    visitor = Visitor(stage.served)
    fields = visitor.get("/").fields("/appeals") | {
        "text": f"井盖坏了 {HOSTILE}", "address": HOSTILE, "name": PERSON, "phone": "13900004444",
    }  # fmt: skip
    return visitor.post("/appeals", [*fields.items(), ("uploads", begun)]).reply


def by_chat(stage: Stage) -> Reply:
    """By the chat without scripts."""
    visitor = Visitor(stage.served)
    return visitor.fill("/chat", "/chat", (FILE, picture()), text=f"停电了 {HOSTILE}").reply


def by_webhook(stage: Stage) -> Reply:
    """By another system of the city."""
    body = {
        "message_id": HOSTILE[:100], "text": f"垃圾没人清 {HOSTILE}", "reporter": _PERSON,
        "place": {"address": HOSTILE},
        "media": [{"url": f"https://app.example/{FILE}".replace(" ", "%20"), "name": FILE}],
    }  # fmt: skip
    return _post(stage, "/channels/webhook", body)


def by_voice(stage: Stage) -> Reply:
    """By a call's transcript."""
    words = {"number": 0, "speaker": "citizen", "text": f"漏水了 {HOSTILE}", "start": 0.2, "end": 3}
    body = {"call_id": "hostile-1", "ended": True, "phone": "13900005555", "segments": [words]}
    return _post(stage, "/channels/voice", body)


def by_telegram(stage: Stage) -> Reply:
    """By Telegram: the sender's names, a document's name, a caption, a place's title."""
    sender = {"id": 55, "is_bot": False, "first_name": PERSON, "last_name": PERSON,
              "username": HOSTILE}  # fmt: skip
    said = {"from": sender, "chat": {**sender, "type": "private"}, "date": int(time.time())}
    spot = {"latitude": 39.9, "longitude": 116.4}
    parts: tuple[dict[str, Any], ...] = (
        {"text": f"噪声扰民 {HOSTILE}"},
        {"venue": {"location": spot, "title": HOSTILE, "address": HOSTILE}, "location": spot},
        {"caption": HOSTILE, "document": {"file_name": FILE, "file_id": HOSTILE,
                                          "file_unique_id": HOSTILE, "mime_type": HOSTILE}},
    )  # fmt: skip
    headers = {"x-telegram-bot-api-secret-token": "a-secret-of-the-tests"}
    replies = [
        _post(stage, "/channels/telegram",
              {"update_id": number, "message": {"message_id": number, **said, **part}}, headers)
        for number, part in enumerate(parts, 550)
    ]  # fmt: skip
    assert {reply.status for reply in replies} == {200}
    return replies[0]


def by_open311(stage: Stage) -> Reply:
    """By a civic app, in all fields of its form."""
    hostile = (
        "address_string", "address_id", "description", "account_id",
        "device_id", "attribute[since]",
    )  # fmt: skip
    link = "https://app.example/" + quote(FILE, safe="<>=")
    fields = dict.fromkeys(hostile, HOSTILE) | {
        "first_name": PERSON, "last_name": PERSON,
        "api_key": WEBHOOK_SECRET, "service_code": "other", "phone": "13900006666",
        "media_url": link,
    }  # fmt: skip
    return stage.ask(
        "POST", "/open311/v2/requests.json", urlencode(fields).encode(), {"Content-Type": FORM}
    )


def by_mail(stage: Stage) -> Reply:
    """By mail: subject, sender's name, the file's name, and markup as the text itself."""
    mail = EmailMessage()
    mail["Subject"] = HOSTILE
    mail["From"] = f'"{PERSON.replace(chr(34), chr(39))}" <citizen@example.com>'
    mail["To"] = "hotline@example.com"
    mail["Message-ID"] = "<hostile-1@example.com>"
    mail["X-Mailer"] = HOSTILE
    mail.set_content(f"树倒了 {HOSTILE}")
    mail.add_alternative(f"<p>树倒了 &lt;x55&gt; {HOSTILE}</p>", "html")
    mail.add_attachment(picture(), "image", "jpeg", filename=FILE)
    host, _, port = stage.served.process.settings["JIESU_MAIL_LISTEN"].rpartition(":")
    for _ in range(100):
        try:
            with smtplib.SMTP(host, int(port), "relay.example", timeout=60) as client:
                client.send_message(mail)
                return Reply(200, {}, b"")
        except ConnectionError:
            time.sleep(0.1)
    raise AssertionError("nobody listens for mails")


WAYS: Final[dict[str, Callable[[Stage], Reply]]] = {
    "api": by_api,
    "web": by_page,
    "chat": by_chat,
    "webhook": by_webhook,
    "voice": by_voice,
    "telegram": by_telegram,
    "open311": by_open311,
    "email": by_mail,
}
"""Every channel that can be spoken to without a vendor."""
BY_VENDORS: Final = {"wechat", "wecom"}
"""Sealed by the vendor: their words take the same way as all others once they are opened."""
