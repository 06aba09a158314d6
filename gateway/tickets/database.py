"""The database: PostgreSQL as it is; SQLite with one writer that commits in groups."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

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

from gateway.tickets.sqlite import BEGIN, connect_reader, connect_writer

Work = Callable[[AsyncConnection], Awaitable[Any]]
T = TypeVar("T")
_GROUP = 64
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
        self._group = _GroupCommit(writer) if writer is not None else None

    @property
    def is_embedded(self) -> bool:
        """Whether this is SQLite, with no other process beside us."""
        return self._group is not None

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run the work in a transaction and return when it is committed and flushed.

        On SQLite several works share one commit; each is undone alone if it fails.
        """
        if self._group is not None:
            found: T = await self._group.write(work)
            return found
        async with self.engine.begin() as connection:
            return await work(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reading only."""
        async with self.engine.connect() as connection:
            yield connection

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


class _GroupCommit:
    """One writer for SQLite: what waits while a commit runs goes into the next one together."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: asyncio.Queue[tuple[Work, asyncio.Future[Any]]] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None

    async def write(self, work: Work) -> Any:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._run(), name="group commit")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((work, future))
        return await future

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        await self._engine.dispose()

    async def _run(self) -> None:
        """Commit until cancelled; where the file cannot be opened, whoever waits is told so."""
        try:
            async with self._engine.connect() as connection:
                while True:
                    group = [await self._waiting.get()]
                    while not self._waiting.empty() and len(group) < _GROUP:
                        group.append(self._waiting.get_nowait())
                    await self._commit(connection, group)
        except Exception as error:
            while not self._waiting.empty():
                _, future = self._waiting.get_nowait()
                if not future.done():
                    future.set_exception(error)

    async def _commit(
        self, connection: AsyncConnection, group: list[tuple[Work, asyncio.Future[Any]]]
    ) -> None:
        outcomes: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        try:
            async with connection.begin():
                await connection.execute(text(BEGIN))
                for work, future in group:
                    outcomes.append(await _attempt(connection, work, future, len(group) == 1))
        except BaseException as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        for future, result, failure in outcomes:
            if future.done():
                continue
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)


async def _attempt(
    connection: AsyncConnection, work: Work, future: asyncio.Future[Any], alone: bool
) -> tuple[asyncio.Future[Any], Any, BaseException | None]:
    """Run one work of a group; a failure undoes this one and leaves its neighbours."""
    if alone:
        return future, await work(connection), None
    try:
        async with connection.begin_nested():
            return future, await work(connection), None
    except Exception as error:
        return future, None, error
