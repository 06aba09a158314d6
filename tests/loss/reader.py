"""The next stage of a proof, in a process of its own: notes every effect that an entry has.

    python -m tests.loss.reader <database> <redis url> <group> <name>

No constraint keeps a second or an older effect out of its tables: that is the library's work,
and the proof looks whether it was done.
"""

import argparse
import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.exceptions import RedisError

from gateway.dispatch.consumer import Consumer, Entry, SqliteLedger
from gateway.dispatch.streams import Client, connect

_TABLE = """
CREATE TABLE IF NOT EXISTS effects (
  number INTEGER PRIMARY KEY AUTOINCREMENT, ticket_id TEXT NOT NULL, version INTEGER NOT NULL,
  unit TEXT NOT NULL, tier TEXT NOT NULL, confirmation TEXT NOT NULL, messages INTEGER NOT NULL,
  reader TEXT NOT NULL
)
"""


class ReaderProcess:
    """A reader that can be killed and started again under its name."""

    def __init__(self, database: Path, redis_url: str, group: str, name: str) -> None:
        self.database = database
        self.group = group
        self._log = database.with_name(f"reader-{name}.log")
        self._command = [
            sys.executable, "-m", "tests.loss.reader", str(database), redis_url, group, name,
        ]  # fmt: skip
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it waits for Redis by itself."""
        root = str(Path(__file__).parents[2])
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, env={**os.environ, "PYTHONPATH": root}, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self._child is not None:
            assert self._child.poll() is None, f"the reader ended: {self._log.read_text()[-2000:]}"
            self._child.kill()
            self._child.wait()
            self._child = None

    def kill_before_it_acknowledges(self) -> None:
        """Have it killed as by -9 right after its next commit: Redis delivers all that again."""
        assert self._child is not None
        self._child.send_signal(signal.SIGUSR1)
        assert self._child.wait(60) == -signal.SIGKILL
        self._child = None

    def end(self) -> None:
        """End it if it is still there, however it went."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def stop(self) -> None:
        """Let it finish what it has in hand."""
        if self._child is not None:
            self._child.terminate()
            assert self._child.wait(30) == 0, self._log.read_text()[-2000:]
            self._child = None


class _Ledger(SqliteLedger):
    """A ledger whose process can be told to die at the worst moment."""

    dies = False

    def die(self) -> None:
        """End the process after the next commit, before anything is acknowledged."""
        self.dies = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Open a batch's transaction."""
        async with super().transaction():
            yield
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)


async def _connected(url: str) -> Client:
    """Return a client once a server answers; a cluster's nodes are asked what they are."""
    while True:
        try:
            return await connect(url)
        except (RedisError, OSError):
            await asyncio.sleep(0.2)


async def _read(options: argparse.Namespace) -> None:
    ledger = _Ledger(options.database)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, ledger.die)
    with sqlite3.connect(options.database, isolation_level=None) as db:
        db.execute(_TABLE)
    db.close()

    async def note(entry: Entry, db: sqlite3.Connection) -> None:
        assert entry.ticket["version"] == entry.version
        assert entry.ticket["addressed_unit"] == entry.unit
        db.execute(
            "INSERT INTO effects (ticket_id, version, unit, tier, confirmation, messages, reader) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                entry.ticket_id, entry.version, entry.unit, entry.tier, entry.confirmation,
                len(entry.ticket["messages"]), options.name,
            ),
        )  # fmt: skip

    redis = await _connected(options.redis)
    # What a killed reader had in hand is taken over soon, so that the proof need not wait long.
    consumer = Consumer(
        redis, options.group, options.name, ledger, note,
        sleep=asyncio.sleep, monotonic=time.monotonic, reclaim_after=5.0, block=0.5,
    )  # fmt: skip
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, consumer.stop)
    await consumer.run()
    await redis.aclose()
    ledger.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("database", "redis", "group", "name"):
        parser.add_argument(name)
    asyncio.run(_read(parser.parse_args()))
