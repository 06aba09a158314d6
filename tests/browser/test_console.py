"""The queue as it lives: without reload, by keyboard alone, without scripts."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.browsing import DESK, visiting
from tests.browser.console_screens import report_talk
from tests.browser.ticket_screens import enter
from tests.web.test_odd_words import decided
from tests.web.wire import PASSWORD, Served

QUEUE = "/agent?district=district-yanqing"
"""A queue of one's own: other tests' tickets are of other districts."""


def _ticket(served: Served, words: str) -> Any:
    return decided(served, served.file(f"延庆区百泉街道湖南小区{words}")["ticket_id"])


def _row(page: Page, ticket: Any) -> Any:
    return page.locator(f"[data-ticket='{ticket['ticket_id']}']")


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """An agent's desk, signed in, which follows what happens."""
    with visiting(browser, served, size=DESK) as found:
        enter(found)
        found.goto(QUEUE)
        found.wait_for_selector("[data-live-state][data-is=live]")
        yield found


def test_tickets_come_change_and_go_without_reload(page: Page, served: Served) -> None:
    """A new one is put where it belongs, whose it is is told, and what is done goes."""
    bars = _ticket(served, "一号楼的健身器材坏了想问问找谁修")
    expect(_row(page, bars)).to_contain_text("一号楼的健身器材坏了")
    water = _ticket(served, "二号楼自来水停了一整天")
    expect(_row(page, water)).to_be_visible()
    order = page.locator("[data-ticket]").evaluate_all("rows => rows.map((r) => r.dataset.ticket)")
    assert order.index(water["ticket_id"]) < order.index(bars["ticket_id"])
    path = f"/api/v1/tickets/{water['ticket_id']}"
    assert served.agent("POST", f"{path}/claim", name="senior-agent").status == 200
    expect(_row(page, water)).to_contain_text("senior-agent 在办")
    body = {"version": water["version"]}
    reply = served.agent("POST", f"{path}/confirmation", body, name="senior-agent")
    assert reply.status == 200
    expect(_row(page, water)).to_have_count(0)
    expect(page.locator("[data-announce]")).to_contain_text("1 件已办")


def test_focus_and_place_stay(page: Page, served: Served) -> None:
    """What comes above takes neither the focus nor the place; what goes hands the focus on."""
    bars = _ticket(served, "三号楼的健身器材坏了想问问找谁修")
    other = _ticket(served, "四号楼的健身器材坏了想问问找谁修")
    expect(_row(page, other)).to_be_visible()
    _row(page, bars).locator("a").focus()
    water = _ticket(served, "五号楼自来水停了一整天")
    expect(_row(page, water)).to_be_visible()
    expect(_row(page, bars).locator("a")).to_be_focused()
    after = _row(page, bars).evaluate(
        "row => (row.nextElementSibling || row.previousElementSibling).dataset.ticket"
    )
    path = f"/api/v1/tickets/{bars['ticket_id']}/confirmation"
    assert served.agent("POST", path, {"version": bars["version"]}).status == 200
    expect(_row(page, bars)).to_have_count(0)
    expect(page.locator(f"[data-ticket='{after}'] a")).to_be_focused()


def test_the_queue_by_keyboard_alone(browser: Browser, served: Served) -> None:
    """One signs in, filters, walks through the rows and opens one, without a mouse."""
    ticket = _ticket(served, "六号楼自来水停了一整天")
    with visiting(browser, served, size=DESK) as page:
        page.goto("/agent/sign-in")
        for _ in range(20):
            if page.locator("#name").evaluate("field => field === document.activeElement"):
                break
            page.keyboard.press("Tab")
        page.keyboard.type("agent")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-queue]")
        page.keyboard.press("/")
        expect(page.locator("#queue")).to_be_focused()
        page.goto(QUEUE)
        page.keyboard.press("j")
        expect(page.locator("[data-ticket] a").first).to_be_focused()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("k")
        expect(page.locator("[data-ticket] a").first).to_be_focused()
        _row(page, ticket).locator("a").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/agent/tickets/{ticket['ticket_id']}*")


def test_keys_of_one_character_can_be_switched_off(page: Page, served: Served) -> None:
    """The list says what there is; without them arrows go on working, and they come back."""
    _ticket(served, "七号楼自来水停了一整天")
    page.wait_for_selector("[data-ticket]")
    page.keyboard.press("?")
    sheet = page.locator("dialog.keys")
    for words in ("下一件", "上一件", "打开", "筛选"):
        expect(sheet).to_contain_text(words)
    page.keyboard.press("j")
    expect(sheet).to_be_visible()
    page.locator("[data-keys-on]").press("Space")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.reload()
    page.wait_for_selector("[data-live-state][data-is=live]")
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()
    assert page.evaluate("document.activeElement === document.body")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-ticket] a").first).to_be_focused()
    page.locator("[data-keys-open]").press("Enter")
    page.locator("[data-keys-on]").press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#queue")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#queue")).to_be_focused()


def test_time_runs_out_in_words_and_colours(page: Page, served: Served) -> None:
    """Half of the time gone and all of it gone are both told."""
    ticket = _ticket(served, "八号楼自来水停了一整天")
    expect(_row(page, ticket)).to_contain_text("充裕")
    page.clock.install()
    page.reload()
    for hours, words in ((1.1, "过半"), (1, "超时")):
        page.clock.fast_forward(int(hours * 3_600_000))
        expect(_row(page, ticket)).to_contain_text(words)


def test_who_was_signed_out_comes_back(page: Page) -> None:
    """A page whose session has ended leads to the way in, which knows the way back."""
    page.context.clear_cookies(name="jiesu_session")
    page.reload()
    page.wait_for_url(lambda url: "/agent/sign-in" in url)
    assert page.locator("input[name=next]").input_value() == QUEUE


def test_filters_without_scripts(browser: Browser, served: Served) -> None:
    """The bar is a form: what it narrows stands in the address."""
    ticket = _ticket(served, "十号楼自来水停了一整天")
    with visiting(browser, served, java_script_enabled=False) as page:
        enter(page)
        page.locator("#district").select_option("district-yanqing")
        page.locator("#tier").select_option("livelihood")
        page.locator(".filters button").click()
        page.wait_for_url("**tier=livelihood**")
        expect(_row(page, ticket)).to_be_visible()
        expect(page.locator(".keys-open")).to_be_hidden()
        page.locator("#tier").select_option("emergency")
        page.locator(".filters button").click()
        expect(_row(page, ticket)).to_have_count(0)


def test_a_call_goes_on_while_one_looks(page: Page, served: Served) -> None:
    """What is said is added without reload, and where the focus is it stays."""
    report_talk(served, "a-call-that-goes-on")
    page.goto("/agent/calls")
    link = page.locator(".call h2 a").first
    link.focus()
    page.wait_for_timeout(2_500)
    expect(link).to_be_focused()
    link.press("Enter")
    page.wait_for_selector(".transcript")
    report_talk(served, "a-call-that-goes-on", ended=True)
    expect(page.locator("main")).to_contain_text("通话已结束")
