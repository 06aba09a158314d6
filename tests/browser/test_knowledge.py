"""The knowledge base edited by keyboard alone, and without scripts."""

from playwright.sync_api import Browser, Page

from gateway.accounts.permissions import Role
from tests.browser.browsing import DESK, visiting
from tests.browser.knowledge import LIST, add, enter
from tests.web.wire import PASSWORD, Served


def _tab_to(page: Page, name: str) -> None:
    """Press Tab until the field or button of that id or text has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(document.activeElement.id || '') + '|' + document.activeElement.textContent.trim()"
        )
        if name in found.split("|"):
            return
    raise AssertionError(f"Tab does not come to {name}")


def test_by_keyboard(page: Page, served: Served) -> None:
    """An editor signs in, adds an entry, edits it and retires it, and never touches a mouse."""
    page.goto(LIST)
    _tab_to(page, "name")
    page.keyboard.type(Role.KNOWLEDGE_EDITOR.value)
    _tab_to(page, "password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".kb-search")
    page.keyboard.press("n")
    page.wait_for_url(f"**{LIST}/new")
    for name, words in (
        ("question", "花箱归谁管"), ("answer", "归业主自己管。"), ("topic", "城乡建设"),
        ("source_title", "测试手册"),
    ):  # fmt: skip
        _tab_to(page, name)
        if name == "topic":
            page.keyboard.press("ArrowDown")
            _tab_to(page, "unit")
            page.keyboard.press("ArrowDown")
        else:
            page.keyboard.type(words)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".notice")
    assert "第 1 版" in page.locator("main").inner_text()
    _tab_to(page, "answer")
    page.keyboard.press("Control+A")
    page.keyboard.type("归物业管。")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=第 2 版")
    _tab_to(page, "停用此条目")
    page.keyboard.press("Enter")
    _tab_to(page, "确认停用")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{LIST}?done=retired")
    page.keyboard.press("/")
    page.keyboard.type("花箱归谁管")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    assert "没有符合条件的条目" in page.locator("main").inner_text()


def test_without_scripts(browser: Browser, served: Served) -> None:
    """Everything is a form or a link."""
    path = add(served)
    with visiting(browser, served, size=DESK, java_script_enabled=False) as page:
        enter(page, Role.KNOWLEDGE_EDITOR.value)
        page.goto(path)
        page.locator("#valid_to").fill("2099-12-31")
        page.locator(f"form[action='{path}'] button").click()
        page.wait_for_selector(".notice")
        page.locator("a[href$='/history']").click()
        assert "2099-12-31" in page.locator("ins").inner_text()
