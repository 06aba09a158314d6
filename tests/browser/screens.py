"""`make screens`: every page as people see it, into `var/screens/`, to be looked at."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from gateway.tickets.workflow import Status
from tests.browser import console_screens, ticket_screens
from tests.browser.browsing import (
    DESK,
    LANGUAGES,
    MATTER,
    PHONE,
    SCHEMES,
    chromium,
    file_appeal,
    see_appeal,
    visiting,
)
from tests.browser.knowledge import KNOWLEDGE_VIEWS
from tests.browser.supervisor_screens import SUPERVISOR_VIEWS
from tests.web.test_odd_words import decided
from tests.web.test_own import set_status
from tests.web.wire import Served, serving

FOLDER: Final = Path("var/screens")
View = Callable[[Page, Served], None]


def empty_form(page: Page, served: Served) -> None:
    """The form as it greets."""
    page.goto("/")


def faulty_form(page: Page, served: Served) -> None:
    """The form with a fault and what was typed."""
    page.goto("/")
    page.locator("#address").fill("柳荫小区五号楼")
    page.locator("button[type=submit]").click()
    page.wait_for_selector(".fault")


def receipt(page: Page, served: Served) -> None:
    """The receipt, once triage has spoken."""
    file_appeal(page)
    page.wait_for_selector(".facts dt:nth-of-type(4)")


def sign_in(page: Page, served: Served) -> None:
    """Number and code asked for, the code having been wrong."""
    page.goto("/appeal")
    page.locator("#number").fill("261123-4817-7035-2")
    page.locator("#code").fill("0000-0000-00000")
    page.locator("form[action='/appeal/sign-in'] button").click()
    page.wait_for_selector(".problem")


def own_appeal(page: Page, served: Served) -> None:
    """An appeal on its way."""
    receipt = served.file(MATTER)
    decided(served, receipt["ticket_id"])
    see_appeal(page, receipt["number"], receipt["query_code"])
    page.locator("summary").click()


def asked_and_split(page: Page, served: Served) -> None:
    """An appeal that was split, about which an agent asks."""
    receipt = served.file(f"{MATTER}。另外,小区停车费涨到每月三百元,没有征求业主意见")
    path = f"/api/v1/tickets/{receipt['ticket_id']}"
    for act, body in (
        ("split", {"parts": [{"text": MATTER}, {"text": "停车费涨到每月三百元,没有征求业主意见"}]}),
        ("question", {"text": "请问是几号楼几单元?方便的话,请拍一张照片。"}),
    ):
        version = decided(served, receipt["ticket_id"])["version"]
        reply = served.agent("POST", f"{path}/{act}", {"version": version, **body})
        assert reply.status == 200, reply.body
    see_appeal(page, receipt["number"], receipt["query_code"])


def closed_appeal(page: Page, served: Served) -> None:
    """An appeal that is resolved and can be rated."""
    receipt = served.file(MATTER)
    decided(served, receipt["ticket_id"])
    set_status(served, receipt["ticket_id"], Status.RESOLVED)
    see_appeal(page, receipt["number"], receipt["query_code"])


def chat(page: Page, served: Served) -> None:
    """A chat with an answer."""
    page.goto("/chat")
    page.locator("#text").fill("朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓")
    page.locator("form[action='/chat'] button[type=submit]").click()
    page.wait_for_selector(".talk .hotline:nth-of-type(3)")


def nothing_here(page: Page, served: Served) -> None:
    """A page that is not there."""
    page.goto("/nowhere")


VIEWS: Final[tuple[View, ...]] = (
    empty_form, faulty_form, receipt, sign_in, own_appeal, asked_and_split,
    closed_appeal, chat, nothing_here,
    *ticket_screens.VIEWS,
    *KNOWLEDGE_VIEWS,
    *SUPERVISOR_VIEWS,
    *console_screens.VIEWS,
)  # fmt: skip


def shoot() -> None:
    """Take every page, narrow and wide, light and dark, in both languages and in large type."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = {"JIESU_SECOND_FACTOR": "off", **ticket_screens.VOICE}
    with serving(accounts=True, **settings) as served, chromium() as browser:
        for view in VIEWS:
            for language in LANGUAGES:
                with visiting(browser, served, reduced_motion="reduce") as page:
                    page.goto(f"/?lang={language}")
                    view(page, served)
                    _take(page, f"{view.__name__}-{language}")
        with visiting(browser, served, reduced_motion="reduce") as page:
            page.goto("/?type=large")
            _take(page, "large_type-zh")


def _take(page: Page, name: str) -> None:
    for width, height in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    shoot()
