"""What holds of every page: headers, languages, sizes, and hostile words that stay words."""

import gzip
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.phrases import as_printed
from gateway.web.pages.words import KINDS, NOTICES, STATUSES, TOPICS_EN, sentence
from gateway.web.routes import PAGES
from tests.web.test_appeal_page import sign_in
from tests.web.test_form_page import FORM
from tests.web.test_odd_words import decided
from tests.web.visitor import Sight, Visitor
from tests.web.wire import Served, assert_problem
from triage.decision import Kind

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEAVIEST = 250_000
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</textarea></title></p><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;&#x3C;script&#x3E;",
    "\u202e<b>\u2028\u0000",
)


@pytest.fixture
def visitor(served: Served) -> Visitor:
    """Somebody who has never been here."""
    return Visitor(served)


def every_page(served: Served, visitor: Visitor, text: str = "楼道里堆满了旧家具") -> list[Sight]:
    """One of each: the form empty and faulty, receipt, chat, sign-in, an appeal, trouble."""
    asked = visitor.get("/appeal")
    faulty = visitor.fill("/", FORM, text=" ")
    filed = visitor.fill("/", FORM, text=text)
    assert filed.path == "/receipt"
    visitor.fill("/chat", "/chat", text=text)
    paths = ("/", "/chat", "/appeal", "/nowhere")
    return [asked, faulty, filed, *(visitor.get(path) for path in paths)]


def shape(sight: Sight) -> Counter[str]:
    """How many elements and attributes of each name a page has."""
    found: Counter[str] = Counter()
    for item in sight.tree.iter():
        if isinstance(item.tag, str):
            found[item.tag] += 1
            found.update(f"{item.tag}@{name}" for name in item.attrib)
    return found


def test_headers_of_pages(served: Served, visitor: Visitor) -> None:
    """Every page has the strict policy, is kept by no cache, and asks for nothing foreign."""
    for sight in every_page(served, visitor):
        headers = sight.reply.headers
        assert headers["content-security-policy"] == POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert not sight.tree.xpath("//style | //script[not(@src)] | //@style | //iframe")
        assert not [name for name in shape(sight) if re.search(r"@(on|hx-on)", name)]
        for address in sight.tree.xpath("//@src | //link/@href | //form/@action | //a/@href"):
            assert re.match(r"/(?!/)|#|tel:1", address), address


def test_api_headers_stay_as_they_are(served: Served) -> None:
    """What is no page has the policy that lets nothing load at all."""
    headers = served.call("GET", "/healthz").headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"


def test_forms_carry_their_token(served: Served, visitor: Visitor) -> None:
    """There is no form without the field that is checked, and none that is sent by GET."""
    for sight in every_page(served, visitor):
        for form in sight.tree.xpath("//form"):
            assert form.get("method") == "post"
            assert form.xpath(".//input[@name='form_token']/@value")


@pytest.mark.parametrize(
    "path",
    [re.sub(r"{\w+}", "261128000000000", item.path) for item in PAGES if item.method == "POST"],
)
def test_no_form_is_taken_without_its_token(unchanged: Served, path: str) -> None:
    """Each route that takes a form refuses one that another site could have sent."""
    visitor = Visitor(unchanged)
    visitor.get("/")
    reply = visitor.post(path, {"text": "井盖"}, headers={"Sec-Fetch-Site": "cross-site"}).reply
    # Where there must be a session, there is none: that is told first.
    assert reply.status in {401, 403}


def test_languages(served: Served, visitor: Visitor) -> None:
    """The switch holds for all pages; English pages are English but for what is quoted."""
    assert "提交诉求" in visitor.get("/").text("//h1")
    visitor.get("/?lang=en")
    for sight in every_page(served, visitor):
        assert sight.tree.get("lang") == "en"
        tree = sight.tree
        for quoted in tree.xpath("//*[@lang='zh-CN'] | //*[@class='words'] | //li/p | //input"):
            quoted.getparent().remove(quoted)
        told = tree.text_content().replace("中文", "")
        assert not re.search("[\u4e00-\u9fff]", told), told
    assert visitor.get("/?lang=zh").tree.get("lang") == "zh-CN"
    assert visitor.get("/?lang=xx").tree.get("lang") == "zh-CN"


def test_large_type(served: Served, visitor: Visitor) -> None:
    """The switch is kept, and taken back; both switches lead to the page that one is on."""
    assert visitor.get("/?type=large").tree.get("class") == "large"
    assert visitor.get("/chat").tree.get("class") == "large"
    assert "/chat?type=normal" in visitor.get("/chat").tree.xpath("//a/@href")
    assert visitor.get("/?type=normal").tree.get("class") is None


def test_notices_are_ours(visitor: Visitor) -> None:
    """An address cannot put words on a page, nor send anybody elsewhere."""
    sight = visitor.get("/appeal?done=%3Cscript%3E&next=https://evil.example&lang=//evil.example")
    assert not sight.tree.xpath("//*[@role='status']")
    assert "evil" not in sight.reply.body.decode()


def test_what_is_not_there(served: Served, visitor: Visitor) -> None:
    """People get a page, programs a problem document."""
    sight = visitor.get("/nowhere")
    assert sight.reply.status == 404
    assert "没有内容" in sight.text("//h1")
    assert_problem(served.call("GET", "/nowhere"), 404, "not-found")
    assert_problem(served.call("GET", "/api/v1/uploads"), 405, "method-not-allowed")


def test_assets(served: Served, visitor: Visitor) -> None:
    """Files are kept for ever under the name of their content, and no other name has them."""
    [*paths] = visitor.get("/receipt").tree.xpath("//link/@href | //script/@src")
    paths += visitor.fill("/", FORM, text="井盖坏了").tree.xpath("//link/@href | //script/@src")
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for path in set(paths):
        plain = served.call("GET", path)
        assert plain.status == 200
        assert "immutable" in plain.headers["cache-control"]
        assert plain.headers["content-type"].startswith(kinds[path.rpartition(".")[2]])
        packed = served.call("GET", path, headers={"Accept-Encoding": "gzip, br"})
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        name = path.rpartition("/")[2]
        assert served.call("GET", f"/assets/{'0' * 16}/{name}").status == 404
    assert {"pico.css", "pages.css", "htmx.js"} <= {path.rpartition("/")[2] for path in paths}


def test_weight(served: Served, visitor: Visitor) -> None:
    """No page weighs more than 250 KB with all that it loads, unpacked."""
    for sight in every_page(served, visitor):
        parts = set(sight.tree.xpath("//link/@href | //script/@src"))
        sizes = [len(served.call("GET", part).body) for part in parts]
        assert len(sight.reply.body) + sum(sizes) < HEAVIEST


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_stay_words(served: Served, hostile: str) -> None:
    """In every field, shown again on every page, they add no element and no attribute."""
    visible = hostile.replace("\u0000", "")
    benign = "w" * len(visible)
    fields = {"address": 201, "name": 201, "phone": 201, "text": 1}
    shapes = []
    for words in (benign, visible):
        visitor = Visitor(served)
        given = {name: words.ljust(size, "x") for name, size in fields.items()}
        pages = [visitor.fill("/", FORM, **given)]
        assert pages[0].reply.status == 422
        assert pages[0].fields(FORM)["name"] == given["name"]
        receipt = served.file(f"{words} 楼道里堆满了旧家具")
        decided(served, receipt["ticket_id"])
        pages.append(visitor.fill("/appeal", "/appeal/sign-in", number=words, code=words))
        pages.append(sign_in(visitor, receipt))
        assert words.split()[0] in pages[-1].text()
        pages.append(visitor.fill("/appeal", "/appeal/additions", text=words, uploads=words))
        pages.append(visitor.fill("/chat", "/chat", text=words + "\n楼道里堆满了旧家具"))
        shapes.append([shape(page) for page in pages])
    for before, after in zip(*shapes, strict=True):
        for name in ("script", "img", "svg", "b", "iframe", "a", "form", "input", "textarea"):
            assert before[name] == after[name], name
        assert not [name for name in after if "@on" in name]


WRITTEN = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=60
)


@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=WRITTEN, address=WRITTEN)
def test_whatever_was_typed_is_there_again(served: Served, text: str, address: str) -> None:
    """A form that is shown again holds what was typed, character by character, and no more."""
    visitor = Visitor(served)
    sight = visitor.fill("/", FORM, text=text, address=address, name="林" * 201)
    kept = sight.fields(FORM)
    assert (kept["text"], kept["address"]) == (text, address)
    assert shape(sight)["input"] == 8
    assert shape(sight)["textarea"] == 1


def test_every_word_of_the_machine_is_translated() -> None:
    """Statuses, kinds and notices have a Chinese and an English name; topics an English one."""
    assert set(KINDS) == set(Kind)
    for chinese, english in (*STATUSES.values(), *KINDS.values(), *NOTICES.values()):
        assert re.search("[\u4e00-\u9fff]", chinese)
        assert english.isascii()
    assert len(TOPICS_EN) == 15


def test_remedies_are_set_as_their_language_is() -> None:
    """Chinese has its own punctuation, English its capital; numbers and codes stay as they are."""
    assert as_printed("请重试,谢谢;共 1,000 件") == "请重试\uff0c谢谢\uff1b共 1,000 件"
    assert sentence("wait, then try 1:2") == "Wait, then try 1:2"
    assert as_printed("(共 15 位)a: (b)") == "\uff08共 15 位\uff09a: (b)"
    assert sentence("") == ""
