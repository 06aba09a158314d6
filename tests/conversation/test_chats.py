"""What one chat tells shortly after one another is one appeal."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from channels.message import Message
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import SimulatedClock
from gateway.intake.inbox import Inbox
from gateway.tickets import schema
from gateway.tickets.database import Database
from tests.dispatch.line import START


class Chats:
    """Chats of one channel, on a clock that stands until it is advanced."""

    def __init__(self, database: Database, vault: Vault, minutes: float = 30) -> None:
        self.clock = SimulatedClock(START)
        self.database = database
        joining = timedelta(minutes=minutes)
        self.inbox = Inbox(
            database, vault, self.clock, Bell(self.clock), surge=False, joining=joining
        )
        self._count = 0

    async def say(self, text: str, chat: str = "one", **fields: Any) -> str:
        """Say something in a chat, and return the number of the ticket it is on."""
        self._count += 1
        message = Message(
            "chat", f"m{self._count}", text, raw=text.encode(), conversation=chat, **fields
        )
        return (await self.inbox.accept(message)).ticket_id


@pytest.fixture
def chats(database: Database, vault: Vault) -> Chats:
    """Chats that go on telling of the same matter for half an hour."""
    return Chats(database, vault)


async def test_lines_of_one_chat_are_one_appeal(chats: Chats) -> None:
    """The time runs from the chat's last line, not from its first."""
    first = await chats.say("你好")
    for text in ("楼道灯不亮", "已经三天了"):
        chats.clock.advance(timedelta(minutes=20))
        assert await chats.say(text) == first


async def test_after_a_pause_it_is_another_appeal(chats: Chats) -> None:
    """What is said after half an hour of silence opens a ticket of its own."""
    first = await chats.say("楼道灯不亮")
    chats.clock.advance(timedelta(minutes=31))
    assert await chats.say("小区里有人放鞭炮") != first


async def test_a_citizen_may_begin_anew(chats: Chats) -> None:
    """Who says that it is another matter gets another ticket, which later lines join."""
    first = await chats.say("楼道灯不亮")
    second = await chats.say("另一件事:井盖没了", anew=True)
    assert first != second
    assert await chats.say("就在北门外") == second


async def test_other_chats_are_others_business(chats: Chats) -> None:
    """Two citizens who write at the same time get a ticket each."""
    assert await chats.say("楼道灯不亮", "one") != await chats.say("楼道灯不亮", "two")


async def test_a_closed_ticket_is_not_added_to(chats: Chats) -> None:
    """What is told when the last matter has been answered is a new one."""
    first = await chats.say("楼道灯不亮")
    closed = update(schema.tickets).values(status="answered")
    await chats.database.write(lambda connection: connection.execute(closed))
    assert await chats.say("还有一个问题") != first


async def test_chats_can_be_kept_apart(database: Database, vault: Vault) -> None:
    """With no time to join in, every message is an appeal of its own."""
    chats = Chats(database, vault, minutes=0)
    assert await chats.say("楼道灯不亮") != await chats.say("已经三天了")
