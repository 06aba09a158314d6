"""What is read out of mails, whatever clients make of the standards."""

import random
from datetime import UTC, datetime
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import channels.mail.adapter as mail
from channels.channel import Reply, WireRequest
from channels.errors import ChannelError, NotAnAppeal, ReplyRefused, Unparsable
from channels.mail.adapter import MailChannel
from channels.mail.charsets import decode
from channels.mail.headers import read_mail, words
from channels.mail.pages import words_of_page
from channels.mail.quotes import without_history
from channels.mail.sending import SUBJECT, Answered, compose
from channels.mail.servers import read_server
from channels.mail.threads import adds_to, our_id
from channels.message import Message

PAYLOADS = sorted((Path(mail.__file__).parent / "payloads").glob("*.eml"))
HOTLINE = "hotline@12345.example"
DOMAIN = "12345.example"
SMTP = read_server("smtp", "smtp://127.0.0.1:25")
CHANNEL = MailChannel(HOTLINE, listen=None, imap=None, smtp=SMTP, max_text=1000)


def parsed(*lines: str, body: str | bytes = "路灯不亮", sender: str = "a@b.example") -> Message:
    """Return the message of a mail with these headers."""
    head = "\r\n".join([f"From: {sender}", *lines, "", ""]).encode("utf-8", "surrogateescape")
    content = body if isinstance(body, bytes) else body.encode()
    [found] = CHANNEL.parse(WireRequest({}, head + content))
    return found


DECLARED = {
    "GBK under the name of GB 2312": ("镕基", "gbk", "gb2312"),
    "GB18030 under the name of GBK": ("㐂宴", "gb18030", "GBK"),
    "Outlook's name of GBK": ("路灯", "gbk", "x-gbk"),
    "Big5": ("路燈", "big5", "big5"),
    "Hong Kong's Big5": ("深水埗", "big5hkscs", "big5"),
    "UTF-8": ("路灯🚰", "utf-8", "UTF-8"),
    "GBK under the name of UTF-8": ("路灯不亮", "gbk", "utf-8"),
    "UTF-8 under the name of GBK, which it cannot be": ("路灯。", "utf-8", "gb2312"),
    "GBK without a name": ("路灯不亮", "gbk", None),
    "GBK under the name of ASCII": ("路灯不亮", "gbk", "us-ascii"),
    "GBK under the name of Latin-1": ("路灯不亮", "gbk", "iso-8859-1"),
    "Latin-1 itself": ("in München, l'été", "latin-1", "iso-8859-1"),
    "an unknown name": ("路灯", "utf-8", "x-nobody-knows"),
    "a codec that is no charset": ("路灯", "utf-8", "zip"),
}


@pytest.mark.parametrize("name", DECLARED)
def test_charsets(name: str) -> None:
    """Words come out as they were written, also where their charset is named wrongly."""
    text, codec, declared = DECLARED[name]
    assert decode(text.encode(codec), declared) == text


@given(st.binary(max_size=300), st.sampled_from(["gbk", "utf-8", "big5", "utf-7", "hz", None, "x"]))
def test_any_bytes_are_words(content: bytes, declared: str | None) -> None:
    """Whatever the bytes, there come words that a database keeps: no NUL, no lone surrogate."""
    text = decode(content, declared)
    assert "\0" not in text
    text.encode()


HEADERS = {
    "one word in two": ("=?GBK?Q?=C2=B7=B5?= =?GBK?Q?=C6=B2=BB=C1=C1?=", "路灯不亮"),
    "folded": ("=?UTF-8?B?6Lev54Gv?=\r\n =?UTF-8?B?5LiN5Lqu?=", "路灯不亮"),
    "beside plain words": ("Re: =?gb2312?B?wre1xg==?= (2)", "Re: 路灯 (2)"),
    "no base64": ("=?gbk?B?!!!?=", "=?gbk?B?!!!?="),
    "cut base64": ("=?gbk?B?wre1x?=", "=?gbk?B?wre1x?="),
    "raw GBK": ("路灯".encode("gbk").decode("ascii", "surrogateescape"), "路灯"),
    "raw UTF-8": ("路灯".encode().decode("ascii", "surrogateescape"), "路灯"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name: str) -> None:
    """Subjects are read as RFC 2047 has them, and as clients send them that do not know it."""
    value, told = HEADERS[name]
    assert words(value.replace("\r\n", "")) == told
    assert parsed(f"Subject: {value}", body="在北门").text == f"{told}\n在北门"


PAGES = {
    "inline tags": ("车库<b>积水</b>，<i>很深</i>", "车库积水，很深"),
    "blocks": ("<div>一</div><p>二<br>三</p>", "一\n二\n三"),
    "cells": ("<table><tr><td>门</td><td>东</td></tr></table>", "门 东"),
    "what is not shown": ("<style>p{}</style><title>标题</title><script>1<2</script>灯", "灯"),
    "entities": ("&#36335;&nbsp;&lt;b&gt;", "路 <b>"),
    "another charset declared": ("<meta charset=gb2312>路灯", "路灯"),
    "deep nesting": ("<div>" * 3000 + "灯", "灯"),
    "open tags": ("<b>路<div>灯", "路\n灯"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", PAGES)
def test_html(name: str) -> None:
    """HTML is read line by line as it is shown."""
    page, told = PAGES[name]
    assert words_of_page(page) == told


def test_html_where_plain_text_is_empty() -> None:
    """Of several forms the plain one is read, unless it says nothing; a footer is no form."""
    page, plain = MIMEText("<p>网页</p>", "html", "utf-8"), MIMEText("文本", "plain", "utf-8")
    empty, footer = MIMEText(" ", "plain", "utf-8"), MIMEText("群发", "plain", "utf-8")
    head = "Content-Type: multipart/{}; boundary=x"

    def body(*parts: MIMEText) -> bytes:
        return b"".join(b"--x\r\n" + part.as_bytes() + b"\r\n" for part in parts) + b"--x--"

    assert parsed(head.format("alternative"), body=body(page, plain)).text == "文本"
    assert parsed(head.format("alternative"), body=body(empty, page)).text == "网页"
    assert parsed(head.format("mixed"), body=body(page, footer)).text == "网页\n\n群发"


QUOTED = {
    "QQ": "灯又灭了\n\n------------------ 原始邮件 ------------------\n发件人: x\n旧",
    "QQ on a phone": "灯又灭了\n\n---Original---\nFrom: x\n旧",
    "NetEase": '灯又灭了\n\nAt 2026-11-20 08:00:00, "x" <a@b.example> wrote:\n旧',
    "NetEase on a phone": "灯又灭了\n\n---- 回复的原邮件 ----\n| 发件人 | x |\n旧",
    "Outlook": "灯又灭了\n________________\n发件人: x <a@b.example>\n发送时间: 2026\n旧",
    "Outlook in English": "灯又灭了\n\nFrom: x\nSent: Monday\nTo: y\n旧",
    "Foxmail": "灯又灭了\n \n发件人： x\n发送时间： 2026-11-20 08:00\n收件人： y\n旧",
    "Gmail": "灯又灭了\n\nOn Fri, Nov 20, 2026 at 8:00 AM x <\na@b.example> wrote:\n\n> 旧",
    "Gmail in Chinese": "灯又灭了\n\nx <a@b.example> 于2026年11月20日周五 08:00写道：\n\n> 旧",
    "Apple": "灯又灭了\n\n> 2026年11月20日 08:00，x <a@b.example> 写道：\n> \n> 旧",
    "a ruled line": "灯又灭了\n-----原始邮件-----\n旧",
    "between the lines": "> 旧\n灯又灭了\n> 更旧",
}


@pytest.mark.parametrize("name", QUOTED)
def test_quoted_history(name: str) -> None:
    """What a client quotes below or between the citizen's own words is cut off."""
    assert without_history(QUOTED[name]) == "灯又灭了"


UNQUOTED = [
    "物业在通知里写道：\n明天停水",
    "发件人：我家邻居\n他也投诉过",
    "> 全是引用\n> 没有别的",
    "------------------ 原始邮件 ------------------\n只有旧的",
    "他2026年写道：没人管",
]


@pytest.mark.parametrize("text", UNQUOTED)
def test_what_only_looks_like_history(text: str) -> None:
    """A citizen's own words stay, and all of them where nothing else would be left."""
    assert without_history(text) == text


def test_history_is_cut_from_answers_only() -> None:
    """A forwarded mail is what the citizen wants to tell; so is what answers somebody else."""
    history = "请看\n\n------------------ 原始邮件 ------------------\n物业: 不管"
    assert parsed("Subject: =?utf-8?B?6L2s5Y+R?=: x", body=history).text.endswith("物业: 不管")
    assert parsed("Subject: Re: x", body=history).text.endswith("物业: 不管")
    assert parsed("Subject: Re: x", "References: <1@b.example>", body=history).text == "请看"


def test_threads() -> None:
    """A mail adds to the one that ours answered, else to the one that began the thread."""
    ours = our_id("k" * 32, "<first@b.example>", DOMAIN)
    for headers, key in {
        f"In-Reply-To: {ours}": "<first@b.example>",
        f"References: <other@c.example> <first@b.example> {ours}": "<first@b.example>",
        "References: <root@c.example> <more@c.example>": "<root@c.example>",
        "In-Reply-To: <root@c.example>": "<root@c.example>",
        f"References: <root@c.example> {our_id('k', 'x' * 151, DOMAIN)}": "<root@c.example>",
        f"In-Reply-To: <jiesu.k.!!@{DOMAIN}>": None,
        "In-Reply-To: nonsense": None,
        "X: y": None,
    }.items():
        assert adds_to(read_mail(f"{headers}\r\n\r\n".encode()), DOMAIN) == key, headers
    assert our_id("k" * 32, "<first@b.example>", DOMAIN) == ours


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=150))
def test_what_ours_answered_comes_back(key: str) -> None:
    """Whatever id a citizen's client gave, the answer to ours leads back to it."""
    head = f"In-Reply-To: {our_id('k' * 32, key, DOMAIN)}\r\n\r\n"
    assert adds_to(read_mail(head.encode()), DOMAIN) == (key or None)


def test_ids() -> None:
    """A mail without an id is known by its content, and one that names itself adds to nothing."""
    nameless, again, other = (parsed(body=text) for text in ("一", "一", "二"))
    assert nameless.message_id == again.message_id != other.message_id
    long = parsed(f"Message-ID: <{'x' * 300}@b.example>")
    assert len(long.message_id or "") < 200
    circle = parsed("Message-ID: <1@b.example>", "References: <1@b.example>")
    assert circle.edits is None


DATES = {
    "Thu, 26 Nov 2026 20:15:00 +0800": datetime(2026, 11, 26, 12, 15, tzinfo=UTC),
    "26 Nov 2026 20:15 +0800 (CST)": datetime(2026, 11, 26, 12, 15, tzinfo=UTC),
    "Thu, 26 Nov 2026 20:15:00 -0000": None,
    "Thu, 26 Nov 1970 20:15:00 +0800": None,
    "Thu, 26 Nov 9999 23:15:00 -1200": None,
    "yesterday": None,
    "": None,
}


@pytest.mark.parametrize("date", DATES)
def test_dates(date: str) -> None:
    """When it was sent is known in UTC, or not at all."""
    assert parsed(f"Date: {date}").sent_at == DATES[date]


PEOPLE = {
    "王小明 <w@b.example>": ("王小明", "w@b.example"),
    '"=?gb18030?B?zfXQocP3?=" <w@b.example>': ("王小明", "w@b.example"),
    "w@b.example": (None, "w@b.example"),
    "a@b@c <w@b.example>, other@b.example": (None, "w@b.example"),
    "nobody": None,
    "<w@b.example\x00>": None,
    "undisclosed:;": None,
}


@pytest.mark.parametrize("sender", PEOPLE)
def test_reporters(sender: str) -> None:
    """The sender is the reporter, where they can be written to; else the appeal is anonymous."""
    message = parsed(sender=sender)
    found = message.reporter
    assert (found and (found.name, found.email)) == PEOPLE[sender]
    assert (message.reply_to is None) == (found is None)


def test_long_text_becomes_a_file() -> None:
    """Nothing of a mail is lost that is longer than an appeal may be."""
    message = parsed(body="灯" * 1001)
    assert message.text == "灯" * 1000
    [whole] = message.parts
    assert whole.content.decode() == "灯" * 1001


def test_files() -> None:
    """Whatever is not the mail's words is a file: without a name it gets one."""
    image = "Content-Type: image/png\r\nContent-ID: <logo>\r\n\r\nPNG"
    inner = "Content-Type: message/rfc822\r\n\r\nSubject: 物业的信\r\nX: y\r\n\r\n不管"
    empty = "Content-Type: image/gif\r\nContent-Disposition: attachment\r\n\r\n"
    body = "".join(f"--x\r\n{part}\r\n" for part in ("\r\n灯", image, inner, empty)) + "--x--"
    message = parsed("Content-Type: multipart/mixed; boundary=x", body=body)
    assert message.text == "灯"
    assert [part.name for part in message.parts] == ["1.png", "物业的信.eml"]
    assert "不管".encode() in message.parts[1].content


def test_the_same_bytes_give_the_same_message() -> None:
    """A mail that is parsed again gives the message that it gave before."""
    for path in PAYLOADS:
        request = WireRequest({}, path.read_bytes())
        try:
            assert CHANNEL.parse(request) == CHANNEL.parse(request)
        except (NotAnAppeal, Unparsable):
            continue


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PAYLOADS), st.integers(0, 2**32), st.binary(max_size=40))
def test_broken_mails(path: Path, seed: int, noise: bytes) -> None:
    """A mail with damage anywhere is read or refused, and never fails in another way."""
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(content))
        content[start : start + chance.randint(0, 30)] = noise
        content += b"-"
    try:
        [message] = CHANNEL.parse(WireRequest({}, bytes(content)))
    except ChannelError:
        return
    assert message.text.strip() or message.parts
    assert "\0" not in message.text
    message.text.encode()
    assert message.message_id
    assert len(message.message_id) <= 200
    if message.reply_to is not None:
        reply = Reply("k" * 32, message.reply_to, "您的诉求已受理")
        compose(reply, Answered.model_validate_json(message.reply_to), HOTLINE)


def test_replies_keep_to_the_line() -> None:
    """However long the thread, no line of a reply is longer than servers take."""
    references = [f"<{'r' * 190}{n}@b.example>" for n in range(50)]
    answered = Answered.of("a@b.example", "<last@b.example>", references)
    sent = compose(Reply("k" * 32, answered.sealed_form(), "好"), answered, HOTLINE)
    assert max(map(len, sent.split(b"\r\n"))) <= 998
    found = read_mail(sent)
    kept = str(found["References"]).split()
    assert kept[0] == references[0]
    assert kept[-1] == "<last@b.example>" == found["In-Reply-To"]
    assert words(str(found["Subject"])) == SUBJECT


async def test_no_way_to_reply() -> None:
    """Without a server to send by, no mail says where to answer, and none is sent."""
    silent = MailChannel(HOTLINE, listen=None, imap=None, smtp=None, max_text=1000)
    [message] = silent.parse(WireRequest({}, PAYLOADS[-2].read_bytes()))
    assert message.reply_to is None
    with pytest.raises(ReplyRefused):
        await silent.send(Reply("k", "{}", "好"))


WRONG = [
    ("imap", "http://user:secret@mail.example"),
    ("imap", "imaps://user:secret@mail.example:port"),
    ("imap", "imaps://user:secret@[mail.example"),
    ("imap", "imap://user:secret@mail.example"),
    ("imap", "imaps://user@mail.example"),
    ("imap", "imaps://user:secret%C3%BC@mail.example"),
    ("smtp", "secret"),
    ("smtp", "smtp://secret@"),
]


@pytest.mark.parametrize(("protocol", "url"), WRONG)
def test_wrong_servers(protocol: str, url: str) -> None:
    """A URL that cannot be used is refused with a sentence that quotes nothing of it."""
    with pytest.raises(ValueError, match=r"\w+ \w+") as caught:
        read_server(protocol, url)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_servers() -> None:
    """Ports follow from the scheme; what stands in URLs escaped is unescaped."""
    found = read_server("imap", "imaps://who%40b.example:pass%2Fword@mail.example/Archive/12345")
    assert (found.port, found.tls, found.folder) == (993, True, "Archive/12345")
    assert (found.user, found.password) == ("who@b.example", "pass/word")
    assert "pass/word" not in repr(found)
    assert read_server("smtp", "smtp://mail.example").port == 587
    assert read_server("smtp", "smtps://mail.example").port == 465
