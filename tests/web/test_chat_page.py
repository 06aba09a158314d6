"""The chat as a page without scripts."""

import time

from tests.web.test_form_page import PICTURE
from tests.web.test_odd_words import decided
from tests.web.visitor import Visitor
from tests.web.wire import Served

DANGER = "朝阳区双井街道柳荫小区三号楼楼道里煤气味很浓"


def test_a_chat_without_scripts(served: Served) -> None:
    """Lines are kept and shown, and what the hotline says is there when one looks again."""
    visitor = Visitor(served)
    assert "您好" in visitor.get("/chat").text("//ol")
    before = served.rows()["tickets"]
    visitor.fill("/chat", "/chat", text="你好")
    assert served.rows()["tickets"] == before
    sight = visitor.fill("/chat", "/chat", text=DANGER)
    assert DANGER in sight.text("//li[@class='citizen']")
    deadline = time.monotonic() + 30
    while "已派至" not in (text := visitor.get("/chat").text("//li[@class='hotline']")):
        assert time.monotonic() < deadline, text
    assert "立即拨打" in text


def test_files_in_a_chat(served: Served) -> None:
    """A photo without words is a line too; a line sent twice is one."""
    visitor = Visitor(served)
    fields = {**visitor.get("/chat").fields("/chat"), "text": "路灯不亮"}
    for _ in range(2):
        assert visitor.post("/chat", fields, ("a.png", PICTURE)).reply.status == 200
    assert visitor.fill("/chat", "/chat", ("b.png", PICTURE)).reply.status == 200
    assert visitor.get("/chat").text("//li[@class='citizen']").count("路灯不亮") == 1


def test_a_chat_is_its_browser_s_alone(served: Served) -> None:
    """Another browser sees nothing of it, nor does this one when it has left."""
    visitor = Visitor(served)
    visitor.fill("/chat", "/chat", text=DANGER)
    assert DANGER not in Visitor(served).get("/chat").text()
    assert "jiesu_chat" in visitor.cookies
    assert DANGER not in visitor.fill("/chat", "/chat/leave").text()


def test_what_cannot_be_said(unchanged: Served) -> None:
    """Nothing, or too much, is told beside the field, and what was typed is kept."""
    visitor = Visitor(unchanged)
    assert visitor.fill("/chat", "/chat", text=" ").reply.status == 422
    sight = visitor.fill("/chat", "/chat", text="长" * 100_001)
    assert sight.reply.status == 422
    assert "100000" in sight.text("//*[@id='text-fault']")
    assert len(sight.fields("/chat")["text"]) == 100_001
    stale = visitor.post("/chat", {"text": "井盖"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert stale.reply.status == 403


def test_lines_of_a_chat_page_are_one_ticket(served: Served) -> None:
    """What is said shortly after one another is one appeal, as in every chat."""
    visitor = Visitor(served)
    for text in ("楼道里堆满了旧家具", "在柳荫小区"):
        visitor.fill("/chat", "/chat", text=text)
    headers = {"Authorization": f"Bearer {visitor.cookies['jiesu_chat']}"}
    lines = served.call("GET", "/api/v1/chats/lines", headers=headers).document["lines"]
    numbers = {line["number"] for line in lines if line["by"] == "citizen"}
    assert len(numbers) == 1
    assert decided(served, numbers.pop().replace("-", ""))["channel"] == "chat"
