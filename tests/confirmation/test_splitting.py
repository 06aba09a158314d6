"""Splitting: several matters become several tickets of one reporter, and no clock starts again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from channels.message import Place, Reporter
from gateway.accounts.people import may_be_report
from gateway.confirmation.splitting import SplitDesk
from gateway.intake.inbox import TicketNumbers
from gateway.repeats.earlier import is_same_reporter
from gateway.tickets import schema
from gateway.tickets.reading import ticket_with_history
from gateway.tickets.splits import parts_of
from gateway.tickets.store import TicketNotFound
from gateway.tickets.workflow import Status
from tests.confirmation.test_claims import refused
from tests.confirmation.test_merging import ME
from tests.conversation.test_replies import Desk
from tests.dispatch.line import START, Line

BOTH = "小区停车费乱涨,楼道里还堆满了旧家具"
TEXTS = ("停车费乱涨", "楼道里堆满旧家具,电话13900001111")


@pytest.fixture
def splitting(line: Line) -> SplitDesk:
    """Where agents split."""
    return SplitDesk(
        line.database, line.vault, line.clock, line.accepted, line.decided,
        TicketNumbers(line.database),
    )  # fmt: skip


async def _whole(line: Line, number: str) -> dict[str, Any]:
    async with line.database.read() as connection:
        return await ticket_with_history(connection, number)


async def test_each_matter_is_a_ticket(line: Line, splitting: SplitDesk) -> None:
    """The first stays, the other is read by triage; both say where they are from, words masked."""
    reporter = Reporter("王小明", "13800000001")
    number = await line.triaged(BOTH, reporter=reporter, place=Place("柳荫小区"))
    line.later(hours=3)
    texts = (TEXTS[0], f"我是王小明,{TEXTS[1]}")
    assert (await splitting.split(number, "li", 2, texts))[0] == number
    await line.triage_all()
    async with line.database.read() as connection:
        own, other = await parts_of(connection, number)
        assert await is_same_reporter(connection, number, other.ticket_id)
    first, part = await _whole(line, number), await _whole(line, other.ticket_id)
    assert (first["split_from"], first["part"], first["version"]) == (number, "停车费乱涨", 3)
    assert (own.text, other.text) == ("停车费乱涨", "我是[诉求人],楼道里堆满旧家具,电话[电话]")
    assert (part["split_from"], part["part"]) == (number, other.text)
    [message] = part["messages"]
    assert (message["text"], message["channel"]) == (other.text, "web")
    assert message["place"]["address"] == "柳荫小区"
    assert first["history"][-1]["detail"] == {"parts": [other.ticket_id]}
    begun = part["history"][0]
    assert (begun["event"], begun["actor"], begun["detail"]) == (
        "split_off", "li", {"from": number},
    )  # fmt: skip
    assert part["status"] is Status.AWAITING_CONFIRMATION


async def test_no_clock_starts_again(line: Line, splitting: SplitDesk) -> None:
    """A part is due when the whole was, and is not let out untriaged because that was long ago."""
    number = await line.triaged(BOTH)
    line.later(hours=20)
    [_, other] = await splitting.split(number, "li", 2, TEXTS)
    await line.look()
    assert (await line.ticket(other)).status is Status.RECEIVED
    await line.triage_all()
    whole, part = await line.ticket(number), await line.ticket(other)
    assert part.accepted_at == whole.accepted_at == START
    assert part.dispatch_due_at == whole.dispatch_due_at == START + timedelta(hours=24)
    line.later(hours=2)
    await line.look()
    entries = {entry["ticket_id"]: entry["ticket"] for entry in await line.all_entries()}
    assert {number: item["part"] for number, item in entries.items()} == {
        number: TEXTS[0], other: "楼道里堆满旧家具,电话[电话]",
    }  # fmt: skip


async def test_a_part_that_nobody_reads_goes_out_all_the_same(
    line: Line, splitting: SplitDesk
) -> None:
    """Where triage is away a part waits as long as any new appeal does, and no longer."""
    number = await line.triaged(BOTH)
    line.later(hours=20)
    [_, other] = await splitting.split(number, "li", 2, TEXTS)
    line.later(minutes=46)
    await line.look()
    assert other in {entry["ticket_id"] for entry in await line.all_entries()}


async def test_units_that_have_it_learn_what_is_theirs(line: Line, splitting: SplitDesk) -> None:
    """What was published, or is about to be, goes out anew with its part."""
    published, held = await line.triaged(BOTH), await line.triaged(f"{BOTH}!")
    line.later(hours=22)
    await line.look()
    await line.desk.confirm(held, "li", 3, {})
    for number, version in ((published, 3), (held, 4)):
        await splitting.split(number, "li", version, TEXTS)
    await line.publish()
    last = {entry["ticket_id"]: entry for entry in await line.all_entries()}
    for number in (published, held):
        assert last[number]["ticket"]["part"] == TEXTS[0]
        assert last[number]["change"] == "changed"


async def test_the_citizen_is_told(line: Line, splitting: SplitDesk) -> None:
    """They get number and code of each new ticket, and are asked nothing by the program."""
    desk = Desk(line)
    number = (await desk.accept(BOTH, conversation="chat-1")).ticket_id
    await line.triage_all()
    while await desk.send():
        pass
    sent = len(desk.chat.sent)
    [_, other] = await splitting.split(number, "li", 2, TEXTS)
    await line.triage_all()
    while await desk.send():
        pass
    told = [reply.text for reply in desk.chat.sent[sent:]]
    assert other in told[0].replace("-", "")
    assert "查询码" in told[0]
    assert all(reply.address == desk.chat.sent[0].address for reply in desk.chat.sent)
    table = schema.replies.c
    async with line.database.read() as connection:
        rows = await connection.execute(select(table.event).where(table.ticket_id == other))
    assert not [event for event in rows.scalars() if event.startswith("ask_")]


async def test_who_reports_stays_hidden_in_the_parts(line: Line, splitting: SplitDesk) -> None:
    """A part of a report (举报) may be one, whatever triage takes it for, until an agent says."""
    line.triage.finds["举报"] = {"kind": "report"}
    number = await line.triaged("举报停车场乱收费,楼道里还堆满了旧家具", reporter=ME)
    [_, other] = await splitting.split(number, "li", 2, TEXTS)
    await line.triage_all()
    async with line.database.read() as connection:
        part = await line.ticket(other)
        assert part.kind == "complaint"
        assert await may_be_report(connection, part)
    await line.desk.confirm(other, "li", part.version, {})
    async with line.database.read() as connection:
        assert not await may_be_report(connection, await line.ticket(other))


async def test_a_part_can_be_split_again(line: Line, splitting: SplitDesk) -> None:
    """It goes on to name the ticket that all came from, and deals with less."""
    number = await line.triaged(BOTH, reporter=ME)
    [_, other] = await splitting.split(number, "li", 2, TEXTS)
    await line.triage_all()
    [_, third] = await splitting.split(other, "li", 2, ("堆物", "堵了消防通道"))
    await line.triage_all()
    assert (await line.ticket(other)).split_from == number
    assert (await _whole(line, other))["part"] == "堆物"
    assert (await line.ticket(third)).split_from == number
    await splitting.split(number, "li", 3, ("停车费", "物业费"))
    async with line.database.read() as connection:
        first, *_ = await parts_of(connection, number)
    assert first.text == "停车费"


async def test_what_cannot_be_split(line: Line, splitting: SplitDesk) -> None:
    """A stale version, a ticket that triage reads, none at all: nothing is left behind."""
    number = await line.accept(BOTH)
    assert await refused(splitting.split(number, "li", 1, TEXTS)) == "not-yet-triaged"
    await line.triage_all()
    assert await refused(splitting.split(number, "li", 1, TEXTS)) == "version-conflict"
    with pytest.raises(TicketNotFound):
        await splitting.split("261123000000000", "li", 1, TEXTS)
    async with line.database.read() as connection:
        assert len((await connection.execute(select(schema.tickets.c.id))).all()) == 1
