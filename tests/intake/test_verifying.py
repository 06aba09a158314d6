"""Whose number it is: shown by a one-time code to the telephone that called, by nothing else."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from channels.call import CallReport, Party, Segment
from channels.channel import Receipt
from channels.errors import ReplyRefused
from channels.message import Attachment, Message, Reporter
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import SimulatedClock
from gateway.conversation.codes import CodeSender
from gateway.conversation.events import Event
from gateway.intake.calls import Calls
from gateway.intake.inbox import Inbox
from gateway.intake.joining import Joining
from gateway.leases import Lease
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.numbers import show_ticket_id
from gateway.tickets.store import find_tickets, words_of
from gateway.tickets.ticket import Ticket
from gateway.tickets.workflow import Status
from tests.dispatch.line import START
from triage.decision import Tier

PHONE = "13900001234"
CLAIM = f"关联电话 {PHONE}"


@dataclass
class Telephones:
    """The platform that sends short messages, as it stands in memory here."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def send_code(self, key: str, phone: str, text: str, at: datetime) -> None:
        """Keep what is to be sent, or fail as the test says."""
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((key, phone, text))

    async def close(self) -> None:
        """There is nothing to close."""

    def code(self) -> str:
        """The digits of the last message."""
        found = re.search(r"[0-9]{6}", self.sent[-1][2])
        assert found
        return found[0]


class City:
    """A hotline with calls, a chat, and telephones that get codes."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.clock = SimulatedClock(START)
        self.database = database
        self.inbox = Inbox(
            database, vault, self.clock, Bell(self.clock), surge=False,
            joining=timedelta(minutes=30), codes=True,
        )  # fmt: skip
        joining = Joining(database, vault, self.clock)
        self.calls = Calls(database, vault, self.clock, self.inbox, joining, self._judge)
        self.telephones = Telephones()
        lease = Lease(database, self.clock, "codes")
        self.sender = CodeSender(database, vault, self.clock, self.telephones, lease)
        self._count = 0

    async def _judge(self, words: str) -> Tier:
        return Tier.GENERAL

    async def call(self, text: str, phone: str | None = PHONE, **fields: Any) -> Receipt:
        """Call the hotline and say something."""
        self._count += 1
        said = Segment(0, Party.CITIZEN, text, 0, 5, None, True)
        report = CallReport("voice", f"p/{self._count}", (said,), True, phone, **fields)
        receipt = await self.calls.take(report)
        assert receipt
        return receipt

    async def write(self, text: str, *, chat: str = "chat", **fields: Any) -> Receipt:
        """Write a line in a chat."""
        self._count += 1
        return await self.inbox.accept(
            Message(
                "telegram", f"m{self._count}", text, text.encode(), conversation=chat,
                reply_to=chat, **fields,
            )
        )  # fmt: skip

    async def send(self) -> None:
        """Let the sender send what is due."""
        assert await self.sender.lease.hold()
        while await self.sender.step():
            pass

    async def texts(self, ticket_id: str) -> list[str]:
        """What stands on a ticket."""
        async with self.database.read() as connection:
            return [item.text for item in (await words_of(connection, [ticket_id]))[ticket_id]]

    async def ticket(self, ticket_id: str) -> Ticket:
        """A ticket as it is now."""
        async with self.database.read() as connection:
            return (await find_tickets(connection, [ticket_id]))[ticket_id]

    async def told(self) -> Sequence[tuple[str, str]]:
        """Event and ticket of what the chat is told, without receipts."""
        table = schema.replies.c
        statement = select(table.event, table.ticket_id).where(table.event != Event.RECEIVED)
        async with self.database.read() as connection:
            rows = await connection.execute(statement.order_by(table.number))
            return [(row.event, row.ticket_id) for row in rows]


@pytest.fixture
def city(database: Database, vault: Vault) -> City:
    """A hotline that nobody has told of anything yet."""
    return City(database, vault)


async def test_a_chat_goes_on_with_the_call(city: City) -> None:
    """The picture that came first, and what comes later, stand on the ticket of the call."""
    call = await city.call("楼道灯不亮")
    picture = Attachment("a" * 64, 10, "image/jpeg", "灯.jpg")
    photo = await city.write("这是照片", attachments=(picture,))
    await city.write(CLAIM)
    await city.send()
    assert city.telephones.sent[0][1] == PHONE
    joined = await city.write(city.telephones.code())
    later = await city.write("今天还是不亮")
    assert joined.ticket_id == later.ticket_id == call.ticket_id
    assert await city.texts(call.ticket_id) == [
        "楼道灯不亮", "这是照片", "关联电话 [电话]", "[验证码]", "今天还是不亮"
    ]  # fmt: skip
    assert await city.texts(photo.ticket_id) == []
    assert (await city.ticket(photo.ticket_id)).status is Status.MERGED
    assert (await city.ticket(call.ticket_id)).needs_triage
    assert await city.told() == [
        (Event.ASK_CODE, photo.ticket_id), (Event.JOINED, call.ticket_id)
    ]  # fmt: skip


async def test_what_belongs_to_messages_goes_with_them(city: City) -> None:
    """Files, media and numbers are found under the call's ticket afterwards."""
    call = await city.call("楼道灯不亮")
    picture = Attachment("a" * 64, 10, "image/jpeg", "灯.jpg")
    photo = await city.write(f"电话 13900009999 {'照片'}", attachments=(picture,))
    await city.write(CLAIM)
    await city.send()
    await city.write(city.telephones.code())
    for table in (schema.attachments, schema.media, schema.people, schema.to_compare):
        async with city.database.read() as connection:
            rows = (await connection.execute(select(table.c.ticket_id))).scalars().all()
        assert set(rows) == {call.ticket_id}, table.name
    assert photo.ticket_id != call.ticket_id


async def test_a_number_that_never_called_is_answered_alike(city: City) -> None:
    """Nobody learns whether a number has called: the same question, no code, and none is right."""
    await city.write(CLAIM)
    await city.send()
    assert city.telephones.sent == []
    other = await city.write("123456")
    assert [event for event, _ in await city.told()] == [Event.ASK_CODE, Event.CODE_REFUSED]
    assert (await city.texts(other.ticket_id))[-1] == "123456"


async def test_a_number_that_was_only_stated_opens_nothing(city: City) -> None:
    """A number written into a form is nobody's proof: no code goes to it."""
    stated = Message("api", None, "漏水", b"-", reporter=Reporter(phone=PHONE))
    await city.inbox.accept(stated)
    await city.write(CLAIM)
    await city.send()
    assert city.telephones.sent == []


async def test_another_chats_code_opens_nothing(city: City) -> None:
    """A code is good only where it was asked for."""
    call = await city.call("楼道灯不亮")
    await city.write(CLAIM, chat="one")
    await city.write("路灯不亮", chat="two")
    await city.send()
    other = await city.write(city.telephones.code(), chat="two")
    assert other.ticket_id != call.ticket_id
    assert (await city.write(city.telephones.code(), chat="one")).ticket_id == call.ticket_id


async def test_five_wrong_codes_end_it(city: City) -> None:
    """After five wrong tries the right code is none any more."""
    call = await city.call("楼道灯不亮")
    await city.write(CLAIM)
    await city.send()
    right = city.telephones.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(5):
        await city.write(wrong)
    assert (await city.write(right)).ticket_id != call.ticket_id


async def test_a_code_lasts_ten_minutes(city: City) -> None:
    """After ten minutes six digits are words like others."""
    call = await city.call("楼道灯不亮")
    await city.write(CLAIM)
    await city.send()
    city.clock.advance(timedelta(seconds=601))
    late = await city.write(city.telephones.code())
    assert late.ticket_id != call.ticket_id
    assert [event for event, _ in await city.told()] == [Event.ASK_CODE]


async def test_a_number_is_not_flooded_with_codes(city: City) -> None:
    """Five codes a day go to one number, whoever asks."""
    await city.call("楼道灯不亮")
    for number in range(8):
        await city.write(CLAIM, chat=f"chat {number}")
        await city.send()
    assert len(city.telephones.sent) == 5


async def test_no_number_is_kept_longer_than_it_counts(city: City) -> None:
    """Who asks finds nobody's number of a day ago; it counts no more either."""
    await city.call("楼道灯不亮")
    for number in range(5):
        await city.write(CLAIM, chat=f"chat {number}")
    city.clock.advance(timedelta(hours=25))
    await city.write(CLAIM, chat="later")
    await city.send()
    assert len(city.telephones.sent) == 1
    async with city.database.read() as connection:
        assert len((await connection.execute(select(schema.verifications.c.id))).all()) == 1


async def test_a_ticket_that_others_told_of_stays(city: City) -> None:
    """What another chat has added to is not taken over; the chat goes on with the call only."""
    call, shared = await city.call("楼道灯不亮"), await city.write("井盖松动", chat="other")
    shown = f"{show_ticket_id(shared.ticket_id)} {shared.query_code}"
    await city.write(shown)
    await city.write(CLAIM)
    await city.send()
    joined = await city.write(city.telephones.code())
    assert joined.ticket_id == call.ticket_id
    assert (await city.ticket(shared.ticket_id)).status is Status.RECEIVED
    assert "井盖松动" in await city.texts(shared.ticket_id)


async def test_a_code_is_tried_again_and_given_up(city: City) -> None:
    """A platform that is away is asked again under the same key; one that refuses is not."""
    await city.call("楼道灯不亮")
    city.telephones.failures = [OSError(), OSError()]
    await city.write(CLAIM)
    for _ in range(3):
        await city.send()
        city.clock.advance(timedelta(seconds=20))
    assert len(city.telephones.sent) == 1
    city.telephones.failures = [ReplyRefused("no such number")]
    await city.write(CLAIM)
    await city.send()
    city.clock.advance(timedelta(seconds=20))
    await city.send()
    assert len(city.telephones.sent) == 1


async def test_a_caller_adds_to_their_own_ticket(city: City) -> None:
    """The same calling number, or the query code, opens a ticket to a second call."""
    first = await city.call("楼道灯不亮")
    again = await city.call("今天修了一半", adds_to=show_ticket_id(first.ticket_id))
    assert again.ticket_id == first.ticket_id
    with_code = await city.call(
        "还没修好", "13800000000", adds_to=first.ticket_id, query_code=first.query_code
    )
    assert with_code.ticket_id == first.ticket_id
    assert await city.texts(first.ticket_id) == ["楼道灯不亮", "今天修了一半", "还没修好"]


@pytest.mark.parametrize("phone", ["13800000000", None])
async def test_nobody_adds_to_anothers_ticket(city: City, phone: str | None) -> None:
    """Another number, none, or a wrong code opens a ticket of its own: nothing is lost."""
    first = await city.call("楼道灯不亮")
    wrong = "0000-0000-00000"
    for fields in ({}, {"query_code": wrong}):
        other = await city.call("下水道堵了", phone, adds_to=first.ticket_id, **fields)
        assert other.ticket_id != first.ticket_id
    assert await city.texts(first.ticket_id) == ["楼道灯不亮"]


@pytest.mark.parametrize("number", ["", "abc", "1234", "261123-4817-7035-9"])
async def test_a_number_that_is_none_is_passed_over(city: City, number: str) -> None:
    """A call that names no ticket opens its own."""
    assert (await city.call("楼道灯不亮", adds_to=number)).ticket_id


async def test_an_emergency_is_never_hidden_by_joining(city: City) -> None:
    """What a chat told before is read with the call's ticket: its version rises."""
    call = await city.call("楼道灯不亮")
    before = (await city.ticket(call.ticket_id)).version
    await city.write("着火了")
    await city.write(CLAIM)
    await city.send()
    await city.write(city.telephones.code())
    after = await city.ticket(call.ticket_id)
    assert after.version > before
    assert after.needs_triage


async def test_codes_are_random(city: City) -> None:
    """No two of twenty are the same, and none stands anywhere in plain."""
    random.seed(1)
    await city.call("楼道灯不亮")
    for number in range(4):
        await city.write(CLAIM, chat=f"c{number}")
    await city.send()
    codes = {re.search(r"[0-9]{6}", text) and text for _, _, text in city.telephones.sent}
    assert len(codes) == 4
    async with city.database.read() as connection:
        rows = (await connection.execute(select(schema.verifications))).all()
    for _, _, text in city.telephones.sent:
        found = re.search(r"[0-9]{6}", text)
        assert found
        assert all(found[0].encode() not in bytes(row.sealed_code) for row in rows)
