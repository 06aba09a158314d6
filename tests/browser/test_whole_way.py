"""One day of the hotline in one walk: citizens, agents and a supervisor, each in a browser."""

from contextlib import ExitStack
from datetime import datetime, timedelta

from playwright.sync_api import Browser, Page, expect

from gateway.tickets.numbers import read_ticket_id
from tests.browser.browsing import DESK, file_appeal, see_appeal, visiting
from tests.browser.test_walks import photo
from tests.browser.ticket_screens import enter
from tests.web.test_odd_words import compared
from tests.web.wire import Served

LIFT = "海淀区中关村街道柳荫小区五号楼的电梯坏了三天,老人下不了楼"
LAMP = "丰台区方庄街道芳古园一区门口的路灯全都不亮,晚上看不见路"
LAMP_AGAIN = "丰台区方庄街道芳古园一区门口路灯都不亮,晚上黑得看不见路"
LATER = "石景山区八角街道古城公园的长椅太少,建议多放几张,再修一修步道"


def filed_with_photo(page: Page, text: str) -> tuple[str, str]:
    """File by the form with a photo; return number and query code."""
    page.goto("/")
    page.locator("#files").set_input_files([photo()])
    expect(page.locator(".files li small")).to_have_text("已上传")
    page.locator("#text").fill(text)
    page.locator("form[data-form] button[type=submit]").click()
    page.wait_for_url("**/receipt")
    number, code = page.locator(".receipt .big").all_inner_texts()
    expect(page.locator(".facts")).to_contain_text("承办单位")
    return number, code


def open_ticket(page: Page, number: str) -> None:
    """Open a ticket by the keyboard from the queue, once it stands there by itself."""
    ticket = read_ticket_id(number)
    link = page.locator(f"[data-ticket='{ticket}'] a")
    expect(link).to_be_visible()
    link.press("Enter")
    page.wait_for_url(f"**/agent/tickets/{ticket}")


def moment(page: Page, part: str) -> str:
    """Return the first moment that a part of a page shows, as machines read it."""
    return str(page.locator(f"{part} time").first.get_attribute("datetime"))


def test_from_a_photo_to_what_the_citizen_sees(browser: Browser, served: Served) -> None:
    """A ticket appears in the queue by itself, is confirmed, corrected, merged; surge opens."""
    with ExitStack() as stack:
        citizen, neighbour = (stack.enter_context(visiting(browser, served)) for _ in range(2))
        agent, supervisor = (
            stack.enter_context(visiting(browser, served, size=DESK)) for _ in range(2)
        )
        enter(agent)
        expect(agent.locator("[data-live-state]")).to_have_text("实时更新")

        lift, lift_code = filed_with_photo(citizen, LIFT)
        open_ticket(agent, lift)
        expect(agent.locator("main img")).to_have_count(1)
        agent.keyboard.press("c")
        expect(agent.locator(".undo")).to_contain_text("秒内可撤销")
        agent.goto("/agent")

        lamp, lamp_code = file_appeal(neighbour, LAMP)
        open_ticket(agent, lamp)
        agent.keyboard.press("e")
        expect(agent.locator("#unit")).to_be_focused()
        agent.keyboard.press("Control+a")
        agent.keyboard.type("csgl")
        expect(agent.locator("#unit-list [aria-selected=true]")).to_contain_text("城市管理")
        agent.keyboard.press("Enter")
        agent.keyboard.press("Control+Enter")
        agent.wait_for_url("**done=corrected*")

        agent.goto("/agent")
        again, again_code = file_appeal(citizen, LAMP_AGAIN)
        open_ticket(agent, again)
        compared(served)
        agent.reload()
        expect(agent.locator("[data-key=m]")).to_be_visible()
        agent.keyboard.press("m")
        agent.wait_for_url("**done=merged*")

        see_appeal(neighbour, lamp, lamp_code)
        expect(neighbour.locator("main")).to_contain_text("城市管理")
        see_appeal(citizen, again, again_code)
        expect(citizen.locator("main")).to_contain_text("并")
        citizen.locator("form[action='/appeal/sign-out'] button").click()
        see_appeal(citizen, lift, lift_code)
        expect(citizen.locator("main")).to_contain_text("1 个文件")

        enter(supervisor, "supervisor")
        supervisor.goto("/agent/surge")
        supervisor.locator("#grounds").fill("降温,供暖来电激增")
        supervisor.locator("main form button[type=submit]").click()
        expect(supervisor.locator("#state")).to_contain_text("已启用")
        later, later_code = file_appeal(neighbour, LATER)
        agent.goto("/agent")
        open_ticket(agent, later)
        expect(agent.locator(".badges")).to_contain_text("激增期间")
        see_appeal(neighbour, later, later_code)
        accepted, due = (
            datetime.fromisoformat(moment(neighbour, part)) for part in (".steps", ".facts")
        )
        assert timedelta(hours=47) < due - accepted <= timedelta(hours=48)

        supervisor.reload()
        supervisor.locator("#grounds").fill("来电已回落")
        supervisor.locator("main form button[type=submit]").click()
        expect(supervisor.locator("#state")).to_contain_text("未启用")
