"""The one reader behind all streams: what it tells of, whom it drops, how it rests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from gateway.supervision import end
from gateway.web.live import BEAT, LOOK_EVERY, Listener, Live
from tests.dispatch.line import Line
from tests.web.console.watching import Event, events_in


@pytest.fixture
async def live(line: Line) -> AsyncIterator[Live]:
    """A reader over the database, on a clock that stands still until somebody moves it."""
    async with _reading(line) as found:
        yield found


@asynccontextmanager
async def _reading(line: Line) -> AsyncIterator[Live]:
    """A reader that runs, as each gateway has one."""
    live = Live(line.database, line.clock, lambda code: f"name of {code}")
    task = asyncio.create_task(live.run())
    yield live
    await end(task)


async def _look(line: Line) -> None:
    """Let all readers look once more."""
    line.clock.advance(timedelta(seconds=LOOK_EVERY))
    await asyncio.sleep(0.05)


async def _hear(line: Line, listener: Listener) -> list[Event]:
    """What the listener is told next, all of it."""
    for _ in range(200):
        frames = [listener.frames.get_nowait() for _ in range(listener.frames.qsize())]
        if found := [frame for frame in frames if frame is not None and frame is not BEAT]:
            return events_in(b"".join(found))
        await _look(line)
    raise AssertionError("nothing was told")


async def test_several_processes_tell_of_the_same(line: Line, live: Live) -> None:
    """What one gateway has written, the reader of another one finds in the store."""
    async with _reading(line) as other:
        listeners = [await live.join(_never), await other.join(_never)]
        number = await line.triaged("楼道里堆满了旧家具")
        for listener in listeners:
            [event] = await _hear(line, listener)
            assert event.name == "tickets"
            [told] = event.data["tickets"]
            assert (told["ticket_id"], told["queue"]) == (number, "unconfirmed")
            assert told["words"] == "楼道里堆满了旧家具"
            assert told["unit_name"] == f"name of {told['unit']}"


async def test_many_changes_of_one_ticket_are_told_once(line: Line, live: Live) -> None:
    """What happens between two looks is told as it stands at the end of it."""
    listener = await live.join(_never)
    number = await line.triaged("楼道里堆满了旧家具")
    await line.desk.confirm(number, "li", 2, {})
    [event] = await _hear(line, listener)
    assert event.data["tickets"] == []
    assert event.data["gone"] == [{"ticket_id": number, "version": 3}]


async def test_what_is_only_accepted_is_told_to_nobody(line: Line, live: Live) -> None:
    """A ticket that triage has not read waits for no agent yet."""
    listener = await live.join(_never)
    await line.accept("楼道里堆满了旧家具")
    for _ in range(4):
        await _look(line)
    assert listener.frames.empty()


async def test_who_does_not_read_is_cut_off(line: Line, live: Live) -> None:
    """Nothing is kept for a client that is too slow; the others go on hearing."""
    cut = []
    slow, quick = await live.join(lambda: cut.append("slow")), await live.join(_never)
    for count in range(60):
        number = await line.triaged(f"楼道里堆满了旧家具{count}")
        told = await _hear(line, quick)
        assert told[-1].data["tickets"][-1]["ticket_id"] == number
        if cut:
            break
    assert cut == ["slow"]
    assert len(live) == 1
    assert slow.frames.full()


async def test_without_listeners_nothing_is_read(line: Line, live: Live) -> None:
    """A reader rests when the last one has left, and the next one hears only what is new."""
    first = await live.join(_never)
    live.leave(first)
    for _ in range(3):
        await _look(line)
    old = await line.triaged("楼道里堆满了旧家具")
    second = await live.join(_never)
    new = await line.triaged("路灯不亮")
    [event] = await _hear(line, second)
    assert {item["ticket_id"] for item in event.data["tickets"]} == {new}
    missed = events_in(await live.since(0))
    assert {item["ticket_id"] for item in missed[0].data["tickets"]} == {old, new}


async def test_the_end_comes_to_all(line: Line, live: Live) -> None:
    """Who listens is told that it ends, and so is who comes too late."""
    listener = await live.join(_never)
    live.close()
    assert await listener.frames.get() is None
    assert await (await live.join(_never)).frames.get() is None


async def test_a_quiet_stream_beats(line: Line, live: Live) -> None:
    """Something is sent every quarter of a minute, so that a lost connection is noticed."""
    listener = await live.join(_never)
    for _ in range(3):
        line.later(seconds=15)
        await asyncio.sleep(0.05)
    assert await listener.frames.get() is BEAT


def _never() -> None:
    raise AssertionError("cut off")
