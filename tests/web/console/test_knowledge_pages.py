"""The knowledge base's pages: looked through, added to, edited, retired; nothing is lost."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.accounts.permissions import Role
from gateway.clock import SystemClock
from gateway.knowledge.entries import day_of
from tests.web.console.conftest import signed_in
from tests.web.visitor import Sight, Visitor
from tests.web.wire import Served

LIST = "/agent/knowledge"
TODAY = day_of(SystemClock().now())
WRITTEN = {
    "question": "露台花箱可以自己加装吗", "asks": "阳台外能放花箱吗\n\n露台能不能加花箱\n",
    "answer": "先征得物业同意。\n再由专业单位安装。", "topic": "城乡建设", "unit": "water-supply",
    "source_title": "测试手册", "source_url": "https://manual.example/1",
    "owner": "knowledge-editor", "valid_from": "2026-01-01", "valid_to": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def editor(console: Served) -> Visitor:
    """The browser of an editor who has signed in."""
    return signed_in(console, Role.KNOWLEDGE_EDITOR)


def _add(editor: Visitor, **fields: str) -> str:
    """Write an entry by the form, and return its page's path."""
    sight = editor.fill(f"{LIST}/new", LIST, **{**WRITTEN, **fields})
    assert sight.reply.status == 200, sight.text()
    return sight.path.partition("?")[0]


def _change(editor: Visitor, path: str, **fields: str) -> Sight:
    return editor.fill(path, path, **fields)


def _listed(editor: Visitor, words: str, standing: str = "") -> str:
    """What the list tells for a search."""
    asked = urlencode({"q": words, "standing": standing})
    return editor.get(f"{LIST}?{asked}").text("//ul[@class='kb-list']")


def _faults(sight: Sight) -> set[str]:
    return {
        item.get("id").removesuffix("-fault") for item in sight.tree.xpath("//*[@class='fault']")
    }


def test_an_entry_is_added_and_found(console: Served, editor: Visitor) -> None:
    """What is written by the form is the entry that everybody reads; empty lines are no askings."""
    sight = editor.fill(f"{LIST}/new", LIST, **WRITTEN)
    assert "已新增" in sight.text("//*[@role='status']")
    identity = sight.path.partition("?")[0].rpartition("/")[2]
    found = console.call("GET", f"/api/v1/knowledge/{identity}").document
    assert found["asks"] == ["阳台外能放花箱吗", "露台能不能加花箱"]
    assert (found["answer"], found["valid_to"]) == (WRITTEN["answer"], None)
    assert found["source"] == {"title": "测试手册", "url": "https://manual.example/1"}
    assert sight.fields(f"{LIST}/{identity}")["question"] == WRITTEN["question"]
    assert "露台花箱" in _listed(editor, "花箱 露台")


def test_the_same_form_twice_is_one_entry(editor: Visitor) -> None:
    """Sent again, by an impatient click or a page that is loaded anew, it adds nothing."""
    fields = {**editor.get(f"{LIST}/new").fields(LIST), **WRITTEN, "question": "只此一件吗"}
    paths = {editor.post(LIST, fields).path for _ in range(2)}
    assert len(paths) == 1
    assert _listed(editor, "只此一件").count("只此一件吗") == 1


BAD: dict[str, tuple[dict[str, str], set[str]]] = {
    "nothing written": (dict.fromkeys(WRITTEN, ""), {"question", "answer", "topic", "unit",
                                                    "source_title"}),
    "days the wrong way": ({"valid_from": "2026-05-02", "valid_to": "2026-05-01"}, {"valid_to"}),
    "a day that is none": ({"valid_to": "2026-02-31"}, {"valid_to"}),
    "a unit that there is not": ({"unit": "nobody"}, {"unit"}),
    "a script for a source": ({"source_url": "javascript:alert(1)"}, {"source_url"}),
    "too many askings": ({"asks": "问\n" * 21}, {"asks"}),
    "a question without end": ({"question": "问" * 201}, {"question"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_stands_beside_its_field(editor: Visitor, name: str) -> None:
    """The form comes back with what was typed, and nothing is kept."""
    fields, wrong = BAD[name]
    before = _listed(editor, "花箱")
    sight = editor.fill(f"{LIST}/new", LIST, **{**WRITTEN, **fields})
    assert sight.reply.status == 422
    assert _faults(sight) == wrong
    kept = sight.fields(LIST)
    assert kept["answer"].strip() == {**WRITTEN, **fields}["answer"].strip()
    assert _listed(editor, "花箱") == before


def test_an_edit_is_a_version(editor: Visitor) -> None:
    """It is kept beside the one before, and the history tells what it changed, and who did."""
    path = _add(editor, question="花箱要报备吗")
    sight = _change(editor, path, answer="不用报备。")
    assert "新版本" in sight.text("//*[@role='status']")
    history = editor.get(f"{path}/history")
    assert [item.get("value") for item in history.tree.xpath("//ol/li")] == ["2", "1"]
    assert history.text("//ol/li[1]//del") == WRITTEN["answer"].replace("\n", " ")
    assert history.text("//ol/li[1]//ins") == "不用报备。"
    assert "knowledge-editor" in history.text("//ol/li[1]")


def test_two_editors(console: Served, editor: Visitor) -> None:
    """Who has read an older version is shown both texts; sent again, theirs replaces it."""
    other = signed_in(console, Role.KNOWLEDGE_EDITOR)
    path = _add(editor, question="花箱能放多重的土")
    mine = {**editor.get(path).fields(path), "answer": "每箱三十斤以内。"}
    assert _change(other, path, answer="每箱二十斤以内。").reply.status == 200
    sight = editor.post(path, mine)
    assert sight.reply.status == 412
    both = sight.text("//*[@class='kb-conflict']")
    assert "每箱三十斤以内。" in both
    assert "每箱二十斤以内。" in both
    kept = sight.fields(path)
    assert (kept["answer"], kept["version"]) == ("每箱三十斤以内。", "2")
    assert editor.get(path).fields(path)["answer"] == "每箱二十斤以内。"
    assert editor.post(path, kept).reply.status == 200
    assert editor.get(path).fields(path)["answer"] == "每箱三十斤以内。"


def test_mending_a_fault_is_not_reading_anew(console: Served, editor: Visitor) -> None:
    """A form with a fault keeps the version that was read: a conflict still comes to light."""
    other = signed_in(console, Role.KNOWLEDGE_EDITOR)
    path = _add(editor, question="花箱可以挂在栏杆外吗")
    mine = {**editor.get(path).fields(path), "valid_to": "2025-01-01"}
    _change(other, path, answer="不可以。")
    sight = editor.post(path, mine)
    assert (sight.reply.status, _faults(sight)) == (422, {"valid_to"})
    assert editor.post(path, {**sight.fields(path), "valid_to": ""}).reply.status == 412


def test_retiring(console: Served, editor: Visitor) -> None:
    """It is gone for everybody else; its page and history stay, and it is edited no more."""
    path = _add(editor, question="花箱旧规定还有效吗")
    identity = path.rpartition("/")[2]
    sight = editor.fill(path, f"{path}/retirement")
    assert sight.path == f"{LIST}?done=retired"
    assert console.call("GET", f"/api/v1/knowledge/{identity}").status == 404
    shown = editor.get(path)
    assert "已停用" in shown.text()
    assert not shown.tree.xpath(f"//form[@action='{path}']")
    gone = editor.post(path, {**WRITTEN, "version": "2", "form_token": _token(editor)})
    assert gone.reply.status == 404
    assert "花箱旧规定" not in _listed(editor, "旧规定")
    assert "花箱旧规定" in _listed(editor, "旧规定", "retired")


def test_retiring_what_somebody_has_edited(console: Served, editor: Visitor) -> None:
    """Who has not read the newest version is shown it first."""
    other = signed_in(console, Role.KNOWLEDGE_EDITOR)
    path = _add(editor, question="花箱下雨要收吗")
    fields = editor.get(path).fields(f"{path}/retirement")
    _change(other, path, answer="要收。")
    sight = editor.post(f"{path}/retirement", fields)
    assert sight.reply.status == 412
    assert sight.fields(path)["answer"] == "要收。"


def _token(editor: Visitor) -> str:
    return editor.get(f"{LIST}/new").fields(LIST)["form_token"]


def _day(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("standing", "days", "mark"),
    [
        ("holds", ("", ""), "有效"),
        ("ending", ("", _day(30)), "即将到期"),
        ("holds", ("", _day(31)), "有效"),
        ("over", ("", _day(-1)), "已过期"),
        ("later", (_day(2), ""), "尚未生效"),
    ],
)
def test_where_an_entry_stands(
    editor: Visitor, standing: str, days: tuple[str, str], mark: str
) -> None:
    """The list tells it in words and can be narrowed to it; what ends or is over is warned of."""
    name = f"期限{standing}{len(days[1])}{days[1]}"
    path = _add(editor, question=name, valid_from=days[0], valid_to=days[1])
    assert mark in _listed(editor, name, standing)
    for other in {"ending", "over", "later", "retired"} - {standing}:
        assert _listed(editor, name, other) == ""
    warned = editor.get(path).tree.xpath("//*[@class='kb-warning']")
    assert bool(warned) == (standing in {"ending", "over"})
    if standing in {"ending", "over"}:
        assert editor.get(LIST).tree.xpath(
            f"//*[@class='kb-warning']//a[contains(@href, '{standing}')]"
        )


def test_a_long_list_goes_on(editor: Visitor) -> None:
    """Fifty on a page; by its link one comes to all of them, each once."""
    sight, seen = editor.get(LIST), []
    while True:
        seen += sight.tree.xpath("//ul/li/h2/a/@href")
        onward: list[Any] = sight.tree.xpath("//a[@rel='next']/@href")
        if not onward:
            break
        sight = editor.get(onward[0])
    assert len(seen) == len(set(seen)) > 50


@pytest.mark.parametrize(
    "query", ["q=%25", "q=_", "q=%00", "standing=all", "before=-1", "before=x"]
)
def test_odd_searches(editor: Visitor, query: str) -> None:
    """A sign of SQL's is a sign; what cannot be asked for is left out."""
    assert editor.get(f"{LIST}?{query}").reply.status == 200


def test_in_english(editor: Visitor) -> None:
    """Every page has its English words; entries stay as they were written, and say so."""
    path = _add(editor, question="花箱有补贴吗")
    for page, words in (
        (LIST, "Knowledge base"), (f"{LIST}/new", "New entry"), (path, "Edit an entry"),
        (f"{path}/history", "History of an entry"),
    ):  # fmt: skip
        assert words in editor.get(f"{page}?lang=en").text("//h1")
    assert editor.get(path).tree.xpath("//h1")[0].text_content() == "Edit an entry"
    editor.get(f"{LIST}?lang=zh")


def test_who_has_lost_the_session_loses_no_more(console: Served) -> None:
    """A form sent after signing out changes nothing, and one is asked to sign in."""
    editor = signed_in(console, Role.KNOWLEDGE_EDITOR)
    path = _add(editor, question="花箱谁来浇水")
    fields = {**editor.get(path).fields(path), "answer": "物业。"}
    editor.fill(path, "/agent/sign-out")
    assert editor.post(path, fields).path.startswith("/agent/sign-in")
