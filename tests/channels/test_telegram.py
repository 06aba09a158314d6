"""The Telegram bot, by webhook and by long polling, against a server that speaks the Bot API."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import channels.telegram.adapter as telegram
from channels.channel import Receipt, WireRequest
from channels.errors import MediumGone, Unparsable
from channels.message import Message, Place, RemoteMedium, Reporter
from channels.registry import configured_channels
from channels.telegram.client import BotApiError
from channels.telegram.updates import GREETING, HOW_ANEW, NOT_READ
from gateway.settings import Settings
from tests.channels.bot_api import (
    BLOCKED,
    GATEWAY_DOWN,
    NO_CHAT,
    TOKEN,
    TOO_MANY,
    BotApiServer,
    Refusal,
    bot_api,
    until,
)
from tests.web.test_odd_words import decided
from tests.web.wire import Reply, Served, assert_problem, serving

FOLDER = Path(telegram.__file__).parent
PAYLOADS = {path.stem: path.read_bytes() for path in sorted((FOLDER / "payloads").glob("*.json"))}
PATH = "/channels/telegram"
SECRET = "a-secret-of-the-tests"
_chats = itertools.count(500_000_001)
_updates = itertools.count(1)
_CHANNEL = telegram.TelegramChannel(TOKEN, SECRET, "http://127.0.0.1:9", max_text=4096)


@pytest.fixture(scope="module")
def api() -> Iterator[BotApiServer]:
    """A Bot API server for this file."""
    with bot_api() as server:
        yield server


@pytest.fixture(scope="module")
def posted(api: BotApiServer) -> Iterator[Served]:
    """A gateway that Telegram posts to."""
    settings = {
        "JIESU_TELEGRAM_TOKEN": TOKEN,
        "JIESU_TELEGRAM_SECRET": SECRET,
        "JIESU_TELEGRAM_API": api.url,
    }
    with serving(accounts=True, **settings) as found:
        yield found


def _update(chat: int, **fields: Any) -> dict[str, Any]:
    """Return an update as Telegram sends it: of a new message unless told otherwise."""
    number = next(_updates)
    body = {
        "message_id": number,
        "from": {"id": chat, "is_bot": False, "first_name": "示例"},
        "chat": {"id": chat, "first_name": "示例", "type": "private"},
        "date": 1795766400,
        **fields,
    }
    kind = "edited_message" if "edit_date" in fields else "message"
    return {"update_id": number, kind: body}


def _post(served: Served, update: dict[str, Any] | bytes, secret: str = SECRET) -> Reply:
    return served.call("POST", PATH, update, {telegram.HEADER: secret})


def _accept(served: Served, update: dict[str, Any]) -> None:
    reply = _post(served, update)
    assert (reply.status, reply.document) == (200, {}), reply.body


def _receipts(api: BotApiServer, chat: int, count: int = 1) -> list[str]:
    """Return the tickets of the receipts sent to a chat, once there are that many."""
    texts = until(
        lambda: [text for text in api.sent_to(chat) if "已受理" in text],
        lambda texts: len(texts) >= count,
    )
    assert len(texts) == count
    found = [re.search(r"工单号 ([0-9-]{18})，查询码 [0-9A-Z]{4}(?:-[0-9A-Z]+)+", x) for x in texts]
    return [match[1].replace("-", "") for match in found if match]


def _receipt(api: BotApiServer, chat: int) -> str:
    """Return the ticket of the one receipt that was sent to a chat."""
    [ticket] = _receipts(api, chat)
    return ticket


def _texts(served: Served, ticket: str, count: int) -> list[str]:
    """Return what was said on a ticket, once it is that many messages."""
    found = until(
        lambda: decided(served, ticket)["messages"], lambda messages: len(messages) >= count
    )
    return [item["text"] for item in found]


def _parsed(body: bytes) -> list[Message]:
    return list(_CHANNEL.parse(WireRequest({}, body)))


SAID: dict[str, dict[str, Any]] = {
    "text": {"text": "示例小区3号楼东侧的路灯不亮，已经一个星期了"},
    "photo": {"text": "路面塌陷", "media": [("AgACAgUAAxkBAAIpx", "photo.jpg")]},
    "album_1": {
        "text": "垃圾堆在消防通道上，见三张照片",
        "media": [("AgACAgUAAxkBAAIx1", "photo.jpg")],
        "message_id": "700100200/album/13890000000000001",
    },
    "album_2": {
        "media": [("AgACAgUAAxkBAAIx2", "photo.jpg")],
        "message_id": "700100200/album/13890000000000001",
    },
    "voice": {"media": [("AgACAgUAAxkBAAIv1", "voice.ogg")]},
    "audio": {"media": [("AgACAgUAAxkBAAIa1", "noise.mp3")]},
    "video": {"text": "地铁口积水", "media": [("AgACAgUAAxkBAAId1", "flood.mp4")]},
    "video_note": {"media": [("AgACAgUAAxkBAAIn1", "video_note.mp4")]},
    "animation": {"media": [("AgACAgUAAxkBAAIg1", "lamp.mp4")]},
    "document": {"text": "物业收费通知", "media": [("AgACAgUAAxkBAAIo1", "投诉材料.pdf")]},
    "location": {"place": Place(None, 116.397, 39.908)},
    "venue": {"place": Place("示例路8号 示例市场", 116.378, 39.865)},
    "contact_own": {"reporter": Reporter(name="示例 一", phone="8613000000000")},
    "contact_other": {"text": "联系人:物业 +8613000000001"},
    "new": {"text": "另有一事：公交站牌被撞歪", "anew": True},
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_read(name: str) -> None:
    """Each payload of the folder becomes the one message that it tells."""
    [message] = _parsed(PAYLOADS[name])
    expected = {"text": "", "media": [], "place": None, "anew": False} | SAID[name]
    number = json.loads(PAYLOADS[name])["message"]["message_id"]
    assert message.message_id == expected.get("message_id", f"700100200/{number}")
    assert message.text == expected["text"]
    assert message.media == tuple(RemoteMedium(*medium) for medium in expected["media"])
    assert message.place == expected["place"]
    assert message.anew is expected["anew"]
    assert message.reporter == expected.get("reporter", Reporter(name="示例 一"))
    assert (message.conversation, message.reply_to) == ("700100200", "700100200")
    assert message.sent_at is not None
    assert message.sent_at.isoformat() == "2026-11-27T08:00:00+00:00"


NO_APPEAL = {
    "start": GREETING,
    "new_bare": HOW_ANEW,
    "sticker": NOT_READ,
    "group": None,
    "blocked_by_user": None,
    "live_location_moved": None,
}


@pytest.mark.parametrize("name", NO_APPEAL)
def test_what_is_no_appeal(name: str) -> None:
    """Commands and stickers are answered in the webhook's answer; groups and events are not."""
    request = WireRequest({}, PAYLOADS[name])
    assert _CHANNEL.parse(request) == []
    said = json.loads(_CHANNEL.answer(request, []).body)
    text = NO_APPEAL[name]
    call = {"method": "sendMessage", "chat_id": 700100200, "text": text}
    assert said == (call if text else {})


def test_an_edit_has_the_key_of_its_original() -> None:
    """The edited state of a message differs in what it says, not in its key."""
    [first], [edited] = _parsed(PAYLOADS["text"]), _parsed(PAYLOADS["edited"])
    assert first.message_id == edited.message_id
    assert first.raw != edited.raw
    assert edited.text.endswith("昨晚有人绊倒")


def test_every_payload_is_shown() -> None:
    """No payload lies in the folder that no test reads."""
    others = {"edited", "album_3", "unreadable"}
    assert set(PAYLOADS) == set(SAID) | set(NO_APPEAL) | others


def test_sent_again() -> None:
    """What Telegram sends again gives the same bytes, whatever the order of its fields."""
    update = json.loads(PAYLOADS["video"])
    turned = {"message": dict(reversed(update["message"].items())), "update_id": 1}
    assert _parsed(json.dumps(turned).encode())[0].raw == _parsed(PAYLOADS["video"])[0].raw


_JUNK: tuple[Any, ...] = (None, True, -1, 10**17, 1e300, "x", "\x00", [], [7], {}, {"id": "x"})


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(inner, (*path, key))


def _with(name: str, path: tuple[Any, ...], junk: Any) -> bytes:
    """Return a payload with junk at one spot; None stands for nothing there."""
    update: Any = {"whole": json.loads(PAYLOADS[name])}
    where = update
    for step in ("whole", *path)[:-1]:
        where = where[step]
    where[path[-1] if path else "whole"] = junk
    return json.dumps(update["whole"]).encode()


@pytest.mark.parametrize("name", PAYLOADS)
def test_junk_anywhere(name: str) -> None:
    """Whatever stands in an update, it is read or refused with a reason, and answered."""
    refused = 0
    for path, junk in itertools.product(list(_paths(json.loads(PAYLOADS[name]))), _JUNK):
        request = WireRequest({}, _with(name, path, junk))
        try:
            for message in _CHANNEL.parse(request):
                assert isinstance(message.text, str)
                assert "\x00" not in message.text
        except Unparsable:
            refused += 1
        assert _CHANNEL.answer(request, []).status == 200
    assert refused > 10


def test_reasons_quote_nobody() -> None:
    """Why an update cannot be read is told by the field's name alone."""
    update = _update(1, text={"words": "不该出现"}, caption="也不该")
    with pytest.raises(Unparsable, match=r"^/message/text is not a str$"):
        _parsed(json.dumps(update).encode())
    update = _update(1, text="字" * 4097)
    with pytest.raises(Unparsable, match=r"^text is longer than 4096 characters$"):
        _parsed(json.dumps(update).encode())
    deep: Any = None
    for _ in range(300):
        deep = [deep]
    with pytest.raises(Unparsable, match=r"^the library cannot read it: \w+$"):
        _parsed(json.dumps(_update(1, text="很深", entities=deep)).encode())
    with pytest.raises(Unparsable, match=r"^/message/chat is missing$"):
        _parsed(PAYLOADS["unreadable"])


def test_who_listens() -> None:
    """With a secret the bot is posted to; without one it asks, and nobody may post."""
    asking = Settings(telegram_token=TOKEN)
    posted = Settings(telegram_token=TOKEN, telegram_secret=SECRET)
    for settings, listens in ((asking, True), (posted, False)):
        channels = configured_channels(settings)
        assert channels.that_fetches("telegram")
        assert channels.that_replies("telegram")
        assert [channel.name for channel, _ in channels.that_listen()] == ["telegram"] * listens


def test_receipt(posted: Served, api: BotApiServer) -> None:
    """A text is a ticket, and its number and query code are sent to the chat."""
    chat = next(_chats)
    _accept(posted, _update(chat, text="公交站台的顶棚漏雨"))
    ticket = _receipt(api, chat)
    assert _texts(posted, ticket, 1) == ["公交站台的顶棚漏雨"]
    assert TOKEN not in posted.log()
    assert "顶棚" not in posted.log()


@pytest.mark.parametrize("secret", ["", "a-guess-that-is-wrong", SECRET + "x", "ünïcödé"])
def test_forged(posted: Served, secret: str) -> None:
    """An update without the secret is refused, and nothing is kept of it."""
    before = posted.rows()
    assert_problem(_post(posted, _update(1, text="伪造的消息"), secret), 401, "bad-signature")
    assert posted.rows() == before


def test_same_update_twice(posted: Served, api: BotApiServer) -> None:
    """An update that Telegram posts again leaves one ticket and one message."""
    update = _update(next(_chats), text="楼道灯坏了")
    _accept(posted, update)
    before = posted.rows()
    _accept(posted, update)
    assert posted.rows()["messages"] == before["messages"]


def test_edited_message(posted: Served, api: BotApiServer) -> None:
    """An edited message is an addition to its ticket."""
    chat = next(_chats)
    first = _update(chat, text="楼道灯坏了")
    _accept(posted, first)
    changed = {**first["message"], "edit_date": 1795766460, "text": "楼道灯坏了,电线冒火花"}
    edited = {"update_id": next(_updates), "edited_message": changed}
    _accept(posted, edited)
    ticket = _receipt(api, chat)
    assert _texts(posted, ticket, 2) == ["楼道灯坏了", "楼道灯坏了,电线冒火花"]


def test_album(posted: Served, api: BotApiServer) -> None:
    """Three pictures sent together are one ticket with three media, and one receipt."""
    before = posted.rows()
    chat = next(_chats)
    for name in ("album_1", "album_2", "album_3"):
        update = json.loads(PAYLOADS[name])
        update["message"]["chat"]["id"] = chat
        _accept(posted, update)
    ticket = _receipt(api, chat)
    assert posted.rows()["tickets"] == before["tickets"] + 1
    assert (
        posted.select("SELECT channel FROM media WHERE ticket_id = ?", ticket)
        == [("telegram",)] * 3
    )
    receipts = "SELECT id FROM replies WHERE event = 'received' AND ticket_id = ?"
    assert len(posted.select(receipts, ticket)) == 1


def test_the_same_chat_goes_on(posted: Served, api: BotApiServer) -> None:
    """What a chat sends shortly after belongs to the same matter, until it says /new."""
    chat = next(_chats)
    _accept(posted, _update(chat, text="小区南门的井盖松动"))
    spot = {"longitude": 116.4, "latitude": 39.9}
    voice = {"file_id": "v", "file_unique_id": "u", "duration": 3}
    _accept(posted, _update(chat, location=spot))
    _accept(posted, _update(chat, voice=voice))
    contact = {"phone_number": "8613000000000", "first_name": "示例", "user_id": chat}
    _accept(posted, _update(chat, contact=contact))
    ticket = _receipt(api, chat)
    assert _texts(posted, ticket, 4) == ["小区南门的井盖松动", "", "", ""]
    _accept(posted, _update(chat, text="/new 健身器材掉漆"))
    first, other = _receipts(api, chat, 2)
    assert (first, _texts(posted, other, 1)) == (ticket, ["健身器材掉漆"])
    assert len(_texts(posted, ticket, 4)) == 4


def test_unreadable(posted: Served) -> None:
    """What cannot be read is kept aside and answered 200; the next one gets through."""
    before = posted.rows()
    for body in (PAYLOADS["unreadable"], b"no JSON", b"[]", b"{}"):
        reply = _post(posted, body)
        assert (reply.status, reply.document) == (200, {})
    after = posted.rows()
    assert after["quarantine"] == before["quarantine"] + 4
    assert after["tickets"] == before["tickets"]
    _accept(posted, _update(next(_chats), text="下一条消息"))
    assert posted.rows()["tickets"] == before["tickets"] + 1


def test_greeting(posted: Served) -> None:
    """/start is greeted in the answer itself, and opens no ticket."""
    before = posted.rows()
    said = _post(posted, PAYLOADS["start"]).document
    assert (said["method"], said["text"]) == ("sendMessage", GREETING)
    assert posted.rows() == before


def test_reply_that_fails(posted: Served, api: BotApiServer) -> None:
    """A receipt that Telegram does not take twice is sent again, and arrives once."""
    chat = next(_chats)
    api.refusals[str(chat)] = [GATEWAY_DOWN, TOO_MANY]
    _accept(posted, _update(chat, text="楼下的消防栓漏水"))
    ticket = _receipt(api, chat)
    query = "SELECT state, attempts FROM replies WHERE event = 'received' AND ticket_id = ?"
    rows = until(lambda: posted.select(query, ticket), lambda rows: rows[0][0] == "sent")
    # That Telegram puts it off is no attempt.
    assert rows == [("sent", 2)]
    assert len([text for text in api.sent_to(chat) if "查询码" in text]) == 1


@pytest.mark.parametrize("refusal", [BLOCKED, NO_CHAT], ids=["blocked", "no chat"])
def test_reply_that_is_refused(posted: Served, api: BotApiServer, refusal: Refusal) -> None:
    """Who has blocked the bot, or is gone, is not tried again; the ticket stays."""
    chat = next(_chats)
    api.refusals[str(chat)] = [refusal] * 9
    before = posted.select("SELECT max(number) FROM replies")[0][0] or 0
    _accept(posted, _update(chat, text="施工到深夜"))
    query = "SELECT state, attempts FROM replies WHERE number > ? AND event = 'received'"
    rows = until(lambda: posted.select(query, before), lambda rows: bool(rows) and rows[0][1] > 0)
    assert rows == [("failed", 1)]
    assert api.sent_to(chat, 0) == []


@pytest.mark.kills
def test_long_polling(api: BotApiServer) -> None:
    """Without a webhook the bot asks: nothing is lost or doubled, whoever of the two goes away."""
    chat, other = next(_chats), next(_chats)
    settings = {"JIESU_TELEGRAM_TOKEN": TOKEN, "JIESU_TELEGRAM_API": api.url}
    poison = [{"update_id": next(_updates), "message": {"text": "少了会话"}}]
    poison.append(_update(chat, text="半个字\ud83d"))
    # Sent while nobody asks: a command, two that cannot be read, an appeal, in this order.
    api.push(_update(chat, text="/start"), *poison, _update(chat, text="公园的长椅断了"))
    with serving(accounts=True, **settings) as served:
        assert _receipt(api, chat)
        assert api.sent_to(chat)[0] == GREETING
        until(lambda: api.unconfirmed, lambda count: count == 0)
        assert {name: served.rows()[name] for name in ("tickets", "quarantine")} == {
            "tickets": 1,
            "quarantine": 2,
        }
        assert api.asked[-1]["allowed_updates"] == ["message", "edited_message"]
        assert_problem(_post(served, _update(chat, text="伪造")), 401, "bad-signature")

        # The Bot API is away for a while.
        api.stop()
        api.push(_update(other, text="河道里有人倒垃圾"))
        until(served.log, lambda log: "a channel fails" in log)
        api.start()
        assert _receipt(api, other)
        until(lambda: api.unconfirmed, lambda count: count == 0)

        # Killed between storing an update and confirming it.
        third = next(_chats)
        api.confirming = False
        api.push(_update(third, text="路口的信号灯全灭"))
        until(lambda: served.rows()["tickets"], lambda count: count == 3)
        states = "SELECT DISTINCT state FROM replies"
        until(lambda: served.select(states), lambda found: found == [("sent",)])
        served.process.kill()
        api.confirming = True
        assert api.unconfirmed == 1
        served.process.start()
        until(lambda: api.unconfirmed, lambda count: count == 0)
        rows = served.rows()
        assert (rows["tickets"], rows["messages"]) == (3, 3)
        assert _receipt(api, third)
        assert TOKEN not in served.log()


async def test_update_that_cannot_be_stored(api: BotApiServer) -> None:
    """What could not be stored is not confirmed, and comes when the bot asks again."""
    channel = telegram.ListeningTelegramChannel(TOKEN, None, api.url, max_text=4096)
    chat = next(_chats)
    api.push(*(_update(chat, text=text) for text in ("一", "二")))
    taken: list[str] = []
    is_away = True

    async def take(request: WireRequest) -> list[Receipt]:
        [message] = channel.parse(request)
        if message.text == "二" and is_away:
            raise ConnectionError("the database is away")
        taken.append(message.text)
        return []

    with pytest.raises(ConnectionError, match=r"^the database is away$"):
        await channel.listen(take)
    assert (taken, api.unconfirmed) == (["一"], 2)
    is_away = False
    listening = asyncio.create_task(channel.listen(take))
    while api.unconfirmed:
        await asyncio.sleep(0.01)
        assert not listening.done()
    listening.cancel()
    await asyncio.wait({listening})
    assert taken == ["一", "一", "二"]


def _channel(api: BotApiServer) -> telegram.TelegramChannel:
    return telegram.TelegramChannel(TOKEN, SECRET, api.url, max_text=4096)


async def test_fetch(api: BotApiServer) -> None:
    """A file comes in pieces, as long as it is."""
    api.files["long"] = bytes(range(256)) * 1200
    pieces = [piece async for piece in _channel(api).fetch("long")]
    assert b"".join(pieces) == api.files["long"]
    assert len(pieces) > 3


@pytest.mark.parametrize("status", [400, 404])
async def test_medium_that_is_gone(api: BotApiServer, status: int) -> None:
    """What Telegram has no more, or finds too big, need not be asked for again."""
    api.files["big"] = Refusal(400, "Bad Request: file is too big")
    for identity in ("big", "never there"):
        with pytest.raises(MediumGone):
            await anext(_channel(api).fetch(identity))
    api.files["here"] = b"bytes"
    api.broken_files = status
    with pytest.raises(MediumGone):
        await anext(_channel(api).fetch("here"))
    api.broken_files = 0


async def test_medium_that_is_away(api: BotApiServer) -> None:
    """Where only the server fails, the medium is asked for again; the error tells no token."""
    api.files["here"] = b"bytes"
    api.files["with another token"] = Refusal(404, "Not Found")
    api.broken_files = 500
    for identity in ("here", "with another token"):
        with pytest.raises(BotApiError) as caught:
            await anext(_channel(api).fetch(identity))
        assert TOKEN not in str(caught.value)
    api.broken_files = 0
