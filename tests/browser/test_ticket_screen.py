"""The screen of one appeal by keyboard alone, and what scripts add to it."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import DESK, visiting
from tests.browser.ticket_screens import call_ticket, enter, gas_ticket, water_ticket
from tests.web.desk_visitor import now, path_of
from tests.web.wire import Served


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """An agent's desk, signed in."""
    with visiting(browser, served, size=DESK) as found:
        enter(found)
        yield found


def test_confirming_undoing_and_going_on_by_keys(page: Page, served: Served) -> None:
    """One key confirms, one takes it back, and after confirming anew one goes to the next."""
    ticket = water_ticket(served)
    water_ticket(served)
    page.goto(path_of(ticket))
    page.keyboard.press("c")
    page.wait_for_url("**done=confirmed*")
    assert now(served, ticket)["confirmed_by"] == "agent"
    expect(page.locator("[data-undo-left]")).to_contain_text("秒内可撤销")
    page.keyboard.press("u")
    page.wait_for_url("**done=undone*")
    assert now(served, ticket)["confirmation"] == "none"
    page.keyboard.press("c")
    page.wait_for_url("**done=confirmed*")
    page.keyboard.press("n")
    page.wait_for_url(lambda url: "/agent/tickets/" in url and ticket["ticket_id"] not in url)


def test_what_can_no_longer_be_undone_is_not_offered(page: Page, served: Served) -> None:
    """The bar counts down and goes."""
    page.clock.install()
    page.goto(path_of(water_ticket(served)))
    page.keyboard.press("c")
    page.wait_for_selector(".undo")
    page.clock.fast_forward(11_000)
    expect(page.locator(".undo")).to_be_hidden()


def test_correcting_by_keys(page: Page, served: Served) -> None:
    """Initials pick the unit; the form is sent from inside a field; typing claims the ticket."""
    ticket = water_ticket(served)
    page.goto(path_of(ticket))
    page.keyboard.press("e")
    expect(page.locator("#unit")).to_be_focused()
    page.keyboard.press("Control+a")
    with page.expect_response("**/claim") as claimed:
        page.keyboard.type("gaj")
    assert claimed.value.status == 200
    expect(page.locator("#unit")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#unit-list [aria-selected=true]")).to_have_text("市公安局")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#unit-list [aria-selected=true]")).to_contain_text("交通管理局")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#unit")).to_have_value("市公安局")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**done=corrected*")
    found = now(served, ticket)
    assert (found["unit"], found["confirmed_by"]) == ("police", "agent")


def test_what_others_do_meanwhile_is_told(page: Page, served: Served) -> None:
    """A colleague takes the ticket and corrects it: whoever looks at it hears of both."""
    ticket = water_ticket(served)
    page.goto(path_of(ticket))
    news = page.locator("[data-news]")
    expect(news).to_be_hidden()
    path = f"/api/v1/tickets/{ticket['ticket_id']}"
    deadline = time.monotonic() + 20
    # Whatever is told before the page listens, it does not hear.
    while not news.is_visible():
        assert time.monotonic() < deadline, "nothing is told"
        assert served.agent("POST", f"{path}/claim", name="senior-agent").status == 200
        page.wait_for_timeout(300)
        served.agent("DELETE", f"{path}/claim", name="senior-agent")
    expect(news).to_contain_text("senior-agent 已开始处理")
    choice = {"version": ticket["version"], "unit": "police"}
    served.agent("POST", f"{path}/confirmation", choice, "senior-agent")
    page.keyboard.press(".")
    expect(page.locator(".facts.lead")).to_contain_text("市公安局")


def test_a_reason_is_said_where_it_is_marked(page: Page, served: Served) -> None:
    """Each mark is reached by Tab, and what describes it is the reason."""
    page.goto(path_of(gas_ticket(served)))
    mark = page.locator("mark", has_text="煤气味")
    for _ in range(40):
        page.keyboard.press("Tab")
        if mark.evaluate("element => element === document.activeElement"):
            break
    expect(mark).to_be_focused()
    [told, *_] = (mark.get_attribute("aria-describedby") or "").split()
    assert page.locator(f"#{told}").text_content()
    style = "element => getComputedStyle(element, '::after').content"
    assert "等级" in mark.evaluate(style)


def test_the_transcript_runs_along(page: Page, served: Served) -> None:
    """While a recording plays, the line that is said is marked; a line's time plays from there."""
    page.goto(path_of(call_ticket(served)))
    lines = page.locator("[data-transcript] li")
    expect(lines).to_have_count(4)
    expect(lines.nth(3)).to_contain_text("[电话]")
    page.locator("[data-seek]").nth(2).click()
    expect(lines.nth(2)).to_have_attribute("aria-current", "true")
    expect(lines.nth(3)).to_have_attribute("aria-current", "true")
    expect(lines.nth(2)).not_to_have_attribute("aria-current", "true")
