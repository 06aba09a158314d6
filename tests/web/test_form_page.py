"""The form as a browser without scripts uses it."""

import pytest

from tests.web.test_odd_words import decided
from tests.web.test_uploads import _whole
from tests.web.visitor import Sight, Visitor
from tests.web.wire import Served

FORM = "/appeals"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
TEXT = "海淀区中关村街道柳荫小区五号楼的电梯坏了\n老人下不了楼"
PHONE = "13987650123"


@pytest.fixture
def visitor(served: Served) -> Visitor:
    """Somebody who has never been here."""
    return Visitor(served)


def receipt(sight: Sight) -> tuple[str, str]:
    """Number and code of the receipt that is shown."""
    assert (sight.reply.status, sight.path) == (200, "/receipt"), sight.text()
    number, code = sight.tree.xpath("//*[contains(@class, 'big')]/text()")
    return str(number).replace("-", ""), str(code)


def test_form_is_filed(served: Served, visitor: Visitor) -> None:
    """Text, photo, place and phone become a ticket of the channel web; the receipt opens it."""
    sight = visitor.fill(
        "/", FORM, ("井盖.png", PICTURE),
        text=TEXT.replace("\n", "\r\n"), address="柳荫小区五号楼", name="林小满", phone=PHONE,
        longitude="116.31", latitude="39.98",
    )  # fmt: skip
    number, code = receipt(sight)
    ticket = decided(served, number)
    assert ticket["channel"] == "web"
    assert ticket["messages"][0]["text"] == TEXT
    assert ticket["messages"][0]["place"] == {
        "address": "柳荫小区五号楼", "longitude": 116.31, "latitude": 39.98,
    }  # fmt: skip
    assert [item["media_type"] for item in ticket["attachments"]] == ["image/png"]
    headers = {"Authorization": f"Bearer {code}"}
    assert served.call("GET", f"/api/v1/appeals/{number}", headers=headers).status == 200
    assert code not in sight.path


def test_form_sent_twice_is_one_ticket(served: Served, visitor: Visitor) -> None:
    """Sending the page again gives the same receipt, and reading that again sends nothing."""
    fields = {**visitor.get("/").fields(FORM), "text": "路灯不亮,三天了"}
    first = receipt(visitor.post(FORM, fields, ("a.png", PICTURE)))
    before = served.rows()
    assert receipt(visitor.post(FORM, fields, ("a.png", PICTURE))) == first
    assert receipt(visitor.get("/receipt")) == first
    assert served.rows() == before
    changed = visitor.post(FORM, {**fields, "text": "别的事情"})
    assert changed.reply.status == 409
    again = changed.fields(FORM)
    assert again["text"] == "别的事情"
    assert again["key"] != fields["key"]
    assert receipt(visitor.post(FORM, again))[0] != first[0]


def test_what_is_wrong_stands_beside_its_field(unchanged: Served) -> None:
    """Nothing is stored, what was typed is kept, and the fault is read out with its field."""
    visitor = Visitor(unchanged)
    sight = visitor.fill("/", FORM, text=" ", address="柳荫小区", name="林" * 201, phone=PHONE)
    assert sight.reply.status == 422
    [fault] = sight.tree.xpath("//*[@id='name-fault']")
    [field] = sight.tree.xpath("//*[@id='name']")
    assert field.get("aria-invalid") == "true"
    assert "name-fault" in field.get("aria-describedby").split()
    assert "200" in fault.text_content()
    kept = sight.fields(FORM)
    assert (kept["address"], kept["phone"], kept["name"]) == ("柳荫小区", PHONE, "林" * 201)
    nothing = visitor.fill("/", FORM, text=" ")
    assert nothing.tree.xpath("//*[@id='text-fault']")
    assert sight.tree.xpath("//title")[0].text.startswith("请修改")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("a.png", PICTURE * 500)], "100000"),
        ([("a.png", PICTURE), ("b.png", PICTURE), ("c.png", PICTURE)], "2"),
        ([("a.png", b"")], "空文件"),
    ],
    ids=["too large", "too many", "empty"],
)
def test_files_that_cannot_be_taken(
    served: Served, visitor: Visitor, files: list[tuple[str, bytes]], words: str
) -> None:
    """The fault stands beside the files, which must be chosen again; what was typed is kept."""
    before = served.rows()["tickets"]
    sight = visitor.fill("/", FORM, *files, text="井盖坏了", address="北门")
    assert sight.reply.status in {413, 422}
    assert words in sight.text("//*[@id='files-fault']")
    assert "重新选择" in sight.text()
    assert sight.fields(FORM)["text"] == "井盖坏了"
    assert sight.fields(FORM)["address"] == "北门"
    assert served.rows()["tickets"] == before


def test_uploads_need_not_come_again(served: Served, visitor: Visitor) -> None:
    """A form with a fault keeps what a script had uploaded; filed, it is the ticket's."""
    token = _whole(served)
    fields = {**visitor.get("/").fields(FORM), "text": "井盖坏了", "name": "林" * 201}
    sight = visitor.post(FORM, [*fields.items(), ("uploads", token)])
    assert sight.tree.xpath("//input[@name='uploads']/@value") == [token]
    assert "重新选择" not in sight.text()
    fields = {**sight.fields(FORM), "name": "林小满"}
    number, _ = receipt(visitor.post(FORM, [*fields.items(), ("uploads", token)]))
    assert len(decided(served, number)["attachments"]) == 1
    gone = visitor.fill("/", FORM, text="井盖坏了", uploads="x" * 32)
    assert gone.reply.status == 422
    assert gone.tree.xpath("//*[@id='files-fault']")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
    ids=str,
)
def test_other_sites_cannot_send_forms(unchanged: Served, headers: dict[str, str]) -> None:
    """Whatever says that another site sent the form, it is refused, with the typed words kept."""
    visitor = Visitor(unchanged)
    fields = {**visitor.get("/").fields(FORM), "text": "井盖坏了"}
    sight = visitor.post(FORM, fields, headers=headers)
    assert sight.reply.status == 403
    assert sight.fields(FORM)["text"] == "井盖坏了"


def test_a_form_fits_its_browser_alone(unchanged: Served) -> None:
    """Without the cookie, or with another's, or with a forged token, nothing is taken."""
    visitor, other = Visitor(unchanged), Visitor(unchanged)
    fields = {**visitor.get("/").fields(FORM), "text": "井盖坏了"}
    other.get("/")
    assert other.post(FORM, fields).reply.status == 403
    assert Visitor(unchanged).post(FORM, fields).reply.status == 403
    assert visitor.post(FORM, {**fields, "form_token": "0" * 64}).reply.status == 403
    assert visitor.post(FORM, {**fields, "form_token": "令牌"}).reply.status == 403
    assert visitor.post(FORM, {"text": "井盖坏了"}).reply.status == 403


def test_a_file_before_the_token_is_not_kept(served: Served, visitor: Visitor) -> None:
    """Files are stored only after the form has shown that it comes from here."""
    store = served.process.folder / "attachments"
    content = b"nobody has seen this before" * 10
    count = len(list(store.rglob("*"))) if store.exists() else 0
    visitor.get("/")
    assert visitor.post(FORM, {"text": "井盖"}, ("a.txt", content)).reply.status == 403
    assert (len(list(store.rglob("*"))) if store.exists() else 0) == count


def test_unreadable_forms(unchanged: Served) -> None:
    """What no browser sends is answered with a page that says so, never with a 5xx."""
    visitor = Visitor(unchanged)
    token = visitor.get("/").fields(FORM)["form_token"]
    bad = [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=border", b"--border\r\nbroken"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(60))),
        ("text/plain", b"text=1"),
        ("application/x-www-form-urlencoded", f"form_token={token}&text=井盖&key=x".encode()),
    ]
    for kind, body in bad:
        reply = visitor.send("POST", FORM, body, {"Content-Type": kind})
        assert 400 <= reply.status < 500, (kind, reply.status)
        assert reply.headers["content-type"].startswith("text/html")


def test_answers_are_offered_while_typing(visitor: Visitor) -> None:
    """What the knowledge base has is told as part of a page, with its source."""
    fields = {**visitor.get("/").fields("/appeals"), "text": "北京什么时候开始供暖"}
    sight = visitor.post("/answers", fields)
    assert sight.reply.status == 200
    assert "供暖" in sight.text("//section[@class='answers']")
    assert "来源" in sight.text("//section[@class='answers']")


@pytest.mark.parametrize("text", ["", "你好", "柳荫小区三号楼的电梯坏了三天没人管,物业推来推去"])
def test_what_the_knowledge_base_does_not_answer_is_left(visitor: Visitor, text: str) -> None:
    """Nothing is offered for the sake of offering."""
    fields = {**visitor.get("/").fields("/appeals"), "text": text}
    assert "answers" not in visitor.post("/answers", fields).reply.body.decode()


def test_answers_are_for_our_own_pages(visitor: Visitor) -> None:
    """Without the page's token nothing is searched."""
    assert visitor.post("/answers", {"text": "北京什么时候开始供暖"}).reply.status == 403
