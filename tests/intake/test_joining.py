"""One appeal over several channels: joined by number and query code, and by nothing else."""

from typing import Any

import pytest

from channels.channel import Receipt
from channels.message import Message
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import SimulatedClock
from gateway.intake.inbox import Inbox
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.numbers import new_query_code, show_ticket_id
from gateway.tickets.store import words_of
from tests.dispatch.line import START


class Citizen:
    """Somebody who tells of one matter by telephone, chat and web."""

    def __init__(self, database: Database, vault: Vault) -> None:
        clock = SimulatedClock(START)
        self.database = database
        self.inbox = Inbox(database, vault, clock, Bell(clock), surge=False)
        self._count = 0

    async def tell(self, channel: str, text: str, **fields: Any) -> Receipt:
        """Tell something over a channel."""
        self._count += 1
        key = f"m{self._count}"
        return await self.inbox.accept(Message(channel, key, text, raw=text.encode(), **fields))

    async def texts(self, ticket_id: str) -> list[str]:
        """What stands on a ticket."""
        async with self.database.read() as connection:
            return [item.text for item in (await words_of(connection, [ticket_id]))[ticket_id]]


@pytest.fixture
def citizen(database: Database, vault: Vault) -> Citizen:
    """Somebody who has told of nothing yet."""
    return Citizen(database, vault)


async def test_number_and_code_join_another_channel(citizen: Citizen) -> None:
    """A call's ticket goes on in a chat that shows both, and what follows there is on it too."""
    call = await citizen.tell("voice", "楼道灯不亮")
    shown = f"这是照片 {show_ticket_id(call.ticket_id)} 查询码{call.query_code.lower()}"
    joined = await citizen.tell("telegram", shown, conversation="chat")
    assert (joined.ticket_id, joined.added) == (call.ticket_id, True)
    kept = await citizen.texts(call.ticket_id)
    assert kept[0] == "楼道灯不亮"
    assert "[查询码]" in kept[1]
    assert call.query_code.lower() not in kept[1]


@pytest.mark.parametrize("order", ["{code} {number}", "{number}\n{code}", "{digits}{space}{code}"])
async def test_they_are_read_however_they_are_written(citizen: Citizen, order: str) -> None:
    """Code first, in lines, or the number without its groups."""
    first = await citizen.tell("api", "井盖松动")
    text = order.format(
        number=show_ticket_id(first.ticket_id), digits=first.ticket_id, space="  ",
        code=first.query_code,
    )  # fmt: skip
    assert (await citizen.tell("wechat", text, conversation="c")).ticket_id == first.ticket_id


async def test_a_wrong_code_gives_nobody_anything(citizen: Citizen) -> None:
    """With another code, or another ticket's, the words are an appeal of their own."""
    first, other = await citizen.tell("api", "灯不亮"), await citizen.tell("api", "漏水")
    number = show_ticket_id(first.ticket_id)
    for code in (new_query_code(), other.query_code):
        found = await citizen.tell("telegram", f"{number} {code}", conversation=code)
        assert found.ticket_id not in (first.ticket_id, other.ticket_id)
        assert found.query_code not in (first.query_code, other.query_code)


async def test_a_number_alone_joins_nothing(citizen: Citizen) -> None:
    """Numbers are read out and guessed; only the code shows whose the ticket is."""
    first = await citizen.tell("api", "灯不亮")
    text = f"我的工单 {show_ticket_id(first.ticket_id)} 怎么样了"
    assert (await citizen.tell("telegram", text, conversation="c")).ticket_id != first.ticket_id


async def test_a_closed_ticket_is_not_joined(citizen: Citizen) -> None:
    """What is told after the end is a new appeal: no word lies unread on a closed one."""
    first = await citizen.tell("api", "灯不亮")
    closed = schema.tickets.update().values(status="answered")
    await citizen.database.write(lambda connection: connection.execute(closed))
    text = f"{show_ticket_id(first.ticket_id)} {first.query_code} 又坏了"
    assert (await citizen.tell("telegram", text, conversation="c")).ticket_id != first.ticket_id
