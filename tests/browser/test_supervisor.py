"""A supervisor's tasks by keyboard alone, with scripts and without."""

import csv
import io
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.browsing import DESK, visiting
from tests.browser.supervisor_screens import enter, matters
from tests.web.wire import Served


def _tab_to(page: Page, selector: str) -> None:
    """Go there by the tabulator, as who has no mouse does."""
    wanted = page.locator(selector)
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached")


def test_a_surge_is_opened_by_keyboard(browser: Browser, served: Served) -> None:
    """Opened with grounds, it stands on the day's page, and is closed in the same way."""
    with visiting(browser, served, size=DESK) as page:
        enter(page)
        page.goto("/agent/surge")
        for grounds, told in (("暴雨,来电激增", "已启用"), ("雨停", "未启用")):
            _tab_to(page, "#grounds")
            page.keyboard.type(grounds)
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.wait_for_selector(".notice")
            assert told in page.locator("#state").inner_text()
            page.goto("/agent/today")
            assert page.locator("p.surge").count() == (told == "已启用")
            page.goto("/agent/surge")


def test_a_ticket_is_searched_and_opened_by_keyboard(browser: Browser, served: Served) -> None:
    """The key goes into the field; what was looked for never stands in an address."""
    matters(served)
    with visiting(browser, served, size=DESK) as page:
        enter(page)
        page.goto("/agent/search")
        page.keyboard.press("/")
        page.keyboard.type("电梯")
        page.keyboard.press("Enter")
        page.wait_for_selector(".found mark")
        assert page.url.endswith("/agent/search")
        _tab_to(page, ".found li:first-child > a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/agent/tickets/*")


def test_the_chart_is_a_table_too(browser: Browser, served: Served) -> None:
    """With scripts the table is folded away beneath the chart; without, it is all there is."""
    with visiting(browser, served, size=DESK) as page:
        enter(page)
        page.goto("/agent/today")
        page.wait_for_selector("[data-drawn] canvas")
        assert page.locator("#inflow-table td").first.is_hidden()
    with visiting(browser, served, size=DESK, java_script_enabled=False) as page:
        enter(page)
        page.goto("/agent/today")
        assert page.locator("#inflow-table tbody tr").count() == 24
        assert page.locator("#inflow-table td").first.is_visible()
        assert page.locator("canvas").count() == 0


def test_an_export_is_saved(browser: Browser, served: Served, tmp_path: Path) -> None:
    """The form answers with a file that Excel reads."""
    served.file("导出:路灯不亮")
    with visiting(browser, served, size=DESK, accept_downloads=True) as page:
        enter(page)
        page.goto("/agent/export")
        with page.expect_download() as download:
            page.locator("form[action='/agent/export'] button").click()
        path = tmp_path / "tickets.csv"
        download.value.save_as(path)
    assert download.value.suggested_filename == "jiesu-tickets.csv"
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
    assert rows[0][0] == "ticket_id"
    assert any("路灯不亮" in row[-1] for row in rows)
