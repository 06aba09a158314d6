"""The endless tasks of a process: they run until it is told to stop, or until one of them fails."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final

_INSIST_AFTER: Final = 2.0


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel a task until it has ended, whatever it ends with.

    Asks again and again: redis-py swallows a cancellation that arrives together with an answer
    (redis/redis-py#2028), and a process that is told to stop must.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_INSIST_AFTER)


class EndlessTasks:
    """Keeps tasks for the life of a process; each ends when the stack unwinds to it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def run(self, endless: Coroutine[Any, Any, None], name: str) -> None:
        """Keep a task until the end; its failure ends the process, which is then restarted."""
        task = asyncio.create_task(endless, name=name)

        def note(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and done.exception() and not self._failed.done():
                self._failed.set_exception(done.exception() or RuntimeError(name))

        task.add_done_callback(note)

        self._stack.push_async_callback(end, task)

    async def until_stopped(self) -> None:
        """Return at SIGTERM or SIGINT; raise what a task raised."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        waiting = asyncio.ensure_future(stopped.wait())
        endings: set[asyncio.Future[Any]] = {waiting, self._failed}
        await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._failed.done():
            self._failed.result()
