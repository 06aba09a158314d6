"""A consumer as a dispatch team would write it, for measuring from POST to handler."""

import asyncio
import multiprocessing
import sqlite3
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from redis.asyncio import Redis

from gateway.clock import SystemClock
from gateway.dispatch.consumer import Consumer, Entry, SqliteLedger


class ConsumingProcess:
    """A process that handles every entry for one group and counts them."""

    def __init__(self, socket: Path, group: str, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_consume, args=(str(socket), group, str(folder), theirs), daemon=True
        )
        self._process.start()

    def handled(self) -> tuple[int, float]:
        """Return how many were handled, and the monotonic time of the last of them."""
        self._ours.send("handled")
        count, at = self._ours.recv()
        return int(count), float(at)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.join()


def _consume(socket: str, group: str, folder: str, pipe: Connection) -> None:
    uvloop.run(_run(socket, group, folder, pipe))


async def _run(socket: str, group: str, folder: str, pipe: Connection) -> None:
    clock = SystemClock()
    ledger = SqliteLedger(Path(folder) / f"bench-{group}.sqlite3")
    count, last = 0, 0.0

    async def handle(_entry: Entry, _transaction: sqlite3.Connection) -> None:
        nonlocal count, last
        count, last = count + 1, clock.monotonic()

    redis = Redis(unix_socket_path=socket, socket_timeout=10)
    consumer = Consumer(
        redis, group, "bench", ledger, handle, sleep=clock.sleep, monotonic=clock.monotonic,
        batch=100,
    )  # fmt: skip
    running = asyncio.create_task(consumer.run())
    loop = asyncio.get_running_loop()

    def answer() -> None:
        pipe.recv()
        pipe.send((count, last))

    loop.add_reader(pipe.fileno(), answer)
    with suppress(asyncio.CancelledError):
        await running
