"""Calls: opened at the first danger, else at their end, and told exactly once, whoever dies."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from channels.call import CallReport, Party, Segment
from channels.message import Message, RemoteMedium
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import SimulatedClock
from gateway.intake.calls import SILENT_AFTER, Calls
from gateway.intake.inbox import Inbox
from gateway.intake.joining import Joining
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.store import words_of
from tests.dispatch.line import START
from tests.intake.test_inbox import count
from triage.decision import Tier


class Killed(Exception):
    """Stands for the end of the process."""


class Exchange:
    """A call centre's platform, and the gateway that it reports to."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.clock = SimulatedClock(START)
        self.database = database
        self.inbox = Inbox(database, vault, self.clock, Bell(self.clock), surge=False)
        joining = Joining(database, vault, self.clock)
        self.calls = Calls(database, vault, self.clock, self.inbox, joining, self._judge)
        self.judged: list[str] = []

    async def _judge(self, words: str) -> Tier:
        self.judged.append(words)
        return Tier.EMERGENCY if "煤气" in words else Tier.GENERAL

    async def report(
        self, *segments: Segment, ended: bool = False, call: str = "c1", **fields: Any
    ) -> str | None:
        """Report of a call, and return its ticket's number once it has one."""
        report = CallReport("voice", f"exchange/{call}", segments, ended, **fields)
        receipt = await self.calls.take(report)
        return receipt.ticket_id if receipt else None

    async def told(self, ticket_id: str) -> list[str]:
        """What the messages of a ticket say."""
        async with self.database.read() as connection:
            return [item.text for item in (await words_of(connection, [ticket_id]))[ticket_id]]


def said(number: int, text: str, *, speaker: Party = Party.CITIZEN, final: bool = True) -> Segment:
    """What is said as the `number`th stretch of a call, one every five seconds."""
    return Segment(number, speaker, text, number * 5.0, number * 5.0 + 4, 0.9, final)


@pytest.fixture
def exchange(database: Database, vault: Vault) -> Exchange:
    """A platform and its gateway, over an empty database."""
    return Exchange(database, vault)


async def test_an_ordinary_call_opens_its_ticket_at_its_end(exchange: Exchange) -> None:
    """Until then it is kept, and nobody is shown a ticket that may still become another one."""
    assert await exchange.report(said(0, "楼道的灯")) is None
    assert await exchange.report(said(1, "坏了三天了")) is None
    assert await count(exchange.database, schema.tickets) == 0
    number = await exchange.report(ended=True)
    assert number is not None
    assert await exchange.told(number) == ["楼道的灯,坏了三天了"]


async def test_danger_opens_the_ticket_while_the_call_goes_on(exchange: Exchange) -> None:
    """It opens with all that was said, interim words too, and grows by what is final."""
    await exchange.report(said(0, "你好"))
    number = await exchange.report(said(1, "我家有煤气味", final=False))
    assert number is not None
    assert await exchange.told(number) == ["你好,我家有煤气味"]
    assert await exchange.report(said(2, "我在三号", final=False)) == number
    assert len(await exchange.told(number)) == 1
    assert await exchange.report(said(2, "我在三号楼")) == number
    assert await exchange.report(said(3, "谢谢"), ended=True) == number
    assert await exchange.told(number) == ["你好,我家有煤气味", "我在三号楼", "谢谢"]


async def test_what_the_agent_asks_is_not_what_the_citizen_tells(exchange: Exchange) -> None:
    """Only the citizen's words are judged and told."""
    await exchange.report(
        said(0, "是煤气味吗", speaker=Party.AGENT), said(1, "不是,是下水道的味道")
    )
    number = await exchange.report(ended=True)
    assert number is not None
    assert await exchange.told(number) == ["不是,是下水道的味道"]
    assert exchange.judged == ["不是,是下水道的味道"]


async def test_a_call_without_a_word_is_a_ticket_all_the_same(exchange: Exchange) -> None:
    """Who cannot speak may need help most: an agent sees that there was a call."""
    number = await exchange.report(ended=True)
    assert number is not None
    assert await exchange.told(number) == ["〔通话中没有识别出诉求人的话〕"]


async def test_reports_may_come_in_any_order_and_twice(exchange: Exchange) -> None:
    """However they come, the ticket tells the call's final words once, in their order."""
    texts = [f"第{number}句" for number in range(8)]
    reports = [said(number, text) for number, text in enumerate(texts)]
    reports += [said(number, "还没说完", final=False) for number in range(8)]
    random.Random(7).shuffle(reports)
    for item in (*reports, *reports[:5]):
        assert await exchange.report(item) is None
    number = await exchange.report(ended=True)
    assert number is not None
    assert await exchange.report(*reports, ended=True) == number
    assert await exchange.told(number) == [",".join(texts)]


async def test_two_processes_may_take_reports_of_one_call(exchange: Exchange) -> None:
    """Twenty reports at once, danger among them, leave one ticket with every word once."""
    texts = [f"煤气第{number}句" for number in range(20)]
    found = await asyncio.gather(
        *(exchange.report(said(number, text)) for number, text in enumerate(texts))
    )
    [number] = set(filter(None, found))
    await exchange.report(ended=True)
    told = ",".join(await exchange.told(number)).split(",")
    assert sorted(told) == sorted(texts)
    assert await count(exchange.database, schema.tickets) == 1


@pytest.mark.parametrize("after", [0, 1])
async def test_a_process_that_dies_while_telling_tells_once(
    exchange: Exchange, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before or after the inbox has the message, it is told by whoever comes next, once."""
    accept, times = exchange.inbox.accept, []

    async def dies(message: Message, *, repeats_are_edits: bool = False) -> Any:
        times.append(message)
        if after:
            await accept(message, repeats_are_edits=repeats_are_edits)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(exchange.inbox, "accept", dies)
        with pytest.raises(Killed):
            await exchange.report(said(0, "楼道灯不亮"), ended=True)
    assert times
    assert await count(exchange.database, schema.tickets) == after
    exchange.clock.advance(timedelta(seconds=6))
    assert await exchange.calls.look_after() == 1
    assert await exchange.calls.look_after() == 0
    assert await count(exchange.database, schema.tickets) == 1
    assert await count(exchange.database, schema.messages) == 1


async def test_a_call_that_goes_silent_has_ended(exchange: Exchange) -> None:
    """If the platform never says so, what was said is a ticket after ten minutes."""
    await exchange.report(said(0, "楼道灯不亮"))
    exchange.clock.advance(SILENT_AFTER / 2)
    assert await exchange.calls.look_after() == 0
    exchange.clock.advance(SILENT_AFTER)
    assert await exchange.calls.look_after() == 1
    assert await count(exchange.database, schema.tickets) == 1
    assert await exchange.calls.look_after() == 0


async def test_the_recording_goes_with_the_ticket(exchange: Exchange) -> None:
    """It is a medium to fetch, whose words are known already and not recognised once more."""
    recording = RemoteMedium("https://platform.example/recordings/c1.wav", "c1.wav")
    await exchange.report(said(0, "楼道灯不亮"), recording=recording)
    await exchange.report(ended=True)
    await exchange.report(ended=True, recording=recording)
    async with exchange.database.read() as connection:
        [medium] = (await connection.execute(schema.media.select())).all()
    assert (medium.address, medium.masked_text) == (None, "")
    assert medium.sealed_reference is not None


async def test_nothing_said_is_kept_in_plain(exchange: Exchange, vault: Vault) -> None:
    """A call that goes on is sealed: neither words nor number can be read in the database."""
    await exchange.report(said(0, "我是欧阳小红"), phone="13800138000")
    async with exchange.database.read() as connection:
        rows = (await connection.execute(schema.calls.select())).all()
    kept = str([dict(row._mapping) for row in rows])
    assert "欧阳" not in kept
    assert "13800138000" not in kept
