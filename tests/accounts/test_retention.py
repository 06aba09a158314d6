"""Personal data of tickets closed long ago: erased, once, and told of; the masked text stays."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.message import Reporter
from gateway.accounts.audit import AuditLog, read_audit
from gateway.accounts.retention import NEXT_LINES, Retention
from gateway.tickets import schema
from gateway.tickets.store import Happening, lock_ticket, save
from gateway.tickets.workflow import Status
from tests.dispatch.conftest import line
from tests.dispatch.line import Line

__all__ = ["line"]

TEXT = "我叫王小明,电话13900001111,三号楼停水"
SEALED = ("sealed_text", "sealed_raw", "sealed_reporter", "sealed_reply_to", "conversation")
WANG = Reporter("王小明", "13900001111", "11010119900307803X", "三号楼")


@pytest.fixture
def retention(line: Line) -> Retention:
    """Keeps data for thirty days."""
    log = AuditLog(line.vault, line.clock)
    return Retention(line.database, line.clock, log, timedelta(days=30))


async def _told(line: Line, text: str = TEXT) -> str:
    chat = {"reply_to": "chat-1", "conversation": "chat-1", "anew": True}
    return await line.triaged(text, reporter=WANG, **chat)


async def _become(line: Line, number: str, status: Status) -> None:
    async def work(connection: AsyncConnection) -> None:
        ticket = await lock_ticket(connection, number)
        ticket = replace(ticket, status=status, version=ticket.version + 1)
        await save(connection, [Happening(ticket, str(status), "test", line.clock.now())])

    await line.database.write(work)


async def _all(line: Line, retention: Retention) -> None:
    while await retention.step():
        pass


async def _messages(line: Line, number: str) -> Sequence[Any]:
    statement = select(schema.messages).where(schema.messages.c.ticket_id == number)
    async with line.database.read() as connection:
        return (await connection.execute(statement)).all()


async def _has_people(line: Line, number: str) -> bool:
    """Whether anything is left of who sent the ticket; all of it is, or nothing."""
    statement = select(schema.people).where(schema.people.c.ticket_id == number)
    async with line.database.read() as connection:
        found = [bool((await connection.execute(statement)).all())]
    for row in await _messages(line, number):
        found += [bool(getattr(row, name)) for name in SEALED]
    assert len(set(found)) == 1, found
    return found[0]


async def _entries(line: Line) -> list[dict[str, Any]]:
    async with line.database.read() as connection:
        lines = await read_audit(connection, limit=100)
    return [{**entry["detail"], "actor": entry["actor"]} for entry in reversed(lines)]


async def test_what_was_closed_long_ago_is_erased(line: Line, retention: Retention) -> None:
    """Thirty days after closing nothing is left of who it was; the masked text is."""
    closed, still_open = await _told(line), await _told(line, TEXT + "两天了")
    await _become(line, closed, Status.WITHDRAWN)
    line.later(days=29, hours=23)
    await _all(line, retention)
    assert await _has_people(line, closed)
    line.later(hours=2)
    await _all(line, retention)
    assert not await _has_people(line, closed)
    assert await _has_people(line, still_open)
    [message] = await _messages(line, closed)
    assert message.masked_text == "我叫[诉求人],电话[电话],三号楼停水"
    [entry] = await _entries(line)
    assert entry == {
        "actor": "clock", "tickets": 1, "messages": 1, "closed_before": "2026-11-23T02:00:00+00:00",
    }  # fmt: skip


async def test_nothing_is_erased_twice(line: Line, retention: Retention) -> None:
    """A second look finds nothing to do and tells of nothing."""
    await _become(line, await _told(line), Status.WITHDRAWN)
    line.later(days=31)
    for _ in range(3):
        await _all(line, retention)
    assert len(await _entries(line)) == 1


async def test_a_ticket_opened_again_is_kept_until_it_is_closed_again(
    line: Line, retention: Retention
) -> None:
    """The days count from the last closing, also where an earlier one was looked at before."""
    number = await _told(line)
    await _become(line, number, Status.WITHDRAWN)
    line.later(days=20)
    await _become(line, number, Status.AWAITING_CONFIRMATION)
    line.later(days=31)
    await _all(line, retention)
    assert await _has_people(line, number)
    await _become(line, number, Status.ANSWERED)
    line.later(days=29)
    await _all(line, retention)
    assert await _has_people(line, number)
    line.later(days=2)
    await _all(line, retention)
    assert not await _has_people(line, number)


async def test_what_is_told_after_the_erasing_is_erased_in_its_turn(
    line: Line, retention: Retention
) -> None:
    """A ticket that was erased, opened again and added to loses that too."""
    number = await _told(line)
    await _become(line, number, Status.WITHDRAWN)
    line.later(days=31)
    await _all(line, retention)
    await _become(line, number, Status.AWAITING_CONFIRMATION)
    await line.accept("电话换成13900002222了", of_ticket=number)
    await line.triage_all()
    ticket = await line.ticket(number)
    assert (ticket.untriaged, ticket.needs_triage) == (False, False)
    await _become(line, number, Status.WITHDRAWN)
    line.later(days=31)
    await _all(line, retention)
    assert not await _has_people(line, number)
    assert [entry["messages"] for entry in await _entries(line)] == [1, 1]


async def test_more_than_one_look_takes_in(line: Line, retention: Retention) -> None:
    """A long history is walked in steps, each with one entry in the log, and none is left out."""
    numbers = [await _told(line, f"{TEXT}{number}") for number in range(3)]
    for number in numbers:
        await _become(line, number, Status.WITHDRAWN)
    filler = {"ticket_id": numbers[1], "version": 9, "at": line.clock.now(), "event": "noted",
              "actor": "test", "status": "withdrawn", "detail": {}}  # fmt: skip
    await line.database.write(lambda c: c.execute(insert(schema.history), [filler] * 1100))
    line.later(days=31)
    await _all(line, retention)
    assert [await _has_people(line, number) for number in numbers] == [False] * 3
    assert [entry["tickets"] for entry in await _entries(line)] == [2, 1]


async def test_media_calls_and_replies_go_too(line: Line, retention: Retention) -> None:
    """What a vendor has, what stood in a picture, a call as it was told, and what waits unsent."""
    number = await _told(line)
    [message] = await _messages(line, number)
    now = line.clock.now()
    medium = {
        "id": "d1", "message": message.id, "ticket_id": number, "channel": "web", "attempts": 1,
        "not_before": now, "done_at": now, "sealed_reference": b"r", "sealed_name": b"n",
        "sealed_text": b"t", "masked_text": "停水通知", "mask_spans": [[0, 1, "[电话]"]],
    }  # fmt: skip
    call = {"channel": message.channel, "call": message.message_id, "version": 1,
            "sealed_state": b"s"}  # fmt: skip
    file = {"message": message.id, "ticket_id": number, "address": "a" * 64, "size": 1,
            "media_type": "image/png", "sealed_name": b"n"}  # fmt: skip

    async def add(connection: AsyncConnection) -> None:
        await connection.execute(insert(schema.media).values(medium))
        await connection.execute(insert(schema.attachments).values(file))
        await connection.execute(insert(schema.calls), [call, call | {"call": "another"}])

    await line.database.write(add)
    await _become(line, number, Status.WITHDRAWN)
    line.later(days=31)
    await _all(line, retention)
    async with line.database.read() as connection:
        [medium_now] = await connection.execute(select(schema.media))
        [file_now] = await connection.execute(select(schema.attachments))
        calls = (await connection.execute(select(schema.calls.c.call))).scalars().all()
        waiting = select(schema.replies).where(schema.replies.c.done_at.is_(None))
        assert (await connection.execute(waiting)).all() == []
    assert (medium_now.sealed_reference, medium_now.sealed_name) == (None, None)
    assert (medium_now.sealed_text, medium_now.masked_text) == (b"", "停水通知")
    assert (file_now.sealed_name, file_now.address) == (b"", "a" * 64)
    assert calls == ["another"]


async def test_one_who_was_overtaken_erases_nothing(line: Line, retention: Retention) -> None:
    """A process that lost its lease in the midst leaves the work to the one that has it."""
    await _become(line, await _told(line), Status.WITHDRAWN)
    line.later(days=31)
    await _all(line, retention)
    again = update(schema.messages).values(sealed_raw=b"again")
    await line.database.write(lambda c: c.execute(again))
    async with line.database.read() as connection:
        lines = (await connection.execute(NEXT_LINES, {"through": 0})).all()
    before = line.clock.now()
    await line.database.write(lambda c: retention._erase(c, 0, lines, before))
    assert len(await _entries(line)) == 1
