"""WeChat, sealed and in plain, and WeCom over gateways that run: one contract for all three."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from channels.phrases import GREETING
from channels.tencent_channel import UNREADABLE
from tests.channels.tencent import (
    AES_KEY,
    APP,
    COMPANY,
    SECRET,
    TOKEN,
    Platform,
    Vendor,
    message,
    platform_serving,
    sealed,
    signed,
    wechat_account,
    wecom_account,
)
from tests.web.test_odd_words import decided
from tests.web.wire import Served, assert_problem, serving

MODES = ("wechat in plain", "wechat sealed", "wecom")
EMERGENCY = "我家厨房有很浓的煤气味,丰台区方庄芳古园一区"


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """Both platforms' API."""
    with platform_serving() as found:
        yield found


@pytest.fixture(scope="module")
def gateways(platform: Platform) -> Iterator[dict[str, Served]]:
    """A gateway with everything sealed, and one whose Official Account sends in plain."""
    safe = {
        "JIESU_WECHAT": json.dumps(wechat_account(platform.url)),
        "JIESU_WECOM": json.dumps(wecom_account(platform.url)),
    }
    plain = {"JIESU_WECHAT": json.dumps(wechat_account(platform.url, plain=True))}
    with (
        serving(accounts=True, JIESU_BODY_TIMEOUT="1", **safe) as one,
        serving(accounts=True, JIESU_BODY_TIMEOUT="1", **plain) as other,
    ):
        yield {"wechat sealed": one, "wecom": one, "wechat in plain": other}


@pytest.fixture(params=MODES)
def vendor(
    request: pytest.FixtureRequest, gateways: dict[str, Served], platform: Platform
) -> Vendor:
    """Each of the three in turn."""
    served = gateways[request.param]
    if request.param == "wecom":
        return Vendor(served, platform, "wecom", COMPANY, seals_echo=True)
    return Vendor(served, platform, "wechat", APP, seals=request.param == "wechat sealed")


def somebody() -> str:
    """Return the id of a citizen who has not written before."""
    return f"o{uuid.uuid4().hex}"


def told(vendor: Vendor, body: bytes) -> str:
    """Return what the citizen reads at once."""
    fields = vendor.read(vendor.post(body))
    assert fields["MsgType"] == "text"
    return fields["Content"]


def ticket_of(text: str) -> str:
    """Return the number in a receipt, as the API takes it."""
    return text.split("工单号 ")[1].split("，", maxsplit=1)[0].replace("-", "")


def eventually(found: Callable[[], Any]) -> Any:
    """Return what is found, as soon as it is."""
    deadline = time.monotonic() + 30
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return result


def messages_to(platform: Platform, citizen: str) -> list[dict[str, Any]]:
    """Return what was sent to this citizen."""
    return [item for item in platform.sent if item["touser"] == citizen]


def test_the_address_is_proved(vendor: Vendor) -> None:
    """The platform hears its own words back, in plain, and nobody else does."""
    reply = vendor.prove("5172841094032")
    assert (reply.status, reply.body) == (200, b"5172841094032")
    assert reply.headers["content-type"].startswith("text/plain")
    forged = {"signature": "0" * 40, "msg_signature": "0" * 40}
    assert_problem(vendor.prove(**forged), 401, "bad-signature")
    assert_problem(vendor.prove(timestamp="1"), 401, "bad-signature")


def test_text(vendor: Vendor) -> None:
    """A text is a ticket; who wrote it reads number and query code within the answer."""
    citizen = somebody()
    fields = vendor.read(vendor.post(message("text", citizen, Content="海淀区学院路路灯不亮")))
    assert (fields["ToUserName"], fields["FromUserName"]) == (citizen, "gh_0123456789ab")
    number = ticket_of(fields["Content"])
    code = fields["Content"].split("查询码 ")[1].split("。")[0]
    assert decided(vendor.served, number)["messages"][0]["text"] == "海淀区学院路路灯不亮"
    status = vendor.served.call(
        "GET", f"/api/v1/appeals/{number}", headers={"Authorization": f"Bearer {code}"}
    )
    assert status.status == 200
    assert status.document["number"] in fields["Content"], (
        "the number is grouped as it is elsewhere"
    )


def test_same_message_again(vendor: Vendor) -> None:
    """The platform tries three times: one ticket, one message, the same receipt each time."""
    body = message("text", somebody(), Content="楼下烧烤店油烟太大")
    before = vendor.served.rows()
    receipts = {told(vendor, body) for _ in range(3)}
    assert len(receipts) == 1
    after = vendor.served.rows()
    assert after["tickets"] == before["tickets"] + 1
    assert after["messages"] == before["messages"] + 1


def test_conversation(vendor: Vendor) -> None:
    """What follows is added to the matter, until the citizen says that it is another one."""
    citizen = somebody()
    first = told(vendor, message("text", citizen, Content="小区垃圾三天没有人清运"))
    second = told(vendor, message("text", citizen, Content="补充:是二号楼西侧"))
    third = told(vendor, message("text", citizen, Content="新诉求:地铁口的电梯坏了"))
    other = told(vendor, message("text", somebody(), Content="我也要反映垃圾清运"))
    assert ticket_of(first) == ticket_of(second)
    assert "已补充" in str(second)
    assert len({ticket_of(text) for text in (first, third, other)}) == 3
    texts = [item["text"] for item in decided(vendor.served, ticket_of(third))["messages"]]
    assert texts == ["地铁口的电梯坏了"]


def test_media(vendor: Vendor) -> None:
    """A picture without words is a ticket too, with its medium to be fetched."""
    citizen = somebody()
    number = ticket_of(told(vendor, message("image", citizen, MediaId="p1", PicUrl="http://x/")))
    heard = {"MediaId": "v1", "Format": "amr", "Recognition": "楼上漏水"}
    assert ticket_of(told(vendor, message("voice", citizen, **heard))) == number
    assert ticket_of(told(vendor, message("video", citizen, MediaId="v2"))) == number
    media = _media(vendor.served, number)
    assert [row["masked_text"] for row in media] == [None, "楼上漏水", None]
    assert all(row["sealed_reference"] and row["channel"] == vendor.channel for row in media)


def _media(served: Served, number: str) -> list[dict[str, Any]]:
    database = f"file:{served.process.folder}/jiesu.sqlite3?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "SELECT channel, masked_text, sealed_reference FROM media WHERE ticket_id = ? "
            "ORDER BY number",
            [number],
        )
        return [dict(row) for row in rows]


def test_location(vendor: Vendor) -> None:
    """A place is where the matter lies, in the coordinates of the world."""
    where = {"Location_X": "39.913345", "Location_Y": "116.384047", "Scale": 16, "Label": "府右街"}
    number = ticket_of(told(vendor, message("location", somebody(), **where)))
    place = decided(vendor.served, number)["messages"][0]["place"]
    assert place["address"] == "府右街"
    assert place["longitude"] == pytest.approx(116.377817, abs=1e-5)
    assert place["latitude"] == pytest.approx(39.911954, abs=1e-5)


def test_events(vendor: Vendor) -> None:
    """Who begins to follow us is greeted; any other event is answered with nothing to show."""
    before = vendor.served.rows()
    subscribe = message("event", somebody(), Event="subscribe", EventKey="")
    assert told(vendor, subscribe) == GREETING
    reply = vendor.post(message("event", somebody(), Event="unsubscribe"))
    silence = b"" if vendor.channel == "wecom" else b"success"
    assert (reply.status, reply.body) == (200, silence)
    assert vendor.served.rows() == before


BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
) + message("text", "o1", Content="ENTITY").replace(b"ENTITY", b"&c;")
BROKEN = {
    "no XML": b"text=hello",
    "nothing": b"",
    "cut": message("text", "o1", Content="a")[:-3],
    "a document type": BOMB,
    "an encoding that nobody knows": b"<?xml version='1.0' encoding='nonsense'?><xml/>",
    "no sender": b"<xml><MsgType>text</MsgType><Content>a</Content><MsgId>1</MsgId></xml>",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(vendor: Vendor, name: str) -> None:
    """What cannot be read lies in quarantine and is answered 200; the next one gets through."""
    before = vendor.served.rows()
    reply = vendor.post(BROKEN[name])
    assert (reply.status, reply.body) == (200, b"" if vendor.channel == "wecom" else b"success")
    after = vendor.served.rows()
    assert after["quarantine"] == before["quarantine"] + 1
    assert after["tickets"] == before["tickets"]
    assert told(vendor, message("text", somebody(), Content="路口积水"))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("text", {}), ("text", {"Content": " "}),
        ("text", {"Content": "【收到不支持的消息类型,暂无法显示】"}),
        ("image", {}), ("voice", {"MediaId": "v", "Format": "../etc"}), ("sticker", {}),
        ("location", {"Location_X": "91", "Location_Y": "116"}),
        ("location", {"Location_X": "nan", "Location_Y": "116"}),
        ("text", {"Content": "a", "CreateTime": "yesterday"}), ("link", {}),
    ],
)  # fmt: skip
def test_unreadable(vendor: Vendor, kind: str, fields: dict[str, str]) -> None:
    """Where the sender is known they are asked to say it in words, and the message is kept."""
    before = vendor.served.rows()
    assert told(vendor, message(kind, somebody(), **fields)) == UNREADABLE
    assert vendor.served.rows()["quarantine"] == before["quarantine"] + 1


def test_too_large(vendor: Vendor) -> None:
    """What is larger than anything a citizen can write is not even read."""
    before = vendor.served.rows()["tickets"]
    reply = vendor.post(message("text", somebody(), Content="a" * 70_000))
    assert reply.status == (401 if vendor.seals else 200)
    assert vendor.served.rows()["tickets"] == before


FORGED: dict[str, dict[str, str]] = {
    "wrong": {"signature": "0" * 40, "msg_signature": "0" * 40},
    "missing": {"signature": "", "msg_signature": ""},
    "in another alphabet": {"signature": "ü" * 40, "msg_signature": "ü" * 40},
    "for another time": {"timestamp": str(int(time.time()) + 1)},
    "for another nonce": {"nonce": "other"},
}


@pytest.mark.parametrize("name", FORGED)
def test_forged(vendor: Vendor, name: str) -> None:
    """What the platform has not signed is refused, and nothing is kept of it."""
    before = vendor.served.rows()
    reply = vendor.post(message("text", somebody(), Content="a"), FORGED[name])
    assert_problem(reply, 401, "bad-signature")
    assert vendor.served.rows() == before


@pytest.mark.parametrize("age", [330, -330])
def test_too_old(vendor: Vendor, age: float) -> None:
    """A request of another time is refused although its signature is right."""
    reply = vendor.post(message("text", somebody(), Content="a"), age=age)
    assert_problem(reply, 401, "bad-signature")


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "٣", "9" * 40, "1e9"])
def test_signed_nonsense_as_time(vendor: Vendor, timestamp: str) -> None:
    """A timestamp that is none is refused although it was signed."""
    packet = sealed(AES_KEY, message("text", "o1", Content="a"), vendor.receiver)
    query = {
        "timestamp": timestamp, "nonce": "n", "signature": signed(timestamp, "n"),
        "msg_signature": signed(timestamp, "n", packet),
    }  # fmt: skip
    body = f"<xml><Encrypt>{packet}</Encrypt></xml>".encode()
    assert_problem(vendor.send("POST", query, body), 401, "bad-signature")


def test_reply_after_dispatch(vendor: Vendor) -> None:
    """An emergency is dispatched at once, and the citizen told so where they wrote."""
    citizen = somebody()
    number = ticket_of(receipt := told(vendor, message("text", citizen, Content=EMERGENCY)))
    found = eventually(
        lambda: [
            item
            for item in messages_to(vendor.platform, citizen)
            if "已派至" in item["text"]["content"]
        ]
    )
    assert len(found) == 1
    assert receipt.split("工单号 ")[1].split("，")[0] in found[0]["text"]["content"]
    first = messages_to(vendor.platform, citizen)[0]["text"]["content"]
    assert first.startswith("请先确保安全，立即拨打 119")
    assert decided(vendor.served, number)["tier"] == "emergency"
    if vendor.channel == "wecom":
        assert found[0]["path"] == "/cgi-bin/message/send"
        assert (found[0]["agentid"], found[0]["enable_duplicate_check"]) == (1000002, 1)
    else:
        assert found[0]["path"] == "/cgi-bin/message/custom/send"


@pytest.mark.parametrize("failure", [-1, 503])
def test_reply_that_fails(vendor: Vendor, failure: int) -> None:
    """A reply that the platform does not take now is sent again, and arrives once."""
    citizen = somebody()
    vendor.platform.expire()
    vendor.platform.failures_of[citizen] = [failure]
    told(vendor, message("text", citizen, Content=EMERGENCY))
    found = eventually(lambda: messages_to(vendor.platform, citizen))
    assert vendor.platform.failures_of[citizen] == []
    texts = [item["text"]["content"] for item in found]
    assert len(texts) == len(set(texts))


def test_reply_that_is_refused(vendor: Vendor) -> None:
    """A citizen who cannot be told is not told again and again, and it is noted why."""
    since, citizen = vendor.served.logged(), somebody()
    vendor.platform.failures_of[citizen] = [40003]
    number = ticket_of(told(vendor, message("text", citizen, Content=EMERGENCY)))
    line = eventually(
        lambda: [
            item
            for item in vendor.served.log(since).splitlines()
            if "a reply was not sent" in item and number in item
        ]
    )
    assert "errcode 40003" in line[0]


def test_nothing_secret_is_logged(vendor: Vendor) -> None:
    """Neither tokens nor secrets nor words stand in what these gateways have logged so far."""
    log = vendor.served.log()
    for secret in ("access-token", TOKEN, SECRET, AES_KEY, "煤气味"):
        assert secret not in log


@pytest.mark.parametrize("mode", ["wechat sealed", "wecom"])
def test_plain_where_sealed_is_agreed(
    gateways: dict[str, Served], platform: Platform, mode: str
) -> None:
    """Who can sign time and nonce only, having seen it once in plain, is not believed."""
    channel = mode.split(maxsplit=1)[0]
    plain = Vendor(gateways[mode], platform, channel, APP, seals=False)
    reply = plain.post(message("text", somebody(), Content="a"))
    assert_problem(reply, 401, "bad-signature")


def test_for_another_company(gateways: dict[str, Served], platform: Platform) -> None:
    """What is sealed for another company is genuine, perhaps, but not ours to read."""
    vendor = Vendor(gateways["wecom"], platform, "wecom", "ww0000000000000000", seals_echo=True)
    assert_problem(vendor.prove(), 401, "bad-signature")
    before = vendor.served.rows()
    assert vendor.post(message("text", somebody(), Content="a")).body == b""
    assert vendor.served.rows()["quarantine"] == before["quarantine"] + 1


def test_replay(platform: Platform) -> None:
    """What was sealed by a key that we had wrongly is read once the key is mended."""
    account = wecom_account(platform.url)
    wrong = {**account, "corp_id": "ww0000000000000000"}
    with serving(JIESU_WECOM=json.dumps(wrong)) as served:
        vendor = Vendor(served, platform, "wecom", COMPANY)
        vendor.post(message("text", somebody(), Content="公园长椅坏了"))
        listed = served.process.command("quarantine", "list").stdout
        assert "it is sealed for another app or company" in listed
        served.process.settings["JIESU_WECOM"] = json.dumps(account)
        assert len(served.process.command("quarantine", "replay").stdout.splitlines()) == 1
        assert served.rows()["tickets"] == 1
