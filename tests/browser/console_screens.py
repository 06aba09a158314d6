"""The console's pages around the ticket's: the way in, the queue, its keys, calls, call-backs."""

import json
import uuid
from collections.abc import Callable
from typing import Final

from playwright.sync_api import Page

from tests.browser.ticket_screens import enter, gas_ticket, signed, water_ticket
from tests.web.test_odd_words import decided
from tests.web.wire import Served

_TALK: Final = (
    ("agent", "您好，这里是市民热线，请讲"),
    ("citizen", "朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓，我电话是13911112222"),
    ("agent", "请先开窗，到楼下等候"),
)


def report_talk(served: Served, call: str = "", *, ended: bool = False) -> str:
    """Report a call in which gas is smelt; return the ticket that it has opened."""
    segments = [
        {"number": number, "speaker": speaker, "text": text, "start": number * 4.0}
        for number, (speaker, text) in enumerate(_TALK)
    ]
    document = {"call_id": call or uuid.uuid4().hex, "segments": segments, "ended": ended}
    body = json.dumps(document).encode()
    ticket: str = served.call("POST", "/channels/voice", body, signed(body)).document["ticket_id"]
    return ticket


def console_sign_in(page: Page, served: Served) -> None:
    """The way in, the password having been wrong."""
    page.goto("/agent/sign-in")
    page.locator("#name").fill("data-scientist")
    page.locator("#password").fill("wrong")
    page.locator("main button[type=submit]").click()
    page.wait_for_selector(".problem")


def console_queue(page: Page, served: Served) -> None:
    """The queue with an emergency, one that a colleague has, and one of one's own."""
    gas_ticket(served)
    for name in ("agent", "senior-agent"):
        path = f"/api/v1/tickets/{water_ticket(served)['ticket_id']}/claim"
        assert served.agent("POST", path, name=name).status == 200
    enter(page)
    page.wait_for_selector("[data-live-state][data-is=live]")


def console_filtered(page: Page, served: Served) -> None:
    """A queue in which nothing waits."""
    enter(page)
    page.goto("/agent?district=district-yanqing&channel=telegram")
    page.wait_for_selector("[data-live-state][data-is=live]")


def console_keys(page: Page, served: Served) -> None:
    """The list of keys."""
    console_queue(page, served)
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")


def console_calls(page: Page, served: Served) -> None:
    """A call in progress."""
    report_talk(served)
    enter(page)
    page.goto("/agent/calls")
    page.wait_for_selector(".call")


def console_call(page: Page, served: Served) -> None:
    """All that was said in a call so far."""
    console_calls(page, served)
    page.locator(".call h2 a").first.click()
    page.wait_for_selector("h1 + div .transcript")


def console_callbacks(page: Page, served: Served) -> None:
    """Somebody to be called back, the form having been sent empty."""
    segment = {"number": 0, "speaker": "citizen", "text": "我们楼道里的灯坏了三天了没人管"}
    report = {"call_id": uuid.uuid4().hex, "segments": [segment], "ended": True}
    body = json.dumps(report | {"phone": "13000000000"}).encode()
    reply = served.call("POST", "/channels/voice", body, signed(body))
    decided(served, reply.document["ticket_id"])
    enter(page)
    page.goto("/agent/callbacks")
    page.locator("button[value=answered]").first.click()
    page.wait_for_selector(".fault")


def console_account(page: Page, served: Served) -> None:
    """Who one is."""
    enter(page)
    page.goto("/agent/account")


def console_nothing_here(page: Page, served: Served) -> None:
    """A page of the console that is not there."""
    enter(page)
    page.goto("/agent/nowhere")


VIEWS: Final[tuple[Callable[[Page, Served], None], ...]] = (
    console_sign_in, console_queue, console_filtered, console_keys, console_calls, console_call,
    console_callbacks, console_account, console_nothing_here,
)  # fmt: skip
