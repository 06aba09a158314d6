"""Replies: put down with what they tell of, retried, and repeated at most once."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from channels.channel import Receipt, Reply, WireAnswer, WireRequest
from channels.errors import ReplyPutOff, ReplyRefused
from channels.message import Message
from channels.registry import Channels
from gateway.accounts.keys import Vault
from gateway.conversation.sending import ReplySender
from gateway.leases import Lease
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.numbers import show_ticket_id
from tests.dispatch.line import Line, running_line
from tests.servers import QueueServer

CHAT = "citizen-42"
_UNITS = {"housing": "市住房城乡建设委", "fire-rescue": "市消防救援总队", "gas": "北京燃气集团"}


class Killed(BaseException):
    """Stands for the end of the process."""


@dataclass
class Chat:
    """A channel that keeps what it is asked to send, or fails as the test says."""

    sent: list[Reply] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    name: str = "chat"
    per_second: float = math.inf

    async def send(self, reply: Reply) -> None:
        """Keep the reply, unless a failure comes first; one that kills comes after."""
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None and not isinstance(failure, Killed):
            raise failure
        self.sent.append(reply)
        if failure is not None:
            raise failure

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Nothing is posted in these tests."""

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Nothing is posted in these tests."""
        return []

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Nothing is posted in these tests."""
        return WireAnswer(200, b"")


@dataclass
class Desk:
    """The line of a ticket, with a chat that answers."""

    line: Line
    chat: Chat = field(default_factory=Chat)

    def __post_init__(self) -> None:
        self._sender = self.another_sender()

    async def send(self) -> bool:
        """Let the sender work once; return whether there was anything to send."""
        assert await self._sender.lease.hold()
        return await self._sender.step()

    def another_sender(self) -> ReplySender:
        """A sender as a process just started has it."""
        line = self.line
        lease = Lease(line.database, line.clock, "replies")
        return ReplySender(
            line.database, line.vault, line.clock, Channels([self.chat]),
            _UNITS.__getitem__, lease, line.metrics,
        )  # fmt: skip

    def message(self, text: str, **fields: Any) -> Message:
        """A message of the chat, with a key of its own."""
        key = self.line.message(text).message_id
        told = {"channel": "chat", "reply_to": CHAT, **fields}
        return Message(message_id=key, text=text, raw=text.encode(), **told)

    async def accept(self, text: str, **fields: Any) -> Receipt:
        """Accept a message of the chat."""
        receipt = await self.line.inbox.accept(self.message(text, **fields))
        # A receipt waits a second for triage, to tell number and understanding together.
        self.line.later(seconds=1)
        return receipt

    async def rows(self) -> list[Any]:
        """The replies as they are noted."""
        async with self.line.database.read() as connection:
            return list(await connection.execute(select(schema.replies).order_by("number")))

    async def states(self) -> list[str]:
        """What has become of each reply."""
        return [row.state for row in await self.rows()]


@pytest.fixture
async def desk(database: Database, vault: Vault, valkey: QueueServer) -> AsyncIterator[Desk]:
    """The line of a ticket, with a chat that answers."""
    async with running_line(database, vault, valkey.url) as line:
        yield Desk(line)


async def test_the_receipt_goes_where_the_citizen_asked(desk: Desk) -> None:
    """Number and query code are sent to the chat that the message came from, once."""
    receipt = await desk.accept("楼道灯不亮")
    assert await desk.send()
    [reply] = desk.chat.sent
    assert reply.address == CHAT
    assert show_ticket_id(receipt.ticket_id) in reply.text
    assert receipt.query_code in reply.text
    assert await desk.states() == ["sent"]
    assert not await desk.send()


async def test_an_emergency_may_still_call_for_help(desk: Desk) -> None:
    """Before triage has spoken the receipt names the numbers for danger."""
    await desk.accept("楼道灯不亮")
    await desk.send()
    assert "119" in desk.chat.sent[0].text


async def test_what_the_vendor_heard_already_is_not_sent_again(desk: Desk) -> None:
    """A channel whose answer to the request told the receipt sends none besides."""
    await desk.accept("楼道灯不亮", answered=True)
    assert await desk.rows() == []


async def test_an_addition_is_no_new_receipt(desk: Desk) -> None:
    """What is added to a ticket is not answered by its number once more."""
    first = await desk.accept("楼道灯不亮")
    key = f"key-{desk.line._count}"
    assert (await desk.accept("三号楼", edits=key)).ticket_id == first.ticket_id
    assert len(await desk.rows()) == 1


async def test_dispatch_is_told_once(desk: Desk) -> None:
    """When the ticket goes out to its unit the citizen hears which; a later version is silent."""
    desk.line.triage.finds["自动"] = {"automatic": True}
    await desk.accept("自动派单的事项")
    await desk.line.triage_all()
    await desk.line.publish()
    key = f"key-{desk.line._count}"
    await desk.accept("自动派单,补充", edits=key)
    await desk.line.triage_all()
    await desk.line.publish()
    while await desk.send():
        pass
    events = [row.event for row in await desk.rows()]
    assert (events[0], events.count("dispatched")) == ("received", 1)
    assert any("市住房城乡建设委" in reply.text for reply in desk.chat.sent)


async def test_one_ticket_is_told_of_in_order(desk: Desk) -> None:
    """A receipt that fails holds back what comes after it; other tickets do not wait for it."""
    desk.line.triage.finds["自动"] = {"automatic": True}
    first = await desk.accept("自动派单的事项")
    await desk.line.triage_all()
    await desk.line.publish()
    desk.chat.failures.append(OSError("away"))
    await desk.send()
    other = await desk.accept("楼道灯不亮")
    assert await desk.send()
    assert not await desk.send()
    [reply] = desk.chat.sent
    assert show_ticket_id(other.ticket_id) in reply.text
    desk.line.later(seconds=3)
    while await desk.send():
        pass
    told = [reply.text for reply in desk.chat.sent[1:]]
    assert show_ticket_id(first.ticket_id) in told[0]
    assert "查询码" in told[0]
    assert [text for text in told if "已派至" in text] == told[-1:]


async def test_a_question_for_the_telephone_holds_nothing_back(desk: Desk) -> None:
    """What waits for an agent to call back does not keep a chat, joined later, from being told."""
    call = await desk.accept("楼道灯不亮", channel="voice", reply_to=None)
    await desk.line.triage_all()
    assert "callback" in await desk.states()
    shown = f"{show_ticket_id(call.ticket_id)} {call.query_code} 没有了"
    await desk.accept(shown, conversation=CHAT)
    await desk.line.triage_all()
    while await desk.send():
        pass
    told = [row for row in await desk.rows() if row.channel == "chat"]
    assert told
    assert {row.state for row in told} == {"sent"}


async def test_a_vendor_gets_no_more_than_it_takes(desk: Desk) -> None:
    """Replies go out one after another at the channel's own pace, and none is lost by it."""
    desk.chat.per_second = 2
    for number in range(4):
        await desk.accept(f"楼道灯不亮{number}")
    sending = asyncio.create_task(desk.send())
    moments = []
    while not sending.done():
        await asyncio.wait([sending], timeout=0.3)
        moments.append(len(desk.chat.sent))
        desk.line.later(seconds=0.5)
    assert [more - less for less, more in pairwise(moments)].count(1) >= 2
    assert max(more - less for less, more in pairwise([0, *moments])) == 1
    assert await desk.states() == ["sent"] * 4


async def test_a_vendor_that_says_when_is_asked_then(desk: Desk) -> None:
    """What it puts off comes after just that time, and is never given up for it."""
    desk.chat.failures += [ReplyPutOff(90)] * 8
    await desk.accept("楼道灯不亮")
    for _ in range(8):
        await desk.send()
        desk.line.later(seconds=89)
        assert not await desk.send()
        desk.line.later(seconds=2)
    assert await desk.send()
    assert await desk.states() == ["sent"]


async def test_a_reply_that_fails_is_tried_again(desk: Desk) -> None:
    """It waits longer each time, and goes out under the same key when the channel is back."""
    desk.chat.failures += [OSError("away"), TimeoutError()]
    await desk.accept("楼道灯不亮")
    await desk.send()
    assert await desk.states() == ["waiting"]
    assert not await desk.send()
    desk.line.later(seconds=3)
    await desk.send()
    desk.line.later(seconds=3)
    assert not await desk.send()
    desk.line.later(seconds=10)
    await desk.send()
    [row] = await desk.rows()
    assert (row.state, row.attempts, row.note) == ("sent", 3, None)
    assert [reply.key for reply in desk.chat.sent] == [row.id]


async def test_a_reply_that_is_refused_is_given_up(desk: Desk) -> None:
    """Where trying again would not help, the reason is noted and nothing more is sent."""
    desk.chat.failures.append(ReplyRefused("the citizen has blocked the bot"))
    await desk.accept("楼道灯不亮")
    await desk.send()
    desk.line.later(days=2)
    assert not await desk.send()
    [row] = await desk.rows()
    assert (row.state, row.note) == ("failed", "the citizen has blocked the bot")


async def test_a_reply_that_always_fails_ends(desk: Desk) -> None:
    """After hours of trying it is given up, so that it does not come out of nowhere next month."""
    desk.chat.failures += [OSError("away")] * 100
    await desk.accept("楼道灯不亮")
    for _ in range(20):
        await desk.send()
        desk.line.later(hours=3)
    [row] = await desk.rows()
    assert (row.state, row.note) == ("failed", "OSError")
    assert desk.chat.sent == []


async def test_one_that_was_killed_while_sending_repeats_once(desk: Desk) -> None:
    """Nobody knows whether it arrived: it is sent once more, never a third time."""
    await desk.accept("楼道灯不亮")
    for _ in range(2):
        desk.chat.failures.append(Killed())
        with pytest.raises(Killed):
            await desk.send()
        desk.line.later(minutes=2)
    assert not await desk.send()
    assert len(desk.chat.sent) == 2
    assert not await desk.send()
    [row] = await desk.rows()
    assert (row.state, row.note) == ("failed", "uncertain twice")


async def test_a_channel_that_is_gone_is_noted(desk: Desk) -> None:
    """A reply to a channel that this installation no longer serves ends with the reason."""
    await desk.accept("楼道灯不亮")
    desk.chat.name = "other"
    desk._sender = desk.another_sender()
    await desk.send()
    assert await desk.states() == ["failed"]


async def test_where_a_citizen_is_reached_is_kept_sealed(desk: Desk) -> None:
    """Neither the address nor the chat stands in the database as it is."""
    await desk.accept("楼道灯不亮", conversation=CHAT)
    async with desk.line.database.read() as connection:
        kept = [
            str(dict(row._mapping))
            for table in schema.metadata.sorted_tables
            for row in await connection.execute(select(table))
        ]
    assert CHAT not in "".join(kept)


async def test_only_the_holder_of_the_lease_sends(desk: Desk) -> None:
    """Of two processes over PostgreSQL one sends; the other takes over when it is gone."""
    if desk.line.database.is_embedded:
        pytest.skip("one process alone works over SQLite")
    await desk.accept("楼道灯不亮")
    first, second = desk.another_sender(), desk.another_sender()
    assert await first.lease.hold()
    assert not await second.step()
    desk.line.clock.advance(timedelta(minutes=1))
    assert await second.lease.hold()
    assert await second.step()
    assert not await first.step()
    assert len(desk.chat.sent) == 1
