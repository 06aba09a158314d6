"""The one clock, and the bell that goes by it."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.bell import Bell
from gateway.clock import SimulatedClock, SystemClock

START = datetime(2026, 11, 23, tzinfo=UTC)


async def test_the_systems_clock_tells_utc_and_never_goes_back() -> None:
    """Times are aware and in UTC; spans are measured by a clock that only goes on."""
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() >= before


async def test_a_simulated_clock_stands_until_it_is_advanced() -> None:
    """Nothing passes by itself: a month is one call."""
    clock = SimulatedClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0)
    clock.advance(timedelta(days=30))
    assert (clock.now(), clock.monotonic()) == (START + timedelta(days=30), 30 * 86400)


@given(st.lists(st.integers(0, 100), max_size=20))
async def test_sleepers_wake_in_the_order_of_their_times(spans: list[int]) -> None:
    """Whoever has slept long enough wakes, sooner ones first, equals as they came."""
    clock = SimulatedClock(START)
    woken: list[tuple[int, int]] = []

    async def sleeper(place: int, span: int) -> None:
        await clock.sleep(span)
        woken.append((span, place))

    tasks = [asyncio.ensure_future(sleeper(*pair)) for pair in enumerate(spans)]
    await asyncio.sleep(0)
    clock.advance(timedelta(seconds=50))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    due = sorted((span, place) for place, span in enumerate(spans) if span <= 50)
    assert woken == due
    clock.advance(timedelta(seconds=50))
    await asyncio.gather(*tasks)
    assert len(woken) == len(spans)


async def test_a_bell_wakes_who_waits_and_remembers_a_ring() -> None:
    """Work that came before the wait ends it at once; else the clock does."""
    clock = SimulatedClock(START)
    bell = Bell(clock)
    bell.ring()
    await bell.wait(3600)
    waiting = asyncio.ensure_future(bell.wait(3600))
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring()
    await asyncio.wait_for(waiting, 10)
    waiting = asyncio.ensure_future(bell.wait(3600))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.advance(timedelta(hours=1))
    await asyncio.wait_for(waiting, 10)


async def test_whoever_waits_at_a_bell_can_be_ended_at_any_moment() -> None:
    """A cancellation that comes together with a ring is not lost: a process ends when told."""
    for steps in range(8):
        bell = Bell(SimulatedClock(START))

        async def work(bell: Bell = bell) -> None:
            while True:
                await bell.wait(3600)

        working = asyncio.ensure_future(work())
        for _ in range(3):
            await asyncio.sleep(0)
        bell.ring()
        for _ in range(steps):
            await asyncio.sleep(0)
        working.cancel()
        done, _ = await asyncio.wait({working}, timeout=10)
        assert done == {working}
