"""The database: PostgreSQL as it is; SQLite with one writer that commits in groups."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import make_url, text
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.tickets.group_commit import GroupCommit
from gateway.tickets.sqlite import connect_reader, connect_writer

T = TypeVar("T")
PATIENT_PART: Final = 8
"""Tickets that a patient work stores in one transaction: a receipt may have to wait for its end."""
_JSON: dict[str, Any] = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}


def is_away(error: Exception) -> bool:
    """Return whether the database could not be reached, or not just now; else it refused."""
    if isinstance(error, IntegrityError | ProgrammingError | DataError | NotSupportedError):
        return False
    return isinstance(error, DBAPIError | PoolTimeout | OSError)


class Database:
    """Transactions for readers and writers, whichever database stands behind."""

    def __init__(self, engine: AsyncEngine, writer: AsyncEngine | None = None) -> None:
        self.engine = engine
        self._group = GroupCommit(writer) if writer is not None else None

    @property
    def is_embedded(self) -> bool:
        """Whether this is SQLite, with no other process beside us."""
        return self._group is not None

    @property
    def is_rush(self) -> bool:
        """Whether receipts and patient works compete for SQLite's one writer."""
        return self._group is not None and self._group.is_rush

    async def write(
        self, work: Callable[[AsyncConnection], Awaitable[T]], *, patient: bool = False
    ) -> T:
        """Run the work in a transaction and return when it is committed and flushed.

        On SQLite several works share one commit, and each is undone alone if it fails. Nobody
        waits for a `patient` one: in a rush it lets others go first.
        """
        if self._group is not None:
            found: T = await self._group.write(work, patient=patient)
            return found
        async with self.engine.begin() as connection:
            return await work(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reading only."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees one moment, and keeps no writer waiting."""
        async with self.engine.connect() as connection:
            if self.is_embedded:
                await connection.execute(text("BEGIN"))
            else:
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection
            await connection.rollback()

    async def ping(self) -> None:
        """Raise whatever the database raises when it is not there."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Finish the writer and give all connections back."""
        if self._group is not None:
            await self._group.close()
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database of the URL; nothing is connected yet."""
    if not url.startswith("sqlite"):
        engine = create_async_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True, **_JSON)
        return Database(engine)
    path = str(make_url(url).database)
    readers = create_async_engine(
        url, pool_size=4, max_overflow=4, async_creator=partial(connect_reader, path), **_JSON
    )
    writer = create_async_engine(
        url, pool_size=1, max_overflow=0, async_creator=partial(connect_writer, path), **_JSON
    )
    return Database(readers, writer)
