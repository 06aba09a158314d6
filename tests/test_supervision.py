"""A process that is told to stop does, whatever its tasks are at."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from gateway.supervision import EndlessTasks, end


async def test_a_task_that_lost_a_cancellation_is_ended_all_the_same() -> None:
    """Whoever swallows the first request to end is asked again."""
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        lost += 1
        await asyncio.sleep(3600)

    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 30)
    assert (lost, task.cancelled()) == (1, True)


async def test_the_tasks_end_in_the_reverse_order_of_their_start() -> None:
    """What was started last ends first, and each is waited for."""
    ended: list[str] = []

    async def endless(name: str) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    async with AsyncExitStack() as stack:
        tasks = EndlessTasks(stack)
        for name in ("first", "second", "third"):
            tasks.run(endless(name), name)
        await asyncio.sleep(0)
    assert ended == ["third", "second", "first"]


async def test_a_task_that_fails_ends_the_process() -> None:
    """Its failure is raised where the process waits, so that it is started anew."""

    async def failing() -> None:
        raise LookupError("gone")

    async with AsyncExitStack() as stack:
        tasks = EndlessTasks(stack)
        tasks.run(failing(), "failing")
        with pytest.raises(LookupError, match="gone"):
            await tasks.until_stopped()
