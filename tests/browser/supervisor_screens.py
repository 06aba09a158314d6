"""The supervisor's pages as they are looked at, with something to see on each."""

import time
from collections.abc import Callable
from typing import Final

from playwright.sync_api import Page

from tests.browser.browsing import MATTER
from tests.web.test_odd_words import decided
from tests.web.wire import PASSWORD, Served

SUPERVISOR: Final = "supervisor"


def enter(page: Page, name: str = SUPERVISOR) -> None:
    """Sign in by the page."""
    page.goto("/agent/sign-in")
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("form[action='/agent/sign-in'] button").click()
    page.wait_for_selector(".who form")


def matters(served: Served) -> None:
    """Let three people tell of one matter, once, and wait until that is seen and searched."""
    told = "SELECT count(*) FROM messages WHERE masked_text LIKE ? || ',我住%'"
    if not served.select(told, MATTER)[0][0]:
        for number in range(3):
            served.file(f"{MATTER},我住{number + 5}层")
        decided(served, served.file("朝阳区双井街道三号楼楼道里煤气味很浓")["ticket_id"])
    deadline = time.monotonic() + 60
    cluster = f"{told} AND ticket_id IN (SELECT id FROM tickets WHERE cluster IS NOT NULL)"
    queue = "SELECT count(*) FROM search_queue"
    while not served.select(cluster, MATTER)[0][0] or served.select(queue)[0][0]:
        assert time.monotonic() < deadline, "no cluster is found"
        time.sleep(0.1)


def today(page: Page, served: Served) -> None:
    """The day at a glance."""
    matters(served)
    enter(page)
    page.goto("/agent/today")
    page.wait_for_selector("[data-drawn] .u-legend", state="attached")


def surge(page: Page, served: Served) -> None:
    """The surge, about to be opened without grounds."""
    enter(page)
    page.goto("/agent/surge")
    page.locator("form[action^='/agent/surge']").evaluate("form => { form.noValidate = true; }")
    page.locator("form[action^='/agent/surge'] button").click()
    page.wait_for_selector(".fault")


def search(page: Page, served: Served) -> None:
    """What a search finds."""
    matters(served)
    enter(page)
    page.goto("/agent/search")
    page.locator("#words").fill("电梯 五号楼")
    page.locator("form.search button").click()
    page.wait_for_selector(".found li")


def cluster(page: Page, served: Served) -> None:
    """The tickets of many people on one matter."""
    matters(served)
    enter(page)
    page.goto("/agent/today")
    page.locator(".clusters a").first.click()
    page.wait_for_selector(".found li")


def export(page: Page, served: Served) -> None:
    """What is to be exported."""
    enter(page)
    page.goto("/agent/export")


SUPERVISOR_VIEWS: Final[tuple[Callable[[Page, Served], None], ...]] = (
    today, surge, search, cluster, export,
)  # fmt: skip
