"""Ways through the pages, as people go them."""

import re
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from gateway.tickets.numbers import read_ticket_id
from gateway.tickets.workflow import Status
from tests.browser.browsing import DESK, MATTER, PHONE, file_appeal, see_appeal, visiting
from tests.web.test_own import set_status
from tests.web.wire import Served

GAS = "朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓"


def photo(width: int = 400) -> Any:
    """A picture as a file chooser hands it over."""
    content = BytesIO()
    Image.effect_noise((width, width), 90).convert("RGB").save(content, "PNG")
    return {"name": "井盖.png", "mimeType": "image/png", "buffer": content.getvalue()}


def attachments(served: Served, number: str) -> list[Any]:
    """The files of a ticket."""
    path = f"/api/v1/tickets/{read_ticket_id(number)}"
    found: list[Any] = served.agent("GET", path).document["attachments"]
    return found


def test_a_photo_is_filed_and_followed(page: Page, served: Served) -> None:
    """The photo goes up while one types; the receipt shows by itself what was understood."""
    page.goto("/")
    page.locator("#files").set_input_files([photo()])
    expect(page.locator(".files li small")).to_have_text("已上传")
    page.locator("#text").fill(MATTER)
    expect(page.locator("[data-counter]")).to_contain_text(str(len(MATTER)))
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/receipt")
    number, code = page.locator(".receipt .big").all_inner_texts()
    expect(page.locator(".facts")).to_contain_text("承办单位")
    assert [item["media_type"] for item in attachments(served, number)] == ["image/png"]
    page.goto("/appeal")
    expect(page.locator("h1")).to_contain_text(number)
    expect(page.locator("main")).to_contain_text("1 个文件")
    page.locator("form[action='/appeal/sign-out'] button").click()
    see_appeal(page, number, code)
    page.locator("#text").fill("物业说下周才修")
    page.locator("form[action='/appeal/additions'] button[type=submit]").click()
    expect(page.locator(".notice")).to_contain_text("已补充")
    expect(page.locator(".said")).to_have_count(2)


def test_an_upload_goes_on_after_a_broken_line(page: Page, served: Served) -> None:
    """A line that breaks in the middle is taken up where it broke, and the whole file arrives."""
    broken: list[int] = []

    def break_once(route: Route) -> None:
        if broken:
            route.continue_()
            return
        broken.append(len(route.request.post_data_buffer or b""))
        served.call(
            "PATCH", route.request.url.partition("/api")[2].join(["/api", ""]),
            (route.request.post_data_buffer or b"")[:1000],
            {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
        )  # fmt: skip
        route.abort()

    page.route(re.compile("/api/v1/uploads/"), break_once)
    page.goto("/")
    page.locator("#text").fill("井盖坏了,在柳荫小区北门")
    file = photo()
    page.locator("#files").set_input_files([file])
    expect(page.locator(".files li small")).to_have_text("网络中断，正在重试")
    page.locator("form[data-form] button[type=submit]").click()
    expect(page.locator("[data-wait]")).not_to_be_empty()
    page.wait_for_url("**/receipt")
    number = page.locator(".receipt .big").first.inner_text()
    assert broken
    assert [item["size"] for item in attachments(served, number)] == [len(file["buffer"])]


def test_where_uploading_fails_the_form_carries_the_file(page: Page, served: Served) -> None:
    """If uploads are refused, the file stays in the form and is sent with it."""
    page.route(re.compile("/api/v1/uploads"), lambda route: route.fulfill(status=503))
    page.goto("/")
    page.locator("#text").fill("井盖坏了,在柳荫小区南门")
    page.locator("#files").set_input_files([photo(60)])
    expect(page.locator(".files li small")).to_contain_text("直接发送")
    page.locator("form[data-form] button[type=submit]").click()
    page.wait_for_url("**/receipt")
    assert len(attachments(served, page.locator(".receipt .big").first.inner_text())) == 1


def test_a_file_can_be_removed_and_a_large_one_is_refused(page: Page) -> None:
    """What is removed is not sent, and what is too large does not even begin."""
    page.goto("/")
    large = {"name": "大.mp4", "mimeType": "video/mp4", "buffer": b"x" * 3_000_001}
    page.locator("#files").set_input_files([photo(60), large])
    expect(page.locator(".files li small")).to_have_text(["已上传", "文件过大"])
    page.get_by_role("button", name="移除 井盖.png").click()
    expect(page.locator(".files li")).to_have_count(1)
    expect(page.locator("[name=uploads]")).to_have_count(0)


def test_position(browser: Browser, served: Served) -> None:
    """The browser's position is attached when it is asked for, and taken away again."""
    with visiting(
        browser, served, permissions=["geolocation"],
        geolocation={"longitude": 116.31, "latitude": 39.98, "accuracy": 20},
    ) as page:  # fmt: skip
        page.goto("/")
        page.get_by_role("button", name="使用我现在的位置").click()
        expect(page.locator("[data-position] [role=status]")).to_contain_text("20")
        assert page.locator("[name=longitude]").input_value() == "116.31"
        page.get_by_role("button", name="去掉位置").click()
        assert page.locator("[name=longitude]").input_value() == ""


def test_chat(page: Page) -> None:
    """Lines appear as they are kept, answers come by themselves, and a reload loses nothing."""
    page.goto("/chat")
    expect(page.locator("[data-state]")).to_contain_text("已连接")
    page.locator("#text").fill("你好")
    page.locator("#text").press("Enter")
    expect(page.locator(".talk .hotline")).to_have_count(2)
    page.locator("#text").fill(GAS)
    page.locator("form[action='/chat'] button[type=submit]").click()
    expect(page.locator(".talk .citizen").last).to_contain_text(GAS)
    expect(page.locator(".talk")).to_contain_text("已派至")
    expect(page.locator(".talk")).to_contain_text("立即拨打")
    page.reload()
    expect(page.locator(".talk .citizen")).to_contain_text([GAS])
    expect(page.locator(".talk")).to_contain_text("已派至")


def test_chat_without_a_socket(page: Page) -> None:
    """Where no WebSocket gets through, the same goes by asking again and again."""
    page.add_init_script(
        "window.WebSocket = class extends EventTarget { constructor() { super();"
        " setTimeout(() => this.dispatchEvent(new Event('close'))); } };"
        "WebSocket.OPEN = 1; window.setTimeout = ((real) => (work, ms) => real(work, ms / 50))"
        "(window.setTimeout);"
    )
    page.goto("/chat")
    page.locator("#text").fill("楼道里堆满了旧家具,没人管")
    page.locator("#text").press("Enter")
    expect(page.locator(".talk .citizen").last).to_contain_text("楼道里堆满了旧家具")


def test_photo_in_the_chat(page: Page) -> None:
    """A photo that has gone up is said with the line."""
    page.goto("/chat")
    page.locator("#files").set_input_files([photo(60)])
    expect(page.locator(".files li small")).to_have_text("已上传")
    page.locator("#text").fill("路灯不亮,看图")
    page.locator("#text").press("Enter")
    expect(page.locator(".talk .citizen").last).to_contain_text("路灯不亮")
    expect(page.locator(".files li")).to_have_count(0)


def test_by_keyboard_alone(page: Page, served: Served) -> None:
    """From the skip link to the withdrawal, everything is reached and done by keys."""

    def press_until(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} is not reached by the Tab key")

    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    press_until("#text")
    page.keyboard.type("楼道里堆满了旧家具,没人管")
    press_until("button.main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipt")
    press_until("a.main")
    page.keyboard.press("Enter")
    page.wait_for_url("**/appeal")
    press_until("summary")
    page.keyboard.press("Enter")
    press_until(".danger")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("已撤回")


def test_rating_by_keys(page: Page, served: Served) -> None:
    """Stars are one group: an arrow chooses among them."""
    number, code = file_appeal(page)
    expect(page.locator(".facts")).to_contain_text("承办单位")
    set_status(served, read_ticket_id(number), Status.RESOLVED)
    see_appeal(page, number, code)
    page.locator("[name=stars]").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.locator("form[action='/appeal/rating'] button").click()
    expect(page.locator("[name=stars]:checked")).to_have_value("4")


@pytest.mark.parametrize("size", [(320, 640), PHONE, DESK], ids=str)
def test_large_type_fits(browser: Browser, served: Served, size: tuple[int, int]) -> None:
    """In large type text is 1.3 times as large, on every page, and nothing is cut off sideways."""
    with visiting(browser, served, size=size) as page:
        page.goto("/")
        read = "parseFloat(getComputedStyle(document.querySelector('label')).fontSize)"
        normal = page.evaluate(read)
        page.get_by_role("link", name="大字版").click()
        assert page.evaluate(read) >= 1.3 * normal
        file_appeal(page)
        for path in ("/", "/receipt", "/appeal", "/chat"):
            page.goto(path)
            assert page.evaluate(
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            ), path


def test_touch_targets(page: Page) -> None:
    """On a phone, whatever is to be touched is 44 pixels high, links inside sentences aside."""
    file_appeal(page)
    for path in ("/", "/receipt", "/appeal", "/chat"):
        page.goto(path)
        low = page.evaluate(
            "Array.from(document.querySelectorAll('header a, .emergency a, button, summary, "
            "a[role=button], input:not([type=hidden]):not([type=radio]), textarea'))"
            ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 44)"
            ".map(e => e.outerHTML)"
        )
        assert low == []


def test_without_scripts(browser: Browser, served: Served) -> None:
    """With scripts switched off the same is filed, followed and said."""
    with visiting(browser, served, java_script_enabled=False) as page:
        page.goto("/")
        page.locator("#files").set_input_files([photo(60)])
        page.locator("#text").fill("井盖坏了,在柳荫小区西门")
        page.locator("button[type=submit]").click()
        page.wait_for_url("**/receipt")
        number = page.locator(".receipt .big").first.inner_text()
        assert len(attachments(served, number)) == 1
        assert not page.get_by_role("button", name="复制").is_visible()
        page.goto("/chat")
        page.locator("#text").fill("楼道里堆满了旧家具")
        page.locator("form[action='/chat'] button[type=submit]").click()
        expect(page.locator(".talk .citizen")).to_contain_text("楼道里堆满了旧家具")


def test_copying_the_receipt(browser: Browser, served: Served) -> None:
    """One touch copies number and code."""
    with visiting(browser, served, permissions=["clipboard-read", "clipboard-write"]) as page:
        number, code = file_appeal(page)
        page.get_by_role("button", name="复制").click()
        expect(page.get_by_role("button", name="已复制")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert number in copied
        assert code in copied


def test_hostile_words_do_nothing(page: Page) -> None:
    """Scripts and pictures written into every field are shown as words, here too by our scripts."""
    words = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>\'">'
    page.goto("/")
    for name in ("#text", "#address", "#name", "#phone"):
        page.locator(name).fill(name + words)
    file: Any = {**photo(60), "name": "<img src=x onerror=window.hit=1>.png"}
    page.locator("#files").set_input_files([file])
    expect(page.locator(".files li small")).to_have_text("已上传")
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/receipt")
    page.goto("/appeal")
    expect(page.locator(".words").first).to_contain_text("onerror")
    page.goto("/chat")
    page.locator("#text").fill(words)
    page.locator("#text").press("Enter")
    expect(page.locator(".talk .citizen").last).to_contain_text("onerror")
    assert page.evaluate("window.hit") is None
    assert page.locator(".talk img").count() == 0
