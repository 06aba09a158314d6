"""SQLite's one writer, on the event loop: a statement takes microseconds, a hop to a thread more.

aiosqlite sends every call to a thread. Under load each hop waits for the interpreter lock, and a
transaction of twenty statements takes many times as long as its flush (docs/performance.md). The
writer's calls run where they are; only what waits for the disk or for another process goes to the
thread: opening, the end of a transaction, and its beginning if another process writes just then.
Readers keep their threads, for a search may take long.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import aiosqlite

_BUSY_MS: Final = 10_000
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={_BUSY_MS}",
    "foreign_keys=ON",
    "cache_size=-16000",
    "wal_autocheckpoint=4000",
)
BEGIN: Final = "BEGIN IMMEDIATE"
"""How the writer starts a transaction: with the write lock, or not at all."""


class InlineConnection(aiosqlite.Connection):
    """aiosqlite's connection, calling SQLite directly unless the call may wait."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        if args and args[0] == BEGIN:
            return await self._begin(fn, *args)
        if _waits(fn):
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        return fn(*args, **kwargs)

    async def _begin(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Take the write lock; wait for it in the thread only if another process has it."""
        self._conn.execute("PRAGMA busy_timeout=0")
        try:
            return fn(*args)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        finally:
            self._conn.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        return await super()._execute(fn, *args)  # type: ignore[no-untyped-call]


def _waits(fn: Callable[..., Any]) -> bool:
    of_connection = isinstance(getattr(fn, "__self__", None), sqlite3.Connection)
    return of_connection and getattr(fn, "__name__", "") != "cursor"


def open_connection(path: str) -> sqlite3.Connection:
    """Return an open connection, configured for one writer and many readers."""
    connection = sqlite3.connect(path, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


async def connect_reader(path: str) -> aiosqlite.Connection:
    """Return a connection whose calls all run in a thread of its own."""
    return await _started(aiosqlite.Connection(partial(open_connection, path), 64))


async def connect_writer(path: str) -> aiosqlite.Connection:
    """Return a connection whose calls run in a thread only where they may wait."""
    return await _started(InlineConnection(partial(open_connection, path), 64))


async def _started(connection: aiosqlite.Connection) -> aiosqlite.Connection:
    thread = connection._thread  # noqa: SLF001
    thread.daemon = True
    try:
        return await connection
    except sqlite3.Error:
        # It has nothing left to do; a loop that closes now would be gone when it says so.
        thread.join()
        raise
