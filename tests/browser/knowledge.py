"""The knowledge base's pages as an editor sees them."""

from typing import Any, Final

from playwright.sync_api import Page

from gateway.accounts.permissions import Role
from tests.web.wire import PASSWORD, Served

LIST: Final = "/agent/knowledge"
ENTRY: Final[dict[str, Any]] = {
    "question": "露台花箱可以自己加装吗",
    "answer": "先征得物业同意。\n再由专业单位安装。",
    "asks": ["阳台外能放花箱吗"],
    "topic": "城乡建设",
    "unit": "housing",
    "source": {"title": "测试手册", "url": "https://manual.example/1"},
    "valid_to": "2020-12-31",
}


def enter(page: Page, name: str) -> None:
    """Sign in by the page."""
    page.goto("/agent/sign-in")
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("form[action='/agent/sign-in'] button").click()
    page.wait_for_selector(".who form")


def add(served: Served) -> str:
    """Add an entry that is over, and return its page's path."""
    name = Role.KNOWLEDGE_EDITOR.value
    return f"{LIST}/{served.agent('POST', '/api/v1/knowledge', ENTRY, name).document['id']}"


def knowledge_list(page: Page, served: Served) -> None:
    """The list, with a warning."""
    add(served)
    enter(page, Role.KNOWLEDGE_EDITOR.value)
    page.goto(LIST)


def knowledge_new(page: Page, served: Served) -> None:
    """A new entry that cannot be kept as it is."""
    enter(page, Role.KNOWLEDGE_EDITOR.value)
    page.goto(f"{LIST}/new")
    page.locator("form[action='/agent/knowledge']").evaluate("form => { form.noValidate = true; }")
    page.locator("form[action='/agent/knowledge'] button").click()
    page.wait_for_selector(".fault")


def knowledge_conflict(page: Page, served: Served) -> None:
    """An entry that somebody else has edited meanwhile."""
    path = add(served)
    enter(page, Role.KNOWLEDGE_EDITOR.value)
    page.goto(path)
    headers = {
        "Authorization": f"Bearer {served.tokens[Role.KNOWLEDGE_EDITOR]}",
        "If-Match": '"1"',
    }
    entry = {**ENTRY, "answer": "不可以。"}
    api = path.replace("/agent/", "/api/v1/")
    assert served.call("PUT", api, entry, headers).status == 200
    page.locator("#answer").fill("可以，须经业主大会同意。")
    page.locator(f"form[action='{path}'] button").click()
    page.wait_for_selector(".kb-conflict")
    page.locator(".kb-retire summary").click()


def knowledge_history(page: Page, served: Served) -> None:
    """What an edit has changed."""
    knowledge_conflict(page, served)
    page.locator("form:has(#answer) button").click()
    page.wait_for_selector(".notice")
    page.locator("a[href$='/history']").click()
    page.wait_for_selector(".kb-history")


KNOWLEDGE_VIEWS: Final = (knowledge_list, knowledge_new, knowledge_conflict, knowledge_history)
