"""Talking back: what was understood, and what is still missing, one thing at a time."""

import pytest
from sqlalchemy import update

from channels.message import Attachment
from channels.phrases import another_matter, is_enough, is_greeting
from gateway.tickets import schema
from tests.conversation.test_replies import Desk, desk
from tests.dispatch.line import Line

__all__ = ["desk"]

PLAIN = "丰台方庄芳古园一区四号楼的楼道灯坏了三天了,我的电话13800138000"
CHAT = {"conversation": "one"}


async def _hear(desk: Desk) -> list[str]:
    """What the citizen hears now."""
    before = len(desk.chat.sent)
    while await desk.send():
        pass
    return [reply.text for reply in desk.chat.sent[before:]]


async def _say(desk: Desk, text: str) -> list[str]:
    """Say something, let triage read it within the second, and return what is heard."""
    await desk.accept(text, **CHAT)
    await desk.line.triage_all()
    return await _hear(desk)


async def test_number_and_understanding_come_in_one_message(desk: Desk) -> None:
    """Where triage is quick the receipt says what was understood and until when it goes out."""
    await desk.line.inbox.accept(desk.message(PLAIN, **CHAT))
    await desk.line.triage_all()
    desk.line.later(seconds=1)
    [heard] = await _hear(desk)
    assert "工单号" in heard
    assert "查询码" in heard
    assert "市住房城乡建设委" in heard
    assert "最迟 11月24日 09:00 前派单" in heard


async def test_a_late_understanding_is_a_second_line(desk: Desk) -> None:
    """Where triage comes after the receipt, the understanding follows, once."""
    await desk.accept(PLAIN, **CHAT)
    [receipt] = await _hear(desk)
    assert "已理解为" not in receipt
    await desk.line.triage_all()
    [heard] = await _hear(desk)
    assert heard.startswith("已理解为")


async def test_danger_is_told_of_before_anything_else(desk: Desk) -> None:
    """The first words name the number that fits, whatever else is to be said."""
    desk.line.triage.finds["煤气"] = {"tier": "emergency", "unit": "gas"}
    heard = await _say(desk, "厨房有煤气味")
    assert heard[0].startswith("请先确保安全，立即拨打 119。")


async def test_one_thing_is_asked_at_a_time(desk: Desk) -> None:
    """Where, since when, how to reach: each is asked once, after the answer to the last."""
    questions = [(await _say(desk, text))[-1] for text in ("楼道灯坏了", "灯泡闪", "不亮")]
    assert [text[:6] for text in questions] == ["请问具体在什", "请问从什么时", "请问怎么联系"]
    assert await _say(desk, "唉") == []


async def test_what_was_told_is_not_asked(desk: Desk) -> None:
    """An appeal that says where, since when and how to reach is not asked anything."""
    heard = await _say(desk, PLAIN)
    assert not any("请问" in text for text in heard)


async def test_where_the_camera_was_is_a_place(desk: Desk) -> None:
    """Whoever sent a picture that says where it was taken is not asked where it is."""
    picture = Attachment("a" * 64, 10, "image/jpeg", "灯.jpg")
    await desk.accept("楼道灯坏了", attachments=(picture,), **CHAT)
    camera = update(schema.media).values(facts={"latitude": 39.86, "longitude": 116.43})
    await desk.line.database.write(lambda connection: connection.execute(camera))
    await desk.line.triage_all()
    heard = await _hear(desk)
    assert heard[-1].startswith("请问从什么时候")


async def test_enough_ends_the_asking(desk: Desk) -> None:
    """Who says 没有了 is thanked, is asked no more, and triage need not read that."""
    await _say(desk, "楼道灯坏了")
    version = (await desk.line.ticket(await _ticket(desk.line))).version
    [heard] = await _say(desk, "没有了")
    assert heard.startswith("好的，已按现有内容受理")
    assert (await desk.line.ticket(await _ticket(desk.line))).version == version
    assert not any("请问" in text for text in await _say(desk, "是四号楼的"))


async def test_a_correction_is_understood_anew(desk: Desk) -> None:
    """What changes unit or tier is said once more; what changes nothing is not."""
    await desk.accept(PLAIN, **CHAT)
    await desk.line.triage_all()
    await _hear(desk)
    desk.line.triage.finds["不对"] = {"unit": "fire-rescue"}
    heard = await _say(desk, "不对,是消防灯")
    assert any("消防" in text for text in heard)
    assert await _say(desk, "对") == []


async def test_who_does_not_answer_is_not_asked_on(desk: Desk) -> None:
    """One question for one message, however often triage reads the ticket."""
    await _say(desk, "楼道灯坏了")
    desk.line.later(hours=2)
    await desk.line.triage_all()
    assert await _hear(desk) == []


async def test_a_caller_is_called_back(desk: Desk) -> None:
    """What a telephone call left open is a task for an agent, sent to nobody."""
    await desk.accept("楼道灯坏了", reply_to=None, channel="voice")
    await desk.line.triage_all()
    assert await _hear(desk) == []
    [row] = await desk.rows()
    assert (row.event, row.state, row.done_at) == ("ask_where", "callback", None)


@pytest.mark.parametrize("text", ["你好", "您好,请问", "在吗?", "Hello!", "喂,有人吗"])
def test_greetings(text: str) -> None:
    """A greeting tells of nothing yet."""
    assert is_greeting(text)


@pytest.mark.parametrize("text", ["没有了", "算了", "不用了,谢谢", "就这些。", "不知道", "好的"])
def test_enough(text: str) -> None:
    """Nothing is added by these."""
    assert is_enough(text)


@pytest.mark.parametrize(
    "text", ["你好我要投诉", "没有热水", "好吵", "没水了", "行车道上有个坑", "嗯,就是那个灯"]
)
def test_words_that_tell_of_something(text: str) -> None:
    """What looks like a phrase, and tells of a matter, is one."""
    assert not is_greeting(text)
    assert not is_enough(text)
    assert another_matter(text) is None


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("新诉求 井盖没了", "井盖没了"),
        ("还有一件事,楼下吵架", "楼下吵架"),
        ("另外一个问题:灯坏了", "灯坏了"),
    ],
)
def test_another_matter(text: str, rest: str) -> None:
    """Who says that it is another matter begins anew with what follows."""
    assert another_matter(text) == rest


async def _ticket(line: Line) -> str:
    async with line.database.read() as connection:
        rows = await connection.exec_driver_sql("SELECT id FROM tickets")
        return str(rows.scalar_one())
