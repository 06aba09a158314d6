"""The screen of one appeal as agents meet it: at rest, at work, another's, with a recording."""

import hashlib
import io
import itertools
import json
import time
import uuid
import wave
from collections.abc import Callable
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Page

from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign
from channels.voice.adapter import CALL, CONTENT
from tests.web.desk_visitor import filed, path_of
from tests.web.test_odd_words import decided
from tests.web.wire import PASSWORD, Served, file_part, form, request, text_part

SECRET: Final = "a secret of the call centre"
VOICE: Final = {"JIESU_VOICE_SECRETS": json.dumps({"platform": SECRET})}
"""Settings without which no call is heard."""
_NUMBERS: Final = itertools.count(1)
_SAID: Final = (
    ("agent", "您好，这里是市民热线，请讲", 0.0, 1.0),
    ("citizen", "你好啊那个我们楼道里的灯坏了好几天了", 1.0, 2.0),
    ("agent", "请问是哪个小区", 2.0, 3.0),
    ("citizen", "丰台方庄芳古园一区四号楼，电话13911112222", 3.0, 4.0),
)


def enter(page: Page, name: str = "agent") -> None:
    """Sign in, unless this browser has."""
    page.goto("/agent/sign-in")
    if page.locator("#password").count():
        page.locator("#name").fill(name)
        page.locator("#password").fill(PASSWORD)
        page.locator("main button[type=submit]").click()
        page.wait_for_url("**/agent")


def gas_ticket(served: Served) -> Any:
    """An emergency with a picture, of somebody who gave name, number and place."""
    picture = io.BytesIO()
    Image.linear_gradient("L").resize((480, 320)).convert("RGB").save(picture, "JPEG")
    body = form(
        text_part("text", f"朝阳区双井街道柳荫小区{next(_NUMBERS)}号楼楼道里煤气味很浓,"
                          "我是苏念慈,电话13911112222,楼里有很多老人"),
        text_part("reporter", json.dumps({"name": "苏念慈", "phone": "13911112222"})),
        text_part("place", json.dumps({"address": "柳荫小区", "longitude": 116.46,
                                       "latitude": 39.9})),
        file_part("楼道.jpg", picture.getvalue()),
    )  # fmt: skip
    sent = request(body, media_type="multipart/form-data; boundary=border")
    return decided(served, served.send(sent).document["ticket_id"])


def water_ticket(served: Served) -> Any:
    """A ticket that waits for an agent."""
    return filed(served, f"海淀区中关村街道柳荫小区{next(_NUMBERS)}号楼自来水停了一整天")


def call_ticket(served: Served) -> Any:
    """A ticket that came by telephone, with its recording of four seconds."""
    call = uuid.uuid4().hex
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "none"))
        file.writeframes(bytes(2 * 8000 * 4))
    content = sound.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    named = {CALL: call, CONTENT: digest, **signed(f"{call}.{digest}".encode())}
    assert served.call("POST", "/channels/voice/recordings", content, named).status < 300
    segments = [
        {"number": number, "speaker": speaker, "text": text, "start": start, "end": end}
        for number, (speaker, text, start, end) in enumerate(_SAID)
    ]
    report = {"call_id": call, "ended": True, "phone": "13000000000", "segments": segments}
    body = json.dumps(report).encode()
    reply = served.call("POST", "/channels/voice", body, signed(body))
    return decided(served, reply.document["ticket_id"])


def signed(content: bytes) -> dict[str, str]:
    """The headers with which the call centre's platform signs what it posts."""
    now = str(int(time.time()))
    return {SOURCE: "platform", TIMESTAMP: now, SIGNATURE: sign(SECRET, now, content)}


def ticket_screen(page: Page, served: Served) -> None:
    """An emergency with a picture, as it is opened."""
    ticket = gas_ticket(served)
    enter(page)
    page.goto(path_of(ticket))


def ticket_call(page: Page, served: Served) -> None:
    """A telephone call with its lines, and all forms open."""
    ticket = call_ticket(served)
    enter(page)
    page.goto(path_of(ticket))
    page.locator("main details").evaluate_all("all => all.forEach(item => { item.open = true; })")


def ticket_refused(page: Page, served: Served) -> None:
    """A correction that named no unit, and another one that is being picked."""
    ticket = water_ticket(served)
    enter(page)
    page.goto(path_of(ticket))
    page.locator("#correct > summary").click()
    page.locator("#unit").fill("某某大学")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#unit-fault")
    page.locator("#supporting_1").fill("gaj")
    page.wait_for_selector("#supporting_1-list li")


def ticket_confirmed(page: Page, served: Served) -> None:
    """Just confirmed: it can be undone."""
    ticket = water_ticket(served)
    enter(page)
    page.goto(path_of(ticket))
    page.keyboard.press("c")
    page.wait_for_selector(".undo")


def ticket_of_another(page: Page, served: Served) -> None:
    """A colleague is at work on it."""
    ticket = water_ticket(served)
    path = f"/api/v1/tickets/{ticket['ticket_id']}/claim"
    assert served.agent("POST", path, name="senior-agent").status == 200
    enter(page)
    page.goto(path_of(ticket))


VIEWS: Final[tuple[Callable[[Page, Served], None], ...]] = (
    ticket_screen, ticket_call, ticket_refused, ticket_confirmed, ticket_of_another,
)  # fmt: skip
