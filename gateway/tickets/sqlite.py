"""SQLite's one writer, on the event loop: a statement takes microseconds, a hop to a thread more.

aiosqlite sends every call to a thread. Under load each hop waits for the interpreter lock, and a
transaction of twenty statements takes many times as long as its flush (docs/performance.md). The
writer's calls run where they are; only what waits for the disk or for another process goes to the
thread: opening, `BEGIN IMMEDIATE`, and the end of a transaction. Readers keep their threads, for a
search may take long.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import aiosqlite

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "busy_timeout=10000",
    "foreign_keys=ON",
    "cache_size=-16000",
    "wal_autocheckpoint=4000",
)
BEGIN: Final = "BEGIN IMMEDIATE"
"""How the writer starts a transaction: with the write lock, or not at all."""


class InlineConnection(aiosqlite.Connection):
    """aiosqlite's connection, calling SQLite directly unless the call may wait."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if _waits(fn, args):
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        return fn(*args, **kwargs)


def _waits(fn: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    if isinstance(getattr(fn, "__self__", None), sqlite3.Connection):
        return getattr(fn, "__name__", "") != "cursor"
    return bool(args) and args[0] == BEGIN


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
    connection._thread.daemon = True  # noqa: SLF001
    return await connection
