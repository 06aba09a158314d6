"""Debian's Chromium, and the ways that several tests walk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.servers import binary
from tests.web.wire import Served

_OPTIONS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE: Final = (390, 844)
DESK: Final = (1440, 900)
SCHEMES: Final = ("light", "dark")
LANGUAGES: Final = ("zh", "en")
MATTER: Final = "海淀区中关村街道柳荫小区五号楼的电梯坏了三天,老人下不了楼"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser that is ended afterwards."""
    path = binary("chromium", "Chromium (Debian: chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, served: Served, **options: Any) -> Iterator[Page]:
    """Give a page in a browser that has never been here, on a phone unless said otherwise."""
    width, height = options.pop("size", PHONE)
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{served.process.port}",
        viewport={"width": width, "height": height},
        **options,
    )
    context.set_default_timeout(20_000)
    try:
        yield _watched(context)
    finally:
        context.close()


def _watched(context: BrowserContext) -> Page:
    """Return a page on which nothing may fail in silence: scripts, styles, policies."""
    page = context.new_page()
    page.on("pageerror", lambda error: COMPLAINTS.append(f"a script failed: {error}"))
    page.on("console", lambda line: _look_at(line.type, line.text))
    return page


COMPLAINTS: Final[list[str]] = []
"""What pages have said in their consoles; a test looks at the end that it is nothing."""


def _look_at(kind: str, text: str) -> None:
    # That something was answered 4xx, or not at all, is what some tests are about.
    if kind == "error" and not text.startswith("Failed to load resource"):
        COMPLAINTS.append(text)


def file_appeal(page: Page, text: str = MATTER) -> tuple[str, str]:
    """File by the form and return number and code of the receipt."""
    page.goto("/")
    page.locator("#text").fill(text)
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/receipt")
    big = page.locator(".receipt .big")
    return big.nth(0).inner_text(), big.nth(1).inner_text()


def see_appeal(page: Page, number: str, code: str) -> None:
    """Open the appeal by number and code."""
    page.goto("/appeal")
    if page.locator("#number").count():
        page.locator("#number").fill(number)
        page.locator("#code").fill(code)
        page.locator("form[action='/appeal/sign-in'] button").click()
        page.wait_for_selector("h1 .number")
